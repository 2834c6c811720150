/** What a decoder reads from: chunks of any size, taken as fields or whatever is there. */

import type { OciError } from '../errors.ts'

/** Makes the error of a format. */
export type Fault = (reason: string, offset: number) => OciError

/** A cursor over chunks that counts bytes. A call that needs more than there is throws the format's error. */
export class Input {
  /** Sees all that `take` and the skips pass over: a header's CRC is made of it. */
  onBytes: ((bytes: Uint8Array) => void) | undefined
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #fault: Fault
  #chunk: Uint8Array = new Uint8Array(0)
  #offset = 0

  constructor(chunks: AsyncIterable<Uint8Array>, fault: Fault) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#fault = fault
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset
  }

  /** What is there, at least one byte, still counted as not taken: `used` takes of it. */
  async some(where: string): Promise<Uint8Array> {
    if (!(await this.#fill())) throw this.#fault(`cut off in the ${where}`, this.#offset)
    return this.#chunk
  }

  /** Takes bytes of what `some` has given. */
  used(count: number): void {
    this.#chunk = this.#chunk.subarray(count)
    this.#offset += count
  }

  /** Exactly so many bytes: for small fields. */
  async take(count: number, where: string): Promise<Uint8Array> {
    const bytes = new Uint8Array(count)
    await this.read(bytes, where)
    return bytes
  }

  /** Fills an array. */
  async read(target: Uint8Array, where: string): Promise<void> {
    for (let filled = 0; filled < target.length; ) {
      const piece = (await this.some(where)).subarray(0, target.length - filled)
      target.set(piece, filled)
      filled += piece.length
      this.#pass(piece)
    }
  }

  async skip(count: number, where: string): Promise<void> {
    for (let left = count; left > 0; ) {
      const piece = (await this.some(where)).subarray(0, left)
      left -= piece.length
      this.#pass(piece)
    }
  }

  /** Skips a string and the zero that ends it, of any length: nothing of it is kept. */
  async skipString(where: string): Promise<void> {
    for (;;) {
      const chunk = await this.some(where)
      const end = chunk.indexOf(0)
      this.#pass(end < 0 ? chunk : chunk.subarray(0, end + 1))
      if (end >= 0) return
    }
  }

  /** The next byte, not taken; `undefined` at the end. */
  async peek(): Promise<number | undefined> {
    return (await this.#fill()) ? this.#chunk[0] : undefined
  }

  /** Takes zeros up to the end. */
  async skipZeros(): Promise<void> {
    while (await this.#fill()) {
      const junk = this.#chunk.findIndex(byte => byte !== 0)
      if (junk >= 0) throw this.#fault('other bytes than zeros follow the end', this.#offset + junk)
      this.used(this.#chunk.length)
    }
  }

  /** Gives the source back. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  #pass(piece: Uint8Array): void {
    this.onBytes?.(piece)
    this.used(piece.length)
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next()
      if (next.done) return false
      this.#chunk = next.value
    }
    return true
  }
}

/** The number that a field's bytes stand for, the lowest first. */
export function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0)
}
