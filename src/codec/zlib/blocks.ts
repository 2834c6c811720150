/** Blocks by zlib: deflated on their own, and inflated again to see that they are what they came from. */

import { OciError } from '../../errors.ts'
import { fingerprint, onePerModule, sampleText } from '../known.ts'
import { behindStored } from '../stored.ts'
import { faultOf } from './inflater.ts'
import { statusOf, ZlibBuffer, type ZlibExports, zlibCodes, zlibInstance } from './module.ts'

/** Deflates and inflates one block at a time, each in one go. */
export class ZlibBlocks {
  readonly #wasm: ZlibExports
  readonly #input: ZlibBuffer
  readonly #deflated: ZlibBuffer
  readonly #inflated: ZlibBuffer

  private constructor(wasm: ZlibExports) {
    this.#wasm = wasm
    this.#input = new ZlibBuffer(wasm)
    this.#deflated = new ZlibBuffer(wasm)
    this.#inflated = new ZlibBuffer(wasm)
  }

  /**
   * The one of this thread, for all of its streams: each would bring 16 MB of memory else. Throws `UNSUPPORTED` unless it gives
   * zlib's bytes.
   */
  static of(module: WebAssembly.Module): Promise<ZlibBlocks> {
    return onePerModule(made, module, ZlibBlocks.#create)
  }

  static async #create(module: WebAssembly.Module): Promise<ZlibBlocks> {
    const blocks = new ZlibBlocks(await zlibInstance(module))
    const text = sampleText(24_000)
    const open = fingerprint(blocks.deflate(text, { level: 6, last: false }))
    const closed = fingerprint(blocks.deflate(text, { level: 1, last: true }))
    // Python's zlib 1.2.13 gave these.
    if (open === 122_825_479 && closed === 396_067_506) return blocks
    throw new OciError('UNSUPPORTED', { feature: 'gzip by another zlib than the one whose bytes are known' })
  }

  /**
   * Deflates a block on its own; unless it is the last, it ends at a byte's border and stays open. Gives a view that the
   * next one invalidates.
   */
  deflate(block: Uint8Array, { level, last }: { level: number; last: boolean }): Uint8Array {
    const wasm = this.#wasm
    this.#input.reserve(block.length)
    // More than zlib's own bound, so that one call gives all.
    this.#deflated.reserve(block.length + (block.length >>> 3) + 1024)
    const stream = wasm.deflate_new()
    try {
      wasm.deflate_init_raw(stream, level)
      this.#input.put(block)
      const how = last ? zlibCodes.finish : zlibCodes.sync
      const { address, size } = this.#deflated
      const { code, count } = statusOf(
        wasm.deflate_process(stream, this.#input.address, block.length, address, size, how),
      )
      const isWhole =
        code === (last ? zlibCodes.streamEnd : 0) && wasm.deflate_last_consumed(stream) === block.length
      if (!isWhole) throw new Error(`zlib's deflate ended with status ${code}`)
      return this.#deflated.view(0, count)
    } finally {
      wasm.deflate_end(stream)
    }
  }

  /** As `NativeTools.inflateRaw`; what it gives is a view that the next one invalidates. */
  inflateRaw(
    deflated: Uint8Array,
    { dictionary, size }: { dictionary: Uint8Array; size: number },
  ): Uint8Array {
    const wasm = this.#wasm
    const { length } = dictionary
    const input = length > 0 ? behindStored(dictionary, deflated) : deflated
    this.#input.reserve(input.length)
    this.#inflated.reserve(length + size + 1)
    const stream = wasm.inflate_new()
    try {
      wasm.inflate_init_raw(stream)
      this.#input.put(input)
      const { code, count } = statusOf(
        wasm.inflate_process(
          stream,
          this.#input.address,
          input.length,
          this.#inflated.address,
          length + size + 1,
          zlibCodes.sync,
        ),
      )
      if (code < 0 && code !== zlibCodes.bufferError) throw faultOf(wasm, stream, code)
      return this.#inflated.view(length, Math.max(length, count))
    } finally {
      wasm.inflate_end(stream)
    }
  }
}

const made = new WeakMap<WebAssembly.Module, Promise<ZlibBlocks>>()
