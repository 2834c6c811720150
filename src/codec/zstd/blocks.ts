/** Blocks for zstd: each compressed as a frame of its own, and decompressed again to see that it is whole. */

import { OciError } from '../../errors.ts'
import type { BlockJob } from '../../jobs.ts'
import { equalBytes } from '../../streams.ts'
import type { BlockCompressor } from '../blocks.ts'
import { ZstdModule } from './module.ts'

/** Compresses by zstd, into frames that have their content's size and no checksum. */
export class ZstdBlocks implements BlockCompressor {
  readonly #load: () => Promise<WebAssembly.Module>
  #module: Promise<ZstdModule> | undefined

  /** `zstd` gives the encoder's module when it is needed. */
  constructor({ zstd }: { readonly zstd: () => Promise<WebAssembly.Module> }) {
    this.#load = zstd
  }

  /** Throws `DEFLATE_UNVERIFIED`, and `UNSUPPORTED` where the encoder isn't the one whose bytes are known. */
  async compress<T>({ block, level, number }: BlockJob, take: (made: Uint8Array) => T): Promise<T> {
    this.#module ??= this.#load().then(module => ZstdModule.create(module))
    const zstd = await this.#module
    // No await from here on: the memory is that of the next block too.
    const frame = zstd.compress(block, level)
    if (equalBytes(zstd.decompress(frame, block.length), block)) return take(frame)
    throw new OciError('DEFLATE_UNVERIFIED', { block: number })
  }
}
