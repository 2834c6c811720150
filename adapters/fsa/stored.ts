/** One version of a file: a `File` is a snapshot, but engines differ in what they say when the file is replaced. */

import { isOciError, OciError } from '../../src/errors.ts'
import { domNameOf } from '../../src/faults.ts'
import { checkRange, type LayoutPath, type RangeOptions, type StoredFile } from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { orAborted, streamOf } from '../../src/streams.ts'
import { findFile, type LayoutDirectory } from './directory.ts'
import { absent, faulty, replaced, unless } from './faults.ts'

const longestChunk = 1024 * 1024
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
    if (!isReadAtOnce(snapshot)) return storedFile(snapshot)
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
  const bytes = await orChanged(snapshot, () => readPart(snapshot.file, { start: 0, end: snapshot.size }))
  // A longer version that came in between would have given its beginning. Of a file of the disk Chromium, too, compares
  // whole seconds; in the private file system it notices (0 of 3,261 reads).
  if (hasCoarseTime(snapshot.modified) || !snapshot.layout.quota) await checkUnchanged(snapshot)
  return bytes
}

async function findFileNow(layout: LayoutDirectory, path: LayoutPath): Promise<File | undefined> {
  const handle = await findFile(layout, path)
  return handle && unless(absent, handle.getFile())
}

function storedFile(snapshot: Snapshot): StoredFile {
  const { file, size, modified } = snapshot
  return {
    size,
    modified,
    blob: file,
    stream(range: RangeOptions = {}) {
      const part = checkRange(range, size)
      return streamOf(chunks(snapshot, part), { signal: range.signal })
    },
    async bytes(range: RangeOptions = {}) {
      const part = checkRange(range, size)
      range.signal?.throwIfAborted()
      return orAborted(readWhole(snapshot, part), range.signal)
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

interface Part {
  readonly start: number
  readonly end: number
}

async function readWhole(from: Snapshot, part: Part): Promise<Uint8Array> {
  const bytes = await orChanged(from, () => readPart(from.file, part))
  await checkUnchanged(from)
  return bytes
}

async function* chunks(from: Snapshot, { start, end }: Part): AsyncGenerator<Uint8Array, void, undefined> {
  // The browser's own stream reads ahead: measured twice to three times as fast as slice after slice.
  const reader = from.file.slice(start, end).stream().getReader()
  let at = start
  try {
    while (at < end) {
      const { value } = await reader.read().catch(error => failed(from, error))
      if (value === undefined) throw changed(from.layout, from.path)
      at += value.length
      if (at >= end) await checkUnchanged(from)
      for (let offset = 0; offset < value.length; offset += longestChunk) {
        yield value.subarray(offset, offset + longestChunk)
      }
    }
  } finally {
    // Not awaited: it has ended, or nobody waits for what it still says.
    reader.cancel().catch(() => {})
  }
}

/** A `Blob`'s stream says "network error" whatever happened, so it is the file that tells. */
async function failed(from: Snapshot, cause: unknown): Promise<never> {
  await checkUnchanged(from, cause)
  const { layout, path } = from
  throw new OciError('STORAGE_FAILED', { storage: layout.storage, operation: 'read', path }, { cause })
}

async function orChanged<T>({ layout, path }: Snapshot, read: () => Promise<T>): Promise<T> {
  return faulty({ storage: layout.storage, operation: 'read', path }, async () => {
    try {
      return await read()
    } catch (error) {
      throw replaced.includes(domNameOf(error) ?? '') ? changed(layout, path, error) : error
    }
  })
}

/** WebKit gives the bytes of a replaced file without any error, so its time and size are looked at once more. */
async function checkUnchanged({ layout, path, size, modified }: Snapshot, cause?: unknown): Promise<void> {
  const place = { storage: layout.storage, operation: 'read', path }
  const now = await faulty(place, () => findFileNow(layout, path))
  if (now?.size !== size || now.lastModified !== modified) throw changed(layout, path, cause)
}

async function readPart(file: File, { start, end }: Part): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.slice(start, end).arrayBuffer())
  if (bytes.length === end - start) return bytes
  throw new DOMException(`${bytes.length} of ${end - start} bytes were read`, 'NotReadableError')
}

function changed(layout: LayoutDirectory, path: LayoutPath, cause?: unknown): OciError {
  return new OciError('STORAGE_CHANGED', { storage: layout.storage, path }, { cause })
}
