/** One version of a file: a `File` is a snapshot, but engines differ in what they say when the file is replaced. */

import { isOciError, OciError } from '../../src/errors.ts'
import { letShare, type SharedFile } from '../../src/shared-file.ts'
import type { BlobPath, LayoutPath, StoredFile } from '../../src/storage.ts'
import { storedBlob } from '../../src/stored-blob.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { blobLock, findFile, type LayoutDirectory } from './directory.ts'
import { absent, faulty, unless } from './faults.ts'

const smallFile = 1024 * 1024
const largestDocument = 64 * 1024 * 1024
const attempts = 10

/**
 * Opens a file. A document is read at once, and again when a writer replaced it in that moment; of a blob nothing is
 * read yet, unless a later version could not be told apart from it.
 */
export async function openFile(layout: LayoutDirectory, path: LayoutPath): Promise<StoredFile | undefined> {
  for (let attempt = 1; ; attempt++) {
    const file = await findFileNow(layout, path)
    if (file === undefined) return undefined
    // WebKit tells the time of whatever file has the name now, so it is asked for only here.
    const snapshot = { layout, path, file, size: file.size, modified: file.lastModified }
    if (!isReadAtOnce(snapshot)) {
      const stored = storedBlob(file, placeOf(snapshot), cause => checkUnchanged(snapshot, cause))
      return path.startsWith('blobs/') ? letShare(stored, () => share(snapshot)) : stored
    }
    try {
      return storedBytes(await readNow(snapshot), snapshot.modified)
    } catch (error) {
      if (attempt === attempts || !isOciError(error, 'STORAGE_CHANGED')) throw error
    }
  }
}

/**
 * WebKit's files have times of whole seconds, and it reads a replaced file without any error. So what was written
 * within this second is read now, as far as it fits: a large blob that is replaced within its second by other bytes
 * of the same number stays unnoticed there (but not by `readBlob`, which verifies).
 */
function isReadAtOnce({ path, size, modified }: Snapshot): boolean {
  const isCoarse = hasCoarseTime(modified)
  const isDocument = path === 'index.json' || path === 'oci-layout'
  if (isDocument) return size <= (isCoarse ? largestDocument : smallFile)
  return isCoarse && Date.now() - modified < 2000 && size <= smallFile
}

function hasCoarseTime(modified: number): boolean {
  return modified % 1000 === 0
}

async function readNow(snapshot: Snapshot): Promise<Uint8Array> {
  const bytes = await storedBlob(snapshot.file, placeOf(snapshot)).bytes()
  // A longer version that came in between would have given its beginning. Of a file of the disk Chromium, too, compares
  // whole seconds; in the private file system it notices (0 of 3,261 reads).
  if (hasCoarseTime(snapshot.modified) || !snapshot.layout.quota) await checkUnchanged(snapshot)
  return bytes
}

async function findFileNow(layout: LayoutDirectory, path: LayoutPath): Promise<File | undefined> {
  const handle = await findFile(layout, path)
  return handle && unless(absent, handle.getFile())
}

/** Whether workers can read a layout's files, by the first that was tried: a later one may be in use by somebody. */
const readable = new WeakMap<LayoutDirectory, boolean>()

/** For workers, in the private file system alone: on a disk nobody can be kept from taking a file away. */
async function share(snapshot: Snapshot): Promise<SharedFile | undefined> {
  const { layout, path, size } = snapshot
  if (!layout.quota || readable.get(layout) === false) return undefined
  const handle = await faulty({ ...placeOf(snapshot), operation: 'read' }, () => findFile(layout, path))
  if (handle === undefined) return undefined
  return {
    way: { handle, size, lock: blobLock(layout, path as BlobPath) },
    check: () => checkUnchanged(snapshot),
    async close(isRefused) {
      if (!isRefused || !readable.has(layout)) readable.set(layout, !isRefused)
    },
  }
}

interface Snapshot {
  readonly layout: LayoutDirectory
  readonly path: LayoutPath
  readonly file: File
  readonly size: number
  readonly modified: number
}

/** WebKit gives the bytes of a replaced file without any error, so its time and size are looked at once more. */
async function checkUnchanged(snapshot: Snapshot, cause?: unknown): Promise<void> {
  const { layout, path, size, modified } = snapshot
  const place = placeOf(snapshot)
  const now = await faulty({ ...place, operation: 'read' }, () => findFileNow(layout, path))
  if (now?.size !== size || now.lastModified !== modified)
    throw new OciError('STORAGE_CHANGED', place, { cause })
}

function placeOf({ layout, path }: Snapshot): { readonly storage: string; readonly path: LayoutPath } {
  return { storage: layout.storage, path }
}
