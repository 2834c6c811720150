/** A stored file over a `Blob`: a `File` is a snapshot, which the browser gives up when the file is replaced. */

import { OciError } from './errors.ts'
import { deniedNames, domNameOf } from './faults.ts'
import { checkRange, type RangeOptions, type StoredFile } from './storage.ts'
import { type ChunkReader, lendingReader, orAborted, ownReader, streamOf } from './streams.ts'

/** Where a blob stands, for messages. */
export interface BlobPlace {
  readonly storage: string
  readonly path: string
}

/** Rejects unless the bytes that were read are those of the version that was opened. */
export type VersionCheck = (cause?: unknown) => Promise<void>

/**
 * A `StoredFile` over a blob, of which nothing is read before it is asked for. Whoever can look the file up again
 * gives a check of its version; else the blob itself has to tell.
 */
export function storedBlob(blob: Blob, place: BlobPlace, check?: VersionCheck): StoredFile {
  const { size } = blob
  const modified = 'lastModified' in blob ? Number(blob.lastModified) : undefined
  return {
    size,
    blob,
    ...(modified !== undefined && { modified }),
    stream(range: RangeOptions = {}) {
      const { start, end } = checkRange(range, size)
      const { signal } = range
      const part = blob.slice(start, end)
      const source: Source = { size: end - start, place, check: check ?? (() => readByte(blob, place)) }
      const own = chunks(source, () => ownReader(part.stream()))
      return streamOf(own, { signal, lend: () => chunks(source, () => lendingReader(part)) })
    },
    async bytes(range: RangeOptions = {}) {
      const { start, end } = checkRange(range, size)
      range.signal?.throwIfAborted()
      const reading = read(blob.slice(start, end), place).then(async bytes => {
        await check?.()
        return bytes
      })
      return orAborted(reading, range.signal)
    },
  }
}

const longestChunk = 1 << 20

interface Source {
  /** Bytes that are to come. */
  readonly size: number
  readonly place: BlobPlace
  readonly check: VersionCheck
}

async function* chunks(
  { size, place, check }: Source,
  open: () => ChunkReader,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The browser's own stream reads ahead: measured twice to three times as fast as slice after slice.
  const reader = open()
  let at = 0
  try {
    while (at < size) {
      const chunk = await reader.read().catch(async cause => {
        // A stream says "network error" whatever happened.
        await check(cause)
        throw new OciError('STORAGE_FAILED', { ...place, operation: 'read' }, { cause })
      })
      if (chunk === undefined) throw changed(place)
      at += chunk.length
      // Before the last bytes go out: a stream that was begun before a change may not notice it.
      if (at >= size) await check()
      for (let from = 0; from < chunk.length; from += longestChunk) {
        yield chunk.subarray(from, from + longestChunk)
      }
    }
  } finally {
    reader.end()
  }
}

async function readByte(blob: Blob, place: BlobPlace): Promise<void> {
  await read(blob.slice(-1), place)
}

async function read(part: Blob, place: BlobPlace): Promise<Uint8Array> {
  const bytes = new Uint8Array(await part.arrayBuffer().catch(cause => refused(cause, place)))
  if (bytes.length !== part.size) throw changed(place)
  return bytes
}

function refused(cause: unknown, place: BlobPlace): never {
  const name = domNameOf(cause) ?? ''
  if (replaced.has(name)) throw changed(place, cause)
  const code = deniedNames.has(name) ? 'STORAGE_DENIED' : 'STORAGE_FAILED'
  throw new OciError(code, { ...place, operation: 'read' }, { cause })
}

// What a `File` says when the file was replaced or removed: in Chromium, in Firefox, and where the folder went.
const replaced: ReadonlySet<string> = new Set(['NotReadableError', 'AbortError', 'NotFoundError'])

function changed({ storage, path }: BlobPlace, cause?: unknown): OciError {
  return new OciError('STORAGE_CHANGED', { storage, path }, { cause })
}
