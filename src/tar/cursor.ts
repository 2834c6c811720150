/** A place in a stream of chunks, read in pieces of any size; bodies pass through it without a copy. */

import { concat } from '../streams.ts'

/** What headers are read from: a stream that passes by, or a file that is jumped through. */
export interface HeaderSource {
  /** Bytes that were read or skipped. */
  readonly offset: number
  /** The next `size` bytes, which stay unread; fewer at the end. Valid until more is read. */
  peek(size: number): Promise<Uint8Array>
  /** The next `size` bytes; fewer at the end. Valid until more is read. */
  read(size: number): Promise<Uint8Array>
}

/** The same bytes as a plain `Uint8Array`: `slice` of Node's `Buffer` gives a view, where a copy is meant. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Reads forward through chunks, holding one of them. What it gives is a view of the source's own chunk. */
export class Cursor implements HeaderSource {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array()
  #at = 0
  #offset = 0
  #ended = false

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source
  }

  get offset(): number {
    return this.#offset
  }

  /** Memory follows what came, not what was asked. */
  async peek(size: number): Promise<Uint8Array> {
    if (this.#held < size) await this.#gather(size)
    return this.#chunk.subarray(this.#at, this.#at + size)
  }

  async read(size: number): Promise<Uint8Array> {
    const bytes = await this.peek(size)
    this.#advance(bytes.length)
    return bytes
  }

  /** Some of the next `max` bytes, as much as is at hand; `undefined` at the end. */
  async piece(max: number): Promise<Uint8Array | undefined> {
    if (this.#held === 0) await this.#next()
    const bytes = this.#chunk.subarray(this.#at, Math.min(this.#at + max, this.#chunk.length))
    this.#advance(bytes.length)
    return bytes.length === 0 ? undefined : bytes
  }

  /** Passes over `size` bytes; gives those that were there. */
  async skip(size: number): Promise<number> {
    let left = size
    while (left > 0) {
      if (this.#held === 0 && !(await this.#next())) break
      const step = Math.min(left, this.#held)
      this.#advance(step)
      left -= step
    }
    return size - left
  }

  /** Ends the source. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.()
    this.#ended = true
  }

  get #held(): number {
    return this.#chunk.length - this.#at
  }

  #advance(size: number): void {
    this.#at += size
    this.#offset += size
  }

  async #next(): Promise<boolean> {
    this.#chunk = new Uint8Array()
    this.#at = 0
    while (!this.#ended && this.#chunk.length === 0) {
      const next = await this.#source.next()
      if (next.done) this.#ended = true
      else this.#chunk = plainBytes(next.value)
    }
    return this.#chunk.length > 0
  }

  async #gather(size: number): Promise<void> {
    let held = this.#held
    // A chunk that begins here is taken as it is: `concat` copies only what is in pieces.
    const chunks = held === 0 ? [] : [this.#chunk.subarray(this.#at)]
    while (held < size && (await this.#next())) {
      chunks.push(this.#chunk)
      held += this.#chunk.length
    }
    this.#chunk = concat(chunks, held)
    this.#at = 0
  }
}
