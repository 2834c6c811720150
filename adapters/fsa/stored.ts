/** One version of a file: a `File` is a snapshot, but engines differ in what they say when the file is replaced. */

import { isOciError, OciError } from '../../src/errors.ts'
import { checkRange, type LayoutPath, type RangeOptions, type StoredFile } from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { orAborted, streamOf } from '../../src/streams.ts'
import { findFile, type LayoutDirectory } from './directory.ts'
import { absent, domNameOf, faulty, replaced, unless } from './faults.ts'

const longestChunk = 1024 * 1024
const smallDocument = 1024 * 1024
const attempts = 10

/** Opens a blob; nothing is read yet. */
export async function openBlob(layout: LayoutDirectory, path: LayoutPath): Promise<StoredFile | undefined> {
  const file = await findSnapshot(layout, path)
  return file && storedFile(layout, path, file)
}

/** Opens a document, its bytes at hand; reads again when a writer replaced it in that moment. */
export async function openDocument(
  layout: LayoutDirectory,
  path: LayoutPath,
): Promise<StoredFile | undefined> {
  for (let attempt = 1; ; attempt++) {
    const file = await findSnapshot(layout, path)
    if (file === undefined) return undefined
    if (file.size > smallDocument) return storedFile(layout, path, file)
    try {
      const bytes = await readPart(file, { start: 0, end: file.size })
      // Of a file of the disk Chromium compares whole seconds: of one replaced in the same second it gives the next
      // one's bytes, cut at this one's size. In the private file system it notices (0 of 3,261 reads).
      if (!layout.quota) await checkUnchanged({ layout, path, file })
      return storedBytes(bytes, file.lastModified)
    } catch (error) {
      const isReplaced = isOciError(error, 'STORAGE_CHANGED') || replaced.includes(domNameOf(error) ?? '')
      if (!isReplaced) throw error
      if (attempt === attempts) throw changed(layout, path, error)
    }
  }
}

async function findSnapshot(layout: LayoutDirectory, path: LayoutPath): Promise<File | undefined> {
  const handle = await findFile(layout, path)
  return handle && unless(absent, handle.getFile())
}

function storedFile(layout: LayoutDirectory, path: LayoutPath, file: File): StoredFile {
  return {
    size: file.size,
    modified: file.lastModified,
    blob: file,
    stream(range: RangeOptions = {}) {
      const part = checkRange(range, file.size)
      return streamOf(chunks({ layout, path, file }, part), { signal: range.signal })
    },
    async bytes(range: RangeOptions = {}) {
      const part = checkRange(range, file.size)
      range.signal?.throwIfAborted()
      return orAborted(readWhole({ layout, path, file }, part), range.signal)
    },
  }
}

interface Snapshot {
  readonly layout: LayoutDirectory
  readonly path: LayoutPath
  readonly file: File
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
async function checkUnchanged({ layout, path, file }: Snapshot, cause?: unknown): Promise<void> {
  const place = { storage: layout.storage, operation: 'read', path }
  const now = await faulty(place, () => findSnapshot(layout, path))
  if (now?.size !== file.size || now.lastModified !== file.lastModified) {
    throw changed(layout, path, cause)
  }
}

async function readPart(file: File, { start, end }: Part): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.slice(start, end).arrayBuffer())
  if (bytes.length === end - start) return bytes
  throw new DOMException(`${bytes.length} of ${end - start} bytes were read`, 'NotReadableError')
}

function changed(layout: LayoutDirectory, path: LayoutPath, cause?: unknown): OciError {
  return new OciError('STORAGE_CHANGED', { storage: layout.storage, path }, { cause })
}
