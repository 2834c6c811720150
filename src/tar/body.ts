/** An entry's bytes while the tar streams by: read once and in order, holes filled with zeros. */

import type { OciError } from '../errors.ts'
import { checkLimit } from '../limits.ts'
import type { AbortOptions } from '../storage.ts'
import { streamOf } from '../streams.ts'
import type { Cursor } from './cursor.ts'
import type { TarBody } from './entry.ts'
import { tarFault } from './fault.ts'
import type { TarLimits } from './limits.ts'
import type { SparseMap } from './sparse.ts'

/** What a body is made of. */
export interface BodyPlan extends AbortOptions {
  readonly cursor: Cursor
  readonly limits: TarLimits
  /** Awaited now and then, so that others have a turn, too. */
  readonly turn: () => Promise<void>
  readonly path: Uint8Array
  /** Bytes in the tar from where the cursor stands, and those that fill up the last block. */
  readonly stored: number
  readonly padding: number
  readonly sparse?: SparseMap | undefined
}

/** The body of the entry that a reader stands at. */
export class Body implements TarBody {
  readonly #plan: BodyPlan
  #left: number
  #state: 'unread' | 'open' | 'over' = 'unread'
  #reading = false

  constructor(plan: BodyPlan) {
    this.#plan = plan
    this.#left = plan.stored
  }

  stream(): ReadableStream<Uint8Array> {
    return streamOf(this, { signal: this.#plan.signal })
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#state !== 'unread') throw misused()
    this.#state = 'open'
    const { sparse, stored } = this.#plan
    const { size, parts } = sparse ?? { size: stored, parts: [{ offset: 0, size: stored }] }
    if (sparse !== undefined) this.#checkSize(size)
    let at = 0
    for (const part of parts) {
      if (at < part.offset) yield* this.#zeros(part.offset - at)
      for (let left = part.size; left > 0; ) {
        const piece = await this.#piece(left)
        left -= piece.length
        yield piece
      }
      at = part.offset + part.size
    }
    if (at < size) yield* this.#zeros(size - at)
  }

  /** Passes over what wasn't read. Reading ends here. */
  async finish(): Promise<void> {
    if (this.#reading) throw misused()
    this.#state = 'over'
    const { cursor, padding } = this.#plan
    if ((await cursor.skip(this.#left)) < this.#left) throw this.#cutShort()
    // Some writers don't fill up the very last block.
    await cursor.skip(padding)
  }

  async #piece(max: number): Promise<Uint8Array> {
    if (this.#state === 'over' || this.#reading) throw misused()
    this.#reading = true
    try {
      const piece = await this.#plan.cursor.piece(max)
      if (piece === undefined) throw this.#cutShort()
      this.#left -= piece.length
      return piece
    } finally {
      this.#reading = false
    }
  }

  async *#zeros(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = size; left > 0; left -= zerosSize) {
      await this.#plan.turn()
      if (this.#state === 'over') throw misused()
      // Made anew: whoever takes a chunk may also give it to a worker.
      yield new Uint8Array(Math.min(left, zerosSize))
    }
  }

  #checkSize(size: number): void {
    checkLimit(this.#plan.limits, 'maxSparseSize', { found: size })
  }

  #cutShort(): OciError {
    return tarFault('cut short in a body', this.#plan.cursor.offset, this.#plan.path)
  }
}

const zerosSize = 64 << 10

function misused(): TypeError {
  return new TypeError("a tar entry's body is read once, and before the next entry is asked for")
}
