/** What Node does faster than WebAssembly, with the same bytes. */

import { createHash, type Hash } from 'node:crypto'
import { deflateRaw, inflateRawSync, constants as zlib } from 'node:zlib'
import type { Hasher, NativeTools } from '../../src/storage.ts'
import { threads } from './threads.ts'

/** Hashers of node:crypto and an inflater of node:zlib. */
export const native: NativeTools = {
  threads,
  hasher: nativeHasher,
  deflateRaw: (block, { level, last }) =>
    new Promise((resolve, reject) => {
      const finishFlush = last ? zlib.Z_FINISH : zlib.Z_SYNC_FLUSH
      // One chunk holds most blocks whole: they needn't be joined.
      const chunkSize = Math.max(1024, block.length >>> 1)
      deflateRaw(block, { level, finishFlush, chunkSize }, (error, made) =>
        error ? reject(error) : resolve(made),
      )
    }),
  inflateRaw(deflated, { dictionary, size }) {
    const { length } = dictionary
    // A sync flush as the last flush: a block in the middle of a stream has no final block, and that is no error.
    const inflated = inflateRawSync(length > 0 ? behindStored(dictionary, deflated) : deflated, {
      finishFlush: zlib.Z_SYNC_FLUSH,
      maxOutputLength: length + size + 1,
      chunkSize: Math.min(Math.max(length + size, 1024), 1024 * 1024),
    })
    return new Uint8Array(inflated.buffer, inflated.byteOffset + length, inflated.length - length)
  },
}

/** A hasher of node:crypto. */
export function nativeHasher(algorithm: 'sha256' | 'sha512'): Hasher {
  return hasherOver(createHash(algorithm))
}

function hasherOver(hash: Hash): Hasher {
  return {
    update: bytes => {
      hash.update(bytes)
    },
    hex: () => hash.digest('hex'),
    save() {
      const state = hash.copy()
      return { restore: () => hasherOver(state.copy()) }
    },
  }
}

/**
 * Deflate data behind a stored block of the dictionary, for Deno's zlib takes no heed of the option of that name.
 * A stored block ends at a byte (RFC 1951, 3.2.4), so what follows needn't be shifted.
 */
function behindStored(dictionary: Uint8Array, deflated: Uint8Array): Uint8Array {
  const { length } = dictionary
  const joined = new Uint8Array(5 + length + deflated.length)
  new DataView(joined.buffer).setUint16(1, length, true)
  new DataView(joined.buffer).setUint16(3, ~length & 0xffff, true)
  joined.set(dictionary, 5)
  joined.set(deflated, 5 + length)
  return joined
}
