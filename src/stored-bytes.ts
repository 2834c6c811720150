/** A stored file over bytes in memory: one version by nature. For media that hold or fetch a document whole. */

import { checkRange, type RangeOptions, type StoredFile } from './storage.ts'
import { streamOf } from './streams.ts'

const chunkSize = 256 * 1024

/** A `StoredFile` over bytes that nobody alters any more; readers get copies. */
export function storedBytes(bytes: Uint8Array, modified?: number): StoredFile {
  return {
    size: bytes.length,
    ...(modified !== undefined && { modified }),
    stream(range: RangeOptions = {}) {
      const { start, end } = checkRange(range, bytes.length)
      return streamOf(copies(bytes.subarray(start, end)), { signal: range.signal })
    },
    async bytes(range: RangeOptions = {}) {
      const { start, end } = checkRange(range, bytes.length)
      range.signal?.throwIfAborted()
      return bytes.slice(start, end)
    },
  }
}

async function* copies(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.slice(at, at + chunkSize)
}
