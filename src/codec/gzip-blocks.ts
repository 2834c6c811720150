/** Blocks for gzip, deflated and checked on one thread: what the calling thread and the workers do alike. */

import type { BlockJob } from '../jobs.ts'
import type { NativeTools } from '../storage.ts'
import { isWasmAllowed } from '../wasm-allowed.ts'
import type { BlockCompressor } from './blocks.ts'
import { type DeflateBlock, type DeflateLevel, deflateBlock } from './deflate.ts'
import { storeBlock } from './stored.ts'
import { blockVerifier, type VerifyBlock } from './verify.ts'
import { ZlibBlocks } from './zlib/blocks.ts'

/** What it works with. */
export interface GzipTools {
  readonly native?: NativeTools | undefined
  /** Gives zlib's module when it is needed. */
  readonly zlib: () => Promise<WebAssembly.Module>
}

/** What tests put in the place of the compressor, whichever is asked for, or of the check. */
export interface GzipParts {
  readonly deflate?: DeflateBlock | undefined
  readonly verify?: VerifyBlock | undefined
}

/** Deflates by fflate or zlib. */
export class GzipBlocks implements BlockCompressor {
  readonly #native: NativeTools | undefined
  readonly #load: GzipTools['zlib']
  readonly #deflate: DeflateBlock | undefined
  #verify: Promise<VerifyBlock> | undefined

  constructor({ native, zlib }: GzipTools, { deflate, verify }: GzipParts = {}) {
    this.#native = native
    this.#load = zlib
    this.#deflate = deflate
    this.#verify = verify && Promise.resolve(verify)
  }

  /** Throws `DEFLATE_UNVERIFIED`, and `UNSUPPORTED` where the compressor isn't the one whose bytes are known. */
  async compress<T>(job: BlockJob, take: (made: Uint8Array) => T): Promise<T> {
    const deflate = await this.#compressor(job)
    this.#verify ??= this.#verifier()
    const verify = await this.#verify
    // No await from here on: the memory is that of the next block too.
    const deflated = deflate()
    verify({ ...job, deflated })
    return take(deflated)
  }

  async #compressor({ kind, block, dictionary, level, last }: BlockJob): Promise<() => Uint8Array> {
    const deflate = this.#deflate ?? (kind === 'fflate' ? deflateBlock : undefined)
    if (deflate !== undefined) return () => deflate(block, { level: level as DeflateLevel, dictionary, last })
    // What zlib stores depends on the room that it is given.
    if (level === 0) return () => storeBlock(block, last)
    const zlib = await this.#zlibBlocks()
    return () => zlib.deflate(block, { level, last })
  }

  #zlibBlocks(): Promise<ZlibBlocks> {
    // Both remember what they gave, and no failure: the next block may find what this one didn't.
    return this.#load().then(module => ZlibBlocks.of(module))
  }

  /** By the fastest inflater at hand: the platform's, zlib's, our own. */
  async #verifier(): Promise<VerifyBlock> {
    if (this.#native?.inflateRaw !== undefined || !isWasmAllowed()) return blockVerifier(this.#native)
    // Our own is as good where the module can't be had.
    const zlib = await this.#zlibBlocks().catch(() => undefined)
    return blockVerifier(zlib && { inflateRaw: (deflated, options) => zlib.inflateRaw(deflated, options) })
  }
}
