/** Blocks for zstd: each compressed as a frame of its own, and decompressed again to see that it is whole. */

import { OciError } from '../../errors.ts'
import type { BlockJob } from '../../jobs.ts'
import { equalBytes } from '../../streams.ts'
import type { BlockCompressor } from '../blocks.ts'
import { ZstdModule } from './module.ts'

/** What it works with. */
export interface ZstdTools {
  /** Gives the encoder's module when it is needed. */
  readonly zstd: () => Promise<WebAssembly.Module>
}

/** Leaves a frame in the module, and gives its length. */
export type CompressZstd = (zstd: ZstdModule, job: BlockJob) => number

/** Whether the frame that was left in the module is the block's; it may throw as well. */
export type VerifyZstd = (zstd: ZstdModule, length: number, block: Uint8Array) => boolean

/** What tests put in the place of the compressor, or of the check. */
export interface ZstdParts {
  readonly compress?: CompressZstd | undefined
  readonly verify?: VerifyZstd | undefined
}

/** Compresses by zstd, into frames that have their content's size and no checksum. */
export class ZstdBlocks implements BlockCompressor {
  readonly #load: ZstdTools['zstd']
  readonly #compress: CompressZstd
  readonly #verify: VerifyZstd

  constructor({ zstd }: ZstdTools, { compress = compressed, verify = isWhole }: ZstdParts = {}) {
    this.#load = zstd
    this.#compress = compress
    this.#verify = verify
  }

  /** Throws `DEFLATE_UNVERIFIED`, and `UNSUPPORTED` where the encoder isn't the one whose bytes are known. */
  async compress<T>(job: BlockJob, take: (made: Uint8Array) => T): Promise<T> {
    // Both remember what they gave, and no failure: the next block may find what this one didn't.
    const zstd = await this.#load().then(module => ZstdModule.of(module))
    // No await from here on: the memory is that of the next block too.
    const length = this.#compress(zstd, job)
    this.#check(zstd, length, job)
    return take(zstd.frame(length))
  }

  #check(zstd: ZstdModule, length: number, { block, number }: BlockJob): void {
    let cause: unknown
    try {
      if (this.#verify(zstd, length, block)) return
    } catch (error) {
      cause = error
    }
    throw new OciError('DEFLATE_UNVERIFIED', { block: number }, { cause })
  }
}

const compressed: CompressZstd = (zstd, { block, level }) => zstd.compress(block, level)

const isWhole: VerifyZstd = (zstd, length, block) => equalBytes(zstd.decompress(length, block.length), block)
