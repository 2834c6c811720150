/**
 * Hashes of hash-wasm that take turns at one instance for each algorithm: a page may have a hundred instances or so in all, and
 * each takes half a millisecond to make.
 */

import type { IHasher } from 'hash-wasm'
import type { SavedHasher } from './storage.ts'

/** A running hash. */
export class WasmHash {
  readonly #turns: Turns
  /** Where it was when another one had its turn; nothing at its beginning. */
  #state: Uint8Array | undefined

  constructor(turns: Turns) {
    this.#turns = turns
  }

  update(bytes: Uint8Array): void {
    this.#turn().update(bytes)
  }

  /** The hash, after which it starts afresh. */
  hex(): string {
    const hex = this.#turn().digest('hex')
    this.reset()
    return hex
  }

  /** Starts afresh. */
  reset(): void {
    this.#state = undefined
    if (this.#turns.last === this) this.#turns.last = undefined
  }

  /** Where it is now, in a hundred bytes or two, to be gone on with as often as asked. */
  save(): SavedHasher {
    const state = this.#turn().save()
    return {
      restore: () => {
        const hash = new WasmHash(this.#turns)
        hash.#state = state
        return hash
      },
    }
  }

  #turn(): IHasher {
    const turns = this.#turns
    if (turns.last === this) return turns.wasm
    if (turns.last !== undefined) turns.last.#state = turns.wasm.save()
    if (this.#state === undefined) turns.wasm.init()
    else turns.wasm.load(this.#state)
    turns.last = this
    return turns.wasm
  }
}

/** An instance, and whose hash it holds. */
interface Turns {
  readonly wasm: IHasher
  last: WasmHash | undefined
}

/** Gives what begins hashes of one algorithm; its instance is made when it is first needed. */
export function wasmHashes(make: () => Promise<IHasher>): () => Promise<() => WasmHash> {
  let made: Promise<Turns> | undefined
  return async () => {
    made ??= make().then(wasm => ({ wasm, last: undefined }))
    // One that found no room for its memory is tried again.
    made.catch(() => {
      made = undefined
    })
    const turns = await made
    return () => new WasmHash(turns)
  }
}
