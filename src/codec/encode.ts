/** The encoder of canonical gzip: fixed blocks, each deflated on its own and checked, joined into one member. */

import { type BlockShape, compressBlocks } from './blocks.ts'
import type { CodecOptions } from './codec.ts'
import { type Crc32, createCrc32 } from './crc32.ts'
import type { DeflateLevel } from './deflate.ts'
import { GzipBlocks, type GzipParts } from './gzip-blocks.ts'
import { zlibModule } from './zlib/carried.ts'

/** What an encoder is made of. Tests put a broken `deflate` in, and leave the check out to see what it is for. */
export interface EncoderParts extends CodecOptions, GzipParts {
  readonly level: DeflateLevel
  /** `fflate` unless given. */
  readonly by?: CanonicalDeflate | undefined
}

/** The compressors whose bytes are known: `ocidir-gzip-1` is by `fflate`, `ocidir-gzip-2` by `zlib`. */
export type CanonicalDeflate = 'fflate' | 'zlib'

const shapes: Readonly<Record<CanonicalDeflate, BlockShape>> = {
  fflate: { blockSize: 262_144, dictionarySize: 32_768 },
  zlib: { blockSize: 262_144, dictionarySize: 0 },
}

/** Compresses to one gzip member whose bytes depend on the input, the level and the compressor only. */
export async function* encodeGzip(
  source: AsyncIterable<Uint8Array>,
  options: EncoderParts,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { by = 'fflate', native } = options
  const here = new GzipBlocks({ native, zlib: zlibModule }, options)
  const crc = await createCrc32()
  let size = 0
  const onBlock = (block: Uint8Array): void => {
    crc.update(block)
    size += block.length
  }
  yield gzipHeader()
  yield* compressBlocks(source, {
    ...options,
    ...shapes[by],
    here,
    kind: by,
    // fflate's blocks are checked by zlib.
    modules: { zlib: zlibModule },
    onBlock,
  })
  yield gzipTrailer(crc, size)
}

/** No name, no time, no flags, system unknown (RFC 1952, 2.3): nothing but the input shows in the bytes. */
export function gzipHeader(): Uint8Array {
  return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
}

/** The checksum and the size of the input. */
export function gzipTrailer(crc: Crc32, size: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, crc.take(), true)
  view.setUint32(4, size % 2 ** 32, true)
  return bytes
}
