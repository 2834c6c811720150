/** The entry `./zstd`: the canonical zstd encoder and a decoder for everybody's zstd. */

import type { Codec } from './codec.ts'
import { encodeZstd } from './zstd/encode.ts'
import { checkedWindowSize, unzstd, type ZstdLimits } from './zstd/unzstd.ts'

export type { Codec, CodecOptions, DecodeOptions, Decoder } from './codec.ts'
export { type UnzstdOptions, unzstd, type ZstdLimits } from './zstd/unzstd.ts'

/** Options of `zstd`. */
export interface ZstdOptions extends Partial<ZstdLimits> {
  /** 1 is fast, 19 the smallest and far slower; 3 unless given. */
  readonly level?: number | undefined
}

/**
 * Zstd as a codec. What it writes is `ocidir-zstd-1`: frames of 2 MiB with checksums, and the same input and level give the
 * same bytes in every runtime, by any number of workers.
 *
 * Each frame is decompressed again and compared before it is passed on; a difference is `DEFLATE_UNVERIFIED`. Writing needs
 * WebAssembly: where a policy forbids it, it is `UNSUPPORTED`. It reads any zstd, as `unzstd` does. A level that isn't a
 * whole number from 1 to 19, or a `maxWindowSize` that isn't a size of at most 1 GiB, is a `RangeError`.
 *
 * @example
 * const layer = await dir.writeLayer(tar, { codec: zstd({ level: 3 }) })
 * const tar = await dir.readLayer(layer, { codecs: [gzip(), zstd()] })
 */
export function zstd(options: ZstdOptions = {}): Codec {
  const { level = 3 } = options
  if (!Number.isInteger(level) || level < 1 || level > 19) {
    throw new RangeError(`level must be a whole number from 1 to 19, not ${String(level)}`)
  }
  const maxWindowSize = checkedWindowSize(options.maxWindowSize)
  return {
    name: 'zstd',
    suffix: '+zstd',
    borrows: true,
    encode: (source, codecOptions = {}) => encodeZstd(source, { ...codecOptions, level }),
    decode: (source, codecOptions = {}) => unzstd(source, { ...codecOptions, maxWindowSize }),
  }
}
