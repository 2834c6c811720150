/**
 * Half-written blobs in a browser: private files whose names say which blob they are of, for whoever writes it next.
 *
 * In the private file system one writer at a time has such a file, for a lock that all of the origin heed is held as long;
 * he goes on in it where he can. On a folder of the disk nobody knows who else writes there, so each writer has a file of
 * its own there, and what others left is only read.
 */

import type { LeftBytes, ResumableMedium } from '../../src/staging.ts'
import type { AbortOptions, BlobPath } from '../../src/storage.ts'
import { storedBlob } from '../../src/stored-blob.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { lockedPart, takeLock } from '../../src/web-lock.ts'
import { type LayoutDirectory, makePrivateFolder, privateFolder, removeFile } from './directory.ts'
import { absent, unless } from './faults.ts'
import { childrenOf } from './listing.ts'
import { StagedInBrowser, versionOf } from './staged.ts'

// Milliseconds. The lock of a page that is reloaded is still there for a moment.
const patience = 500
// Whoever has written nothing to a folder of the disk for so long is taken for dead. If he isn't, his copy fails.
const surelyLeft = 10 * 60 * 1000
const longestName = 255

/** What is to be gone on with. */
export interface PartOptions extends AbortOptions {
  /** Bytes of the whole blob. */
  readonly size: number
  /** What this very storage left. */
  readonly left: LeftBytes | undefined
}

/** A private file of one blob, with what there is of it. `undefined` where somebody else is at it. */
export async function openPart(
  layout: LayoutDirectory,
  path: BlobPath,
  options: PartOptions,
): Promise<ResumableMedium | undefined> {
  const prefix = `part-${path.slice('blobs/'.length).replace('/', '-')}-`
  const [name, newName] = [prefix + crypto.randomUUID(), prefix + crypto.randomUUID()]
  if (name.length > longestName) return undefined
  const release = await takeLock(`${layout.lockName}/part/${path}`, { patience, signal: options.signal })
  if (release === undefined) return undefined
  try {
    const found = await findPart(layout, prefix, options)
    // In the private file system the lock says so; elsewhere nobody writes into a file that another has left.
    const isOwn = layout.quota || (found !== undefined && found.file.name === options.left?.name)
    const staged = await StagedInBrowser.create(layout, {
      size: options.size,
      part: { name: found?.file.name ?? name, newName, kept: found?.file, isOwn },
      signal: options.signal,
    })
    const place = { storage: layout.storage, path: `${privateFolder}/${found?.file.name}` }
    const kept = found === undefined ? storedBytes(new Uint8Array()) : storedBlob(found.file, place)
    return lockedPart(staged, { kept, isUntouched: found?.isUntouched ?? false, release })
  } catch (error) {
    release()
    throw error
  }
}

interface FoundPart {
  readonly file: File
  /** It is what this storage left, as it left it. */
  readonly isUntouched: boolean
}

/** The longest part of a blob that is there. What can be of no use any more is removed on the way. */
async function findPart(
  layout: LayoutDirectory,
  prefix: string,
  { size, left }: PartOptions,
): Promise<FoundPart | undefined> {
  const folder = await makePrivateFolder(layout)
  const files: File[] = []
  for (const handle of await childrenOf(folder)) {
    if (!(handle instanceof FileSystemFileHandle) || !isPart(handle.name, prefix)) continue
    const file = await unless(absent, handle.getFile())
    if (file === undefined) continue
    const isAltered =
      file.name === left?.name && left.version !== undefined && left.version !== versionOf(file)
    if (isAltered) await removeFile(folder, file.name).catch(() => {})
    else files.push(file)
  }
  files.sort((a, b) => b.size - a.size)
  const longest = files.find(file => file.size > 0 && file.size <= size)
  for (const file of files) {
    const isLeft = layout.quota || Date.now() - file.lastModified > surelyLeft
    if (file !== longest && isLeft) await removeFile(folder, file.name).catch(() => {})
  }
  const isUntouched = layout.quota && longest?.name === left?.name && left?.version !== undefined
  return longest && { file: longest, isUntouched }
}

function isPart(name: string, prefix: string): boolean {
  return (
    name.startsWith(prefix) && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name.slice(prefix.length))
  )
}
