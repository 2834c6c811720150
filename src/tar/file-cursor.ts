/** A place in a tar that can be read anywhere: headers are read, bodies are jumped over. */

import type { AbortOptions, StoredFile } from '../storage.ts'
import { type HeaderSource, plainBytes } from './cursor.ts'

/** Reads forward through a file, a little ahead: far from each other headers cost a small read each. */
export class FileCursor implements HeaderSource {
  readonly #file: StoredFile
  readonly #options: AbortOptions
  #window: Uint8Array = new Uint8Array()
  #windowStart = 0
  #offset = 0
  #ahead = leastAhead

  constructor(file: StoredFile, options: AbortOptions) {
    this.#file = file
    this.#options = options
  }

  get offset(): number {
    return this.#offset
  }

  async peek(size: number): Promise<Uint8Array> {
    const end = Math.min(this.#offset + size, this.#file.size)
    if (end > this.#windowEnd) await this.#load(end)
    return this.#window.subarray(this.#offset - this.#windowStart, end - this.#windowStart)
  }

  async read(size: number): Promise<Uint8Array> {
    const bytes = await this.peek(size)
    this.#offset += bytes.length
    return bytes
  }

  /** Passes over `size` bytes without reading them; gives those that are there. */
  skip(size: number): number {
    const step = Math.min(size, this.#file.size - this.#offset)
    this.#offset += step
    return step
  }

  get #windowEnd(): number {
    return this.#windowStart + this.#window.length
  }

  async #load(end: number): Promise<void> {
    // Small bodies lie close together, and a read for each header would take longer than reading them all.
    const isNear = this.#offset - this.#windowEnd <= this.#ahead
    this.#ahead = isNear ? Math.min(2 * this.#ahead, mostAhead) : leastAhead
    const until = Math.min(Math.max(end, this.#offset + this.#ahead), this.#file.size)
    this.#window = plainBytes(await this.#file.bytes({ ...this.#options, start: this.#offset, end: until }))
    this.#windowStart = this.#offset
  }
}

// A pax header, its records and the header that they speak of: 1.5 KiB as a rule.
const leastAhead = 4 << 10
const mostAhead = 256 << 10
