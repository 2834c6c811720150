/**
 * zstd in WebAssembly: @bokuweb/zstd-wasm 0.0.27's build of zstd 1.5.7, carried at an exact version and used by its bare
 * exports, for the package's own loader fetches or reads a file, and keeps one instance for all.
 */

import { OciError } from '../../errors.ts'
import { fingerprint, onePerModule, sampleText } from '../known.ts'
import { started } from '../wasm/started.ts'

/** The exports that are used, by the names that the build left them (its `zstd.js` says which is which). */
interface ZstdExports {
  /** memory */
  readonly f: WebAssembly.Memory
  /** constructors */
  g(): void
  /** ZSTD_isError */
  h(answer: number): number
  /** ZSTD_compressBound */
  i(size: number): number
  /** ZSTD_compress */
  m(target: number, room: number, source: number, size: number, level: number): number
  /** ZSTD_decompress */
  r(target: number, room: number, source: number, size: number): number
  /** malloc */
  s(size: number): number
  /** free */
  t(address: number): void
}

/** Compresses and decompresses one block at a time, each in one go. */
export class ZstdModule {
  readonly #wasm: ZstdExports
  #block = 0
  #blockRoom = 0
  #frame = 0
  #frameRoom = 0

  private constructor(wasm: ZstdExports) {
    this.#wasm = wasm
  }

  /**
   * The one of this thread, for all of its streams: each would bring 16 to 40 MB of memory else. Throws `UNSUPPORTED` unless it
   * gives the bytes that are known.
   */
  static of(module: WebAssembly.Module): Promise<ZstdModule> {
    return onePerModule(made, module, ZstdModule.#create)
  }

  static async #create(module: WebAssembly.Module): Promise<ZstdModule> {
    const blocks = new ZstdModule(await instanceOf(module))
    const text = sampleText(24_000)
    const made = [1, 3, 19].map(level => fingerprint(blocks.frame(blocks.compress(text, level))))
    if (made.join() === knownFrames) return blocks
    throw new OciError('UNSUPPORTED', {
      feature: 'zstd by another encoder than the one whose bytes are known',
    })
  }

  /** Makes one frame, with its content's size and without a checksum, and gives its length. */
  compress(block: Uint8Array, level: number): number {
    const wasm = this.#wasm
    this.#reserve(block.length)
    this.#put(block)
    return this.#checked(wasm.m(this.#frame, this.#frameRoom, this.#block, block.length, level))
  }

  /** The frame that was made. Asked for anew, since memory that has grown is another buffer; valid until the next call. */
  frame(length: number): Uint8Array {
    return new Uint8Array(this.#wasm.f.buffer, this.#frame, length)
  }

  /** Decompresses the frame that was just made. Gives a view that the next call invalidates. */
  decompress(length: number, size: number): Uint8Array {
    const wasm = this.#wasm
    const found = this.#checked(wasm.r(this.#block, size, this.#frame, length))
    return new Uint8Array(wasm.f.buffer, this.#block, found)
  }

  #checked(answer: number): number {
    if (this.#wasm.h(answer) === 0) return answer
    if (answer === outOfMemory) throw noMemory(this.#blockRoom)
    throw new Error(`zstd answered ${answer}`)
  }

  #put(block: Uint8Array): void {
    new Uint8Array(this.#wasm.f.buffer, this.#block, block.length).set(block)
  }

  #reserve(size: number): void {
    if (size <= this.#blockRoom) return
    const wasm = this.#wasm
    wasm.t(this.#block)
    wasm.t(this.#frame)
    this.#blockRoom = 0
    this.#frameRoom = wasm.i(size)
    this.#block = wasm.s(size)
    this.#frame = wasm.s(this.#frameRoom)
    if (this.#block === 0 || this.#frame === 0) throw noMemory(size)
    this.#blockRoom = size
  }
}

// ZSTD_error_memory_allocation, as an answer.
const outOfMemory = -64

function noMemory(size: number): OciError {
  return new OciError('UNSUPPORTED', { feature: `zstd of ${size} bytes at once, for lack of memory` })
}

const made = new WeakMap<WebAssembly.Module, Promise<ZstdModule>>()

// FNV-1a of the sample's frames at levels 1, 3 and 19.
const knownFrames = '2847171515,1972173758,86135438'

async function instanceOf(module: WebAssembly.Module): Promise<ZstdExports> {
  // What its C library asks of a system: memory, and nothing else that a compressor would need.
  const { exports } = await started(module, {
    a: { a: refuse, b: () => {}, c: refuse, d: () => 0, e: (size: number) => grow(size) },
  })
  if (!isZstd(exports))
    throw new OciError('UNSUPPORTED', { feature: 'another zstd than the one that is carried' })
  const grow = (size: number): number => grown(exports.f, size >>> 0)
  exports.g()
  return exports
}

function refuse(): never {
  throw new Error("zstd's module gave up")
}

/** Bytes of a page of memory. */
const pageSize = 65_536

function grown(memory: WebAssembly.Memory, size: number): number {
  try {
    memory.grow(Math.ceil((size - memory.buffer.byteLength) / pageSize))
    return 1
  } catch {
    return 0
  }
}

function isZstd(exports: object): exports is ZstdExports {
  return ['f', 'g', 'h', 'i', 'm', 'r', 's', 't'].every(name => name in exports)
}
