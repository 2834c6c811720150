/** Many things at once, but only so many, and ended as one. */

import type { AbortOptions } from './storage.ts'

/** Options of calls that do many things at once. */
export interface ConcurrencyOptions extends AbortOptions {
  /** How many are under way at once, at the most: 4 unless given. */
  readonly concurrency?: number | undefined
}

/**
 * Does the work of each item, in their order. The first failure aborts what is under way, and is thrown when all of
 * it has ended: nothing goes on behind the caller's back.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  options: ConcurrencyOptions = {},
): Promise<void> {
  const { concurrency = defaultConcurrency, signal } = options
  const signals = new OwnSignals(signal)
  let failure: { readonly reason: unknown } | undefined = signal?.aborted
    ? { reason: signal.reason }
    : undefined
  const end = (reason: unknown): void => {
    failure ??= { reason }
    signals.abort(reason)
  }
  // One iterator for all lanes: each takes the next item when it is free.
  const queue = items[Symbol.iterator]()
  const lane = async (): Promise<void> => {
    while (failure === undefined && !signal?.aborted) {
      const next = queue.next()
      if (next.done) return
      await signals.run(own => work(next.value, own)).catch(end)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  signals.end()
  signal?.throwIfAborted()
  if (failure !== undefined) throw failure.reason
}

/** Signals of one's own under another: all that listens to one is its own, and gone with it. */
export class OwnSignals {
  readonly #running = new Set<AbortController>()
  /** Of a set that is never at rest V8 would keep the tables it had, and what stood in them. */
  #listeners: ((reason: unknown) => void)[] = []
  readonly #forget: () => void
  #aborted: { readonly reason: unknown } | undefined

  constructor(signal: AbortSignal | undefined) {
    const onAbort = (): void => this.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    this.#forget = () => signal?.removeEventListener('abort', onAbort)
  }

  get count(): number {
    return this.#running.size
  }

  /** Does something under a signal of its own; an aborted one where what they are under has ended. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController()
    if (this.#aborted !== undefined) own.abort(this.#aborted.reason)
    this.#running.add(own)
    try {
      return await work(own.signal)
    } finally {
      this.#running.delete(own)
    }
  }

  /**
   * Calls once they are aborted, at once where they are; gives what takes that back. A signal for each of a hundred thousand
   * steps would be most of their garbage.
   */
  onAbort(listener: (reason: unknown) => void): () => void {
    if (this.#aborted !== undefined) listener(this.#aborted.reason)
    else this.#listeners.push(listener)
    return () => {
      const at = this.#listeners.indexOf(listener)
      if (at >= 0) this.#listeners.splice(at, 1)
    }
  }

  throwIfAborted(): void {
    if (this.#aborted !== undefined) throw this.#aborted.reason
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return
    this.#aborted = { reason }
    for (const own of this.#running) own.abort(reason)
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(reason)
  }

  /** Nothing listens any more. */
  end(): void {
    this.#forget()
  }
}

/**
 * Does the work of each item, several at once, and gives the results in the items' order. `mayTake` tells whether another
 * item may be begun beside those that are (so many); the first always may. No item is asked for before that.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  mayTake: (begun: number) => Promise<boolean>,
): AsyncGenerator<R, void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  const begun: Promise<R>[] = []
  let isDone = false
  try {
    for (;;) {
      while (!isDone && (begun.length === 0 || (await mayTake(begun.length)))) {
        const next = await iterator.next()
        isDone = next.done === true
        if (next.done) break
        const result = work(next.value)
        // It is met in its turn; until then it must not count as unhandled.
        result.catch(() => {})
        begun.push(result)
      }
      const first = begun.shift()
      if (first === undefined) return
      yield await first
    }
  } finally {
    if (!isDone) await iterator.return?.()
  }
}

/** Throws a `RangeError` unless so many things can be done at once. */
export function checkConcurrency({ concurrency = defaultConcurrency }: ConcurrencyOptions): void {
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= mostConcurrency) return
  throw new RangeError(`concurrency is a whole number from 1 to ${mostConcurrency}, not ${concurrency}`)
}

const defaultConcurrency = 4
const mostConcurrency = 256
