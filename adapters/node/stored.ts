/** One version of a file on disk: each read opens it again and looks whether it is still the same one. */

import type { BigIntStats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { OciError } from '../../src/errors.ts'
import type { Place } from '../../src/faults.ts'
import { letShare, type SharedFile } from '../../src/shared-file.ts'
import { checkRange, type RangeOptions, type StoredFile } from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { streamOf } from '../../src/streams.ts'
import { readFlags, readNow, sameVersion, unlessNow } from './at-once.ts'
import { absent, faulty, unless } from './faults.ts'
import { versionOf } from './shared-file.ts'

// Measured with a hash of each chunk: 64 KiB 1.1 GB/s, 256 KiB 1.5, 1 MiB 1.6, and 1.7 in buffers that are used again.
const chunkSize = 1024 * 1024
// Read at `open`, so that a document replaced a moment later doesn't fail its reader.
const smallDocument = 1024 * 1024
const attempts = 5

/** Opens a file to read it, but no link, and nothing that would hang. */
export function openRead(path: string): Promise<FileHandle> {
  return open(path, readFlags)
}

/** Opens a blob: a small one is read, and of none a handle stays open. */
export async function openBlob(real: string, place: Place): Promise<StoredFile | undefined> {
  const found = unlessNow(absent, () => readNow(real))
  if (found === undefined) return undefined
  const { version, bytes } = found
  checkFile(version, place)
  if (bytes === undefined) return storedFile(real, version, place)
  const file = storedBytes(bytes, Number(version.mtimeMs))
  sources.set(file, { real, version, place })
  return file
}

/** Opens a private file that must be there. */
export async function openStaged(path: string, place: Place): Promise<StoredFile> {
  const file = await openBlob(path, place)
  if (file === undefined) throw new OciError('STORAGE_CHANGED', { storage: place.storage, path })
  return file
}

/** Opens a document, its bytes at hand: what is read after is this version, also when a writer replaces it. */
export async function openDocument(real: string, place: Place): Promise<StoredFile | undefined> {
  for (let attempt = 1; ; attempt++) {
    const handle = await unless(absent, openRead(real))
    if (handle === undefined) return undefined
    try {
      const version = await statFile(handle, place)
      if (version.size > smallDocument) return storedFile(real, version, place)
      const bytes = await readWhole(handle, Number(version.size))
      if (bytes !== undefined && sameVersion(version, await handle.stat({ bigint: true }))) {
        return storedBytes(bytes, Number(version.mtimeMs))
      }
    } finally {
      await handle.close()
    }
    // A program that writes in place was seen in the middle of it.
    if (attempt === attempts) throw new OciError('STORAGE_CHANGED', { storage: place.storage, path: real })
  }
}

/** Where a stored file's bytes are on this disk, and in which version; `undefined` for a file of another medium. */
export function sourceOf(file: StoredFile): Source | undefined {
  return sources.get(file)
}

const sources = new WeakMap<StoredFile, Source>()

function storedFile(real: string, version: BigIntStats, place: Place): StoredFile {
  const size = Number(version.size)
  const from: Source = { real, version, place }
  const file: StoredFile = {
    size,
    modified: Number(version.mtimeMs),
    stream(range: RangeOptions = {}) {
      const part = checkRange(range, size)
      return streamOf(chunks(from, part), { signal: range.signal, lend: () => chunks(from, part, 'lent') })
    },
    async bytes(range: RangeOptions = {}) {
      const part = checkRange(range, size)
      const whole = new Uint8Array(part.end - part.start)
      let at = 0
      range.signal?.throwIfAborted()
      for await (const chunk of chunks(from, part)) {
        range.signal?.throwIfAborted()
        whole.set(chunk, at)
        at += chunk.length
      }
      return whole
    },
  }
  sources.set(file, from)
  return letShare(file, () => share(from))
}

/** Opens a version for all threads. */
async function share(source: Source): Promise<SharedFile> {
  const { handle, check } = await openVersion(source)
  const way = { descriptor: handle.fd, version: versionOf(source.version) }
  const closing: Place = { ...source.place, operation: 'read' }
  return { way, check, close: () => faulty(closing, () => handle.close()) }
}

/** One version of one file of the disk. */
export interface Source {
  readonly real: string
  readonly version: BigIntStats
  readonly place: Place
}

/** A file that is open, and the look whether it still is the version that it was. */
interface OpenVersion {
  readonly handle: FileHandle
  /** Throws `STORAGE_CHANGED` where it isn't. */
  check(): Promise<void>
}

/** Opens a version again; `STORAGE_CHANGED` where it is another one by now. */
async function openVersion(source: Source): Promise<OpenVersion> {
  const { real, version } = source
  const reading: Place = { ...source.place, operation: 'read' }
  const handle = await faulty(reading, () => unless([...absent, 'ELOOP'], openRead(real)))
  if (handle === undefined) throw changed(source)
  const check = async (): Promise<void> => {
    const now = await faulty(reading, () => handle.stat({ bigint: true }))
    if (!sameVersion(version, now)) throw changed(source)
  }
  try {
    await check()
  } catch (error) {
    await handle.close().catch(() => {})
    throw error
  }
  return { handle, check }
}

function changed({ place, real }: Source): OciError {
  return new OciError('STORAGE_CHANGED', { storage: place.storage, path: place.path ?? real })
}

/** The bytes in chunks that are their reader's own; or lent, until he asks for the next one. */
async function* chunks(
  source: Source,
  { start, end }: { start: number; end: number },
  as: 'own' | 'lent' = 'own',
): AsyncGenerator<Uint8Array, void, undefined> {
  const reading: Place = { ...source.place, operation: 'read' }
  const { handle, check } = await openVersion(source)
  const read = (at: number): Promise<Uint8Array> => {
    const made = faulty(reading, async () => {
      const length = Math.min(chunkSize, end - at)
      const buffer = spare ?? new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
      spare = undefined
      const { bytesRead } = await handle.read(buffer, 0, length, at)
      return buffer.subarray(0, bytesRead)
    })
    // It is met when its chunk is asked for, if it is.
    made.catch(() => {})
    return made
  }
  let ahead: Promise<unknown> | undefined
  let spare: Uint8Array | undefined
  try {
    let next = start < end ? read(start) : undefined
    for (let at = start; next !== undefined; ) {
      const chunk: Uint8Array = await next
      if (chunk.length === 0) throw changed(source)
      at += chunk.length
      // The disk works while the chunk is, too.
      next = at < end ? read(at) : undefined
      ahead = next
      // Before the last bytes go out: a program that wrote in place meanwhile must not pass unseen.
      if (at === end) await check()
      yield chunk
      if (as === 'lent') spare = new Uint8Array(chunk.buffer)
    }
  } finally {
    // The file isn't closed under a read.
    await ahead?.catch(() => {})
    await faulty(reading, () => handle.close())
  }
}

async function statFile(handle: FileHandle, place: Place): Promise<BigIntStats> {
  const stats = await handle.stat({ bigint: true })
  checkFile(stats, place)
  return stats
}

function checkFile(stats: BigIntStats, place: Place): void {
  if (stats.isFile()) return
  throw new OciError('STORAGE_FAILED', { ...place }, { cause: new Error('not a regular file') })
}

async function readWhole(handle: FileHandle, size: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(size)
  let at = 0
  while (at < size) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at)
    if (bytesRead === 0) return undefined
    at += bytesRead
  }
  return bytes
}
