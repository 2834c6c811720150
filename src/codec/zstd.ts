/** The entry `./zstd`: a decoder for everybody's zstd. */

import type { Decoder } from './codec.ts'
import { checkedWindowSize, unzstd, type ZstdLimits } from './zstd/unzstd.ts'

export type { CodecOptions, DecodeOptions, Decoder } from './codec.ts'
export { type UnzstdOptions, unzstd, type ZstdLimits } from './zstd/unzstd.ts'

/** Options of `zstd`. */
export interface ZstdOptions extends Partial<ZstdLimits> {}

/**
 * Zstd as what a layer is read by, as `unzstd` does. A `maxWindowSize` that isn't a size of at most 1 GiB is a
 * `RangeError`.
 *
 * @example
 * const tar = await dir.readLayer(layer, { codecs: [gzip(), zstd()] })
 */
export function zstd(options: ZstdOptions = {}): Decoder {
  const maxWindowSize = checkedWindowSize(options.maxWindowSize)
  return {
    name: 'zstd',
    suffix: '+zstd',
    decode: (source, codecOptions = {}) => unzstd(source, { ...codecOptions, maxWindowSize }),
  }
}
