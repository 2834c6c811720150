/** Places of the storage suite in the private file system, where every blob counts as a large one. */

import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { type LargeFiles, largeFiles } from '../../adapters/fsa/large-files.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import type { StoragePlace } from '../suites/index.ts'

/** How the blobs of some storages were written. */
export interface Tallies {
  opened: number
  refused: number
}

/** A place for one case: a folder of its own. */
export function placeFor(open: (name: string) => Promise<StorageAdapter>): StoragePlace {
  const name = `suite-${crypto.randomUUID()}`
  return {
    open: () => open(name),
    async remove() {
      await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
    },
  }
}

/** A storage all of whose blobs, however small, go the faster way; it counts what became of that. */
export async function allLarge(
  name: string,
  tallies: Tallies,
  worker?: () => Worker,
): Promise<DirectoryStorage> {
  const large = largeFiles([name], { worker, least: 0 })
  const storage = await storageOver(name, large)
  return Object.assign(storage, {
    async close() {
      await DirectoryStorage.prototype.close.call(storage)
      tallies.opened += large.tally.opened
      tallies.refused += large.tally.refused
      Object.assign(large.tally, { opened: 0, refused: 0 })
    },
  })
}

/** A storage in the private file system, with the given way for its large files. */
export async function storageOver(name: string, large: LargeFiles): Promise<DirectoryStorage> {
  const root = await handleOf(name)
  const lockName = `ocidir:opfs:${name}`
  return new DirectoryStorage({ storage: `large:${name}`, root, lockName, moves: true, quota: true, large })
}

/** The handle of a folder in the private file system, made where there is none. */
export async function handleOf(name: string): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })
}
