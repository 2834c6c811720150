/** The entry `./gzip`: the canonical gzip encoders and a decoder for everybody's gzip. */

import type { Codec } from './codec.ts'
import type { DeflateLevel } from './deflate.ts'
import { type CanonicalDeflate, encodeGzip } from './encode.ts'
import { gzipDecoder } from './gunzip.ts'
import { encodeByPlatform } from './platform.ts'

export type { Codec, CodecOptions, DecodeOptions, Decoder } from './codec.ts'
export type { DeflateLevel } from './deflate.ts'
export { gunzip } from './gunzip.ts'

/** Options of `gzip`. */
export interface GzipOptions {
  /** 0 stores, 1 is fast, 9 the smallest and several times slower than 6, the default. `CompressionStream` has one level. */
  readonly level?: DeflateLevel | undefined
  /**
   * By what, which is part of what makes a digest: `fflate` (`ocidir-gzip-1`), the default; `zlib` (`ocidir-gzip-2`), faster,
   * needs WebAssembly; `platform`, whatever is there, the fastest in Node and not canonical: its bytes are others elsewhere, and
   * may be after an update.
   */
  readonly deflate?: DeflateChoice | undefined
}

/** What gzip is written by. */
export type DeflateChoice = CanonicalDeflate | 'platform'

/**
 * Gzip as a codec. What it writes is canonical: the same input and level give the same bytes in every runtime, those of
 * `ocidir-gzip-1`, or of `ocidir-gzip-2` with `deflate: 'zlib'`. By `deflate: 'platform'` it isn't.
 *
 * Each block is inflated again and compared before it is passed on; a difference is `DEFLATE_UNVERIFIED`. `zlib` without
 * WebAssembly, and `platform` where there is nothing, are `UNSUPPORTED`: another format is never written in their place. It
 * reads any gzip, as `gunzip` does. A level that isn't a whole number from 0 to 9, or another `deflate`, is a `RangeError`.
 *
 * @example
 * const layer = await dir.writeLayer(tar, { codec: gzip({ level: 6, deflate: 'zlib' }) })
 */
export function gzip(options: GzipOptions = {}): Codec {
  const { level = 6, deflate = 'fflate' } = options
  if (!Number.isInteger(level) || level < 0 || level > 9) {
    throw new RangeError(`level must be a whole number from 0 to 9, not ${String(level)}`)
  }
  if (!deflates.has(deflate))
    throw new RangeError(`deflate is fflate, zlib or platform, not ${String(deflate)}`)
  return {
    ...gzipDecoder,
    borrows: deflate !== 'platform',
    encode: (source, codecOptions = {}) =>
      deflate === 'platform'
        ? encodeByPlatform(source, { ...codecOptions, level })
        : encodeGzip(source, { ...codecOptions, level, by: deflate }),
  }
}

const deflates: ReadonlySet<string> = new Set<DeflateChoice>(['fflate', 'zlib', 'platform'])
