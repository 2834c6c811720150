/**
 * That a database has been written, noted outside of it: when the browser has lost the database, the note is how we
 * know. It stands in the private file system, which kept all when IndexedDB didn't, else in `localStorage`; a user who
 * clears the site's data clears both. Where neither is there, a loss can't be told from a new place.
 */

import { privateRoot, rootToWrite } from '../../src/private-root.ts'

/** Whether the database was noted. */
export async function isNoted(database: string): Promise<boolean> {
  try {
    await (await notesIn(await privateRoot())).getFileHandle(fileOf(database))
    return true
  } catch {
    return quietly(() => localStorage.getItem(keyOf(database))) !== undefined
  }
}

/** Notes the database. Where nothing can be noted, nothing happens. */
export async function note(database: string): Promise<void> {
  try {
    const notes = await notesIn(await rootToWrite(), { create: true })
    await notes.getFileHandle(fileOf(database), { create: true })
  } catch {
    quietly(() => localStorage.setItem(keyOf(database), 'written'))
  }
}

/** Takes the note away: what is removed on purpose isn't lost. */
export async function unnote(database: string): Promise<void> {
  quietly(() => localStorage.removeItem(keyOf(database)))
  try {
    await (await notesIn(await rootToWrite())).removeEntry(fileOf(database))
  } catch {
    // There is none.
  }
}

function notesIn(
  root: FileSystemDirectoryHandle,
  options: FileSystemGetDirectoryOptions = {},
): Promise<FileSystemDirectoryHandle> {
  return root.getDirectoryHandle('.ocidir-indexeddb', options)
}

function fileOf(database: string): string {
  return `${encodeURIComponent(database)}.written`
}

function keyOf(database: string): string {
  return `${database}.written`
}

/** A worker has no `localStorage`, and a browser that blocks it throws. */
function quietly<T>(call: () => T | null): T | undefined {
  try {
    return call() ?? undefined
  } catch {
    return undefined
  }
}
