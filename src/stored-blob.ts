/** A stored file over a `Blob`: a `File` is a snapshot, which the browser gives up when the file is replaced. */

import { OciError } from './errors.ts'
import { checkRange, type RangeOptions, type StoredFile } from './storage.ts'
import { orAborted, streamOf } from './streams.ts'

/** Where a blob stands, for messages. */
export interface BlobPlace {
  readonly storage: string
  readonly path: string
}

/** A `StoredFile` over a blob, of which nothing is read before it is asked for. */
export function storedBlob(blob: Blob, place: BlobPlace): StoredFile {
  const { size } = blob
  const modified = 'lastModified' in blob ? Number(blob.lastModified) : undefined
  return {
    size,
    blob,
    ...(modified !== undefined && { modified }),
    stream(range: RangeOptions = {}) {
      return streamOf(chunks(blob, checkRange(range, size), place), { signal: range.signal })
    },
    async bytes(range: RangeOptions = {}) {
      const { start, end } = checkRange(range, size)
      range.signal?.throwIfAborted()
      return orAborted(read(blob.slice(start, end), place), range.signal)
    },
  }
}

const longestChunk = 1 << 20

async function* chunks(
  blob: Blob,
  { start, end }: { readonly start: number; readonly end: number },
  place: BlobPlace,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = blob.slice(start, end).stream().getReader()
  let at = start
  try {
    while (at < end) {
      const { value } = await reader.read().catch(cause => failed(blob.slice(start, end), { place, cause }))
      if (value === undefined) throw changed(place)
      at += value.length
      // Before the last bytes go out: a stream that was begun before a change may not notice it.
      if (at >= end) await read(blob.slice(end - 1, end), place)
      for (let from = 0; from < value.length; from += longestChunk) {
        yield value.subarray(from, from + longestChunk)
      }
    }
  } finally {
    // Not awaited: it has ended, or nobody waits for what it still says.
    reader.cancel().catch(() => {})
  }
}

async function read(part: Blob, place: BlobPlace): Promise<Uint8Array> {
  const bytes = new Uint8Array(await part.arrayBuffer().catch(cause => refused(cause, place)))
  if (bytes.length !== part.size) throw changed(place)
  return bytes
}

/** A stream says "network error" whatever happened, so a byte of the part is asked for once more. */
async function failed(
  part: Blob,
  { place, cause }: { readonly place: BlobPlace; readonly cause: unknown },
): Promise<never> {
  await read(part.slice(0, 1), place)
  throw new OciError('STORAGE_FAILED', { ...place, operation: 'read' }, { cause })
}

function refused(cause: unknown, place: BlobPlace): never {
  const isGone = cause instanceof DOMException && replaced.has(cause.name)
  throw isGone
    ? changed(place, cause)
    : new OciError('STORAGE_FAILED', { ...place, operation: 'read' }, { cause })
}

// What engines say of a file that was replaced or removed.
const replaced: ReadonlySet<string> = new Set(['NotReadableError', 'AbortError', 'NotFoundError'])

function changed(place: BlobPlace, cause?: unknown): OciError {
  return new OciError('STORAGE_CHANGED', { ...place }, { cause })
}
