/** One block, compressed and checked: what the calling thread and the workers do alike. */

import { isWasmAllowed } from '../wasm-allowed.ts'
import type { NativeTools } from '../storage.ts'
import type { BlockJob } from '../work/jobs.ts'
import { type DeflateBlock, deflateBlock, type DeflateLevel } from './deflate.ts'
import { storeBlock } from './stored.ts'
import { blockVerifier, type VerifyBlock } from './verify.ts'
import { ZlibBlocks } from './zlib/blocks.ts'

/** What tests put in the place of the compressor, or of the check. */
export interface BlockParts {
  readonly deflate?: DeflateBlock | undefined
  readonly verify?: VerifyBlock | undefined
}

/** What compresses and checks blocks on one thread, one at a time. */
export class BlockTools {
  readonly #native: NativeTools | undefined
  readonly #deflate: DeflateBlock
  readonly #given = new Map<string, WebAssembly.Module>()
  #zlib: Promise<ZlibBlocks> | undefined
  #verify: Promise<VerifyBlock> | undefined

  constructor(native?: NativeTools, { deflate = deflateBlock, verify }: BlockParts = {}) {
    this.#native = native
    this.#deflate = deflate
    this.#verify = verify && Promise.resolve(verify)
  }

  /** A module that needn't be looked for. */
  give(name: string, module: WebAssembly.Module): void {
    this.#given.set(name, module)
  }

  /**
   * Gives what `take` makes of the compressed block, whose memory is used again afterwards. Throws `DEFLATE_UNVERIFIED`, and
   * `UNSUPPORTED` where the compressor isn't the one whose bytes are known.
   */
  async compress<T>(job: BlockJob, take: (made: Uint8Array) => T): Promise<T> {
    const deflate = await this.#compressor(job)
    const verify = await (this.#verify ??= this.#verifier())
    // No await from here on: the memory is that of the next block too.
    const deflated = deflate()
    verify({ ...job, deflated })
    return take(deflated)
  }

  async #compressor({ kind, block, dictionary, level, last }: BlockJob): Promise<() => Uint8Array> {
    if (kind === 'fflate')
      return () => this.#deflate(block, { level: level as DeflateLevel, dictionary, last })
    // What zlib stores depends on the room that it is given.
    if (level === 0) return () => storeBlock(block, last)
    const zlib = await this.#zlibBlocks()
    return () => zlib.deflate(block, { level, last })
  }

  #zlibBlocks(): Promise<ZlibBlocks> {
    this.#zlib ??= ZlibBlocks.create(this.#given.get('zlib'))
    return this.#zlib
  }

  /** By the fastest inflater at hand: the platform's, zlib's, our own. */
  async #verifier(): Promise<VerifyBlock> {
    if (this.#native?.inflateRaw !== undefined || !isWasmAllowed()) return blockVerifier(this.#native)
    // Our own is as good where the module can't be had.
    const zlib = await this.#zlibBlocks().catch(() => undefined)
    return blockVerifier(zlib && { inflateRaw: (deflated, options) => zlib.inflateRaw(deflated, options) })
  }
}
