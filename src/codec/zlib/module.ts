/**
 * zlib in WebAssembly, as zip.js 2.24.0 builds it. Nobody documents its names, so it is carried at an exact version; that
 * its bytes are zlib's is seen by known answers (`blocks.ts`).
 */

import { OciError } from '../../errors.ts'
import { started } from '../wasm/started.ts'

/** The exports that are used. Streams and buffers are addresses. */
export interface ZlibExports {
  readonly memory: WebAssembly.Memory
  malloc(size: number): number
  free(address: number): void
  deflate_new(): number
  deflate_init_raw(stream: number, level: number): number
  deflate_process: Process
  deflate_last_consumed(stream: number): number
  deflate_end(stream: number): number
  inflate_new(): number
  inflate_init_raw(stream: number): number
  inflate_process: Process
  inflate_last_consumed(stream: number): number
  inflate_end(stream: number): number
  _initialize(): void
}

/** Gives a status in the upper 8 bits, and how many bytes came out in the lower 24. */
type Process = (
  stream: number,
  input: number,
  inputSize: number,
  output: number,
  outputSize: number,
  flush: number,
) => number

/** What zlib is told and says (zlib.h). */
export const zlibCodes = {
  none: 0,
  sync: 2,
  finish: 4,
  streamEnd: 1,
  dataError: -3,
  bufferError: -5,
} as const

/** An instance of its own: 17 MB of memory, most of it never touched. */
export async function zlibInstance(module: WebAssembly.Module): Promise<ZlibExports> {
  const { exports } = await started(module, {})
  if (!isZlib(exports))
    throw new OciError('UNSUPPORTED', { feature: 'another zlib than the one that is carried' })
  exports._initialize()
  return exports
}

/** A part of an instance's memory that grows as it is asked to. */
export class ZlibBuffer {
  readonly #wasm: ZlibExports
  #address = 0
  #size = 0

  constructor(wasm: ZlibExports) {
    this.#wasm = wasm
  }

  get address(): number {
    return this.#address
  }

  get size(): number {
    return this.#size
  }

  /** Room for so many bytes; what it held before is lost. */
  reserve(size: number): void {
    if (this.#size >= size) return
    this.release()
    this.#address = this.#wasm.malloc(size)
    if (this.#address === 0)
      throw new OciError('UNSUPPORTED', { feature: `zlib with ${size} bytes of memory` })
    this.#size = size
  }

  put(bytes: Uint8Array, at = 0): void {
    // Asked for anew each time: memory that has grown is another buffer.
    new Uint8Array(this.#wasm.memory.buffer, this.#address + at, bytes.length).set(bytes)
  }

  /** A view, valid until the memory grows or is written again. */
  view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#wasm.memory.buffer, this.#address + start, end - start)
  }

  release(): void {
    this.#wasm.free(this.#address)
    this.#address = this.#size = 0
  }
}

/** What `process` has answered. */
export function statusOf(answer: number): { readonly code: number; readonly count: number } {
  return { code: answer >> 24, count: answer & 0xffffff }
}

function isZlib(exports: object): exports is ZlibExports {
  return 'deflate_process' in exports && 'inflate_process' in exports && '_initialize' in exports
}
