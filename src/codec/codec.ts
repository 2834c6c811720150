/** Compression as a value: what a layer is wrapped in, and how it is unwrapped. */

import type { Pool } from '../pool.ts'
import type { AbortOptions, NativeTools } from '../storage.ts'

/** What a codec may use while it runs. */
export interface CodecOptions extends AbortOptions {
  readonly native?: NativeTools | undefined
  /** The engine's workers; all is done on the calling thread where there are none. */
  readonly pool?: Pool | undefined
  /** Whether whoever reads is done with each chunk when he asks for the next: then it may stand in memory that is used again. */
  readonly lend?: boolean | undefined
}

/** What a decoder by itself may be told beside. */
export interface DecodeOptions extends CodecOptions {
  /** Bytes that may come out, beyond which it is `LIMIT_EXCEEDED`; without bound unless given, for none are kept. */
  readonly maxBytes?: number | undefined
}

/** One compression that can be read: `zstd()`, and every `Codec`. Pass them where `codecs` are asked for. */
export interface Decoder {
  readonly name: string
  /** What it adds to a layer's media type: `''`, `'+gzip'`, `'+zstd'` (layer.md). */
  readonly suffix: '' | '+gzip' | '+zstd'
  /** Decompresses in chunks of at most 1 MiB, and throws on anything that isn't whole and valid. */
  decode(source: AsyncIterable<Uint8Array>, options?: CodecOptions): AsyncIterable<Uint8Array>
}

/** One compression that can also be written: `identity`, `gzip()`. Pass it where a `codec` is asked for. */
export interface Codec extends Decoder {
  /**
   * Whether `encode` is done with a chunk when it asks for the next one, and alters none: then they may come in memory that
   * is used again, and so may those that it gives (`lend`). Not so unless given; a codec that is spread into another one
   * brings its word along.
   */
  readonly borrows?: boolean | undefined
  /** Compresses, reading as it is read. */
  encode(source: AsyncIterable<Uint8Array>, options?: CodecOptions): AsyncIterable<Uint8Array>
}

/** No compression: bytes pass as they are. */
export const identity: Codec = {
  name: 'identity',
  suffix: '',
  borrows: true,
  encode: source => source,
  decode: source => source,
}
