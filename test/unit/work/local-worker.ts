/** A worker on the test's own thread: messages are handed over as to a real one, and its ends can be arranged. */

import { createHasher } from '../../../src/digest.ts'
import type { FromWorker, ToWorker } from '../../../src/jobs.ts'
import { performer } from '../../../src/perform.ts'
import { readHandle } from '../../../src/read-handle.ts'
import type { WorkerLike } from '../../../src/storage.ts'

/** What befalls a worker: by the number of the message that it has just got, from 1. */
export type Fate = (message: number, kind: ToWorker['kind']) => 'error' | 'silence' | 'fault' | undefined

/** The workers that a test has started, and what they did. */
export class LocalWorkers {
  readonly all: LocalWorker[] = []
  readonly #fate: (worker: number) => Fate

  constructor(fate: (worker: number) => Fate = () => () => undefined) {
    this.#fate = fate
  }

  readonly start = (): LocalWorker => {
    const worker = new LocalWorker(this.#fate(this.all.length + 1))
    this.all.push(worker)
    return worker
  }

  /** How many were at work at once, at the most. */
  get most(): number {
    return Math.max(0, ...this.all.map(({ beside }) => beside))
  }

  get living(): number {
    return this.all.filter(({ isEnded }) => !isEnded).length
  }
}

type Listener = (event: { readonly data?: unknown }) => void

class LocalWorker implements WorkerLike {
  static #working = 0
  readonly #fate: Fate
  readonly #listeners = new Map<string, Listener[]>()
  readonly #perform: (message: ToWorker) => void
  /** Messages that it got. */
  got = 0
  /** Messages that it has and hasn't answered: now, and at the most. */
  atHand = 0
  mostAtHand = 0
  /** Workers that had something to do when it got something, at the most. */
  beside = 0
  isEnded = false
  isMute = false

  constructor(fate: Fate) {
    this.#fate = fate
    this.#perform = performer((answer, transfer) => this.#answer(answer, transfer), {
      makeHasher: createHasher,
      readPart: readHandle,
    })
  }

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    const copy = structuredClone(message, { transfer }) as ToWorker
    this.got++
    this.mostAtHand = Math.max(this.mostAtHand, ++this.atHand)
    if (this.atHand === 1) LocalWorker.#working++
    this.beside = Math.max(this.beside, LocalWorker.#working)
    const number = this.got
    // Another thread would not have it at once.
    setTimeout(() => this.#receive(copy, number), 0)
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  terminate(): void {
    if (this.atHand > 0) LocalWorker.#working--
    this.atHand = 0
    this.isEnded = true
  }

  /** As when its code throws. */
  fail(): void {
    if (!this.isEnded) this.#emit('error', {})
  }

  /** As when somebody else's code in it posts a message. */
  say(data: unknown): void {
    if (!this.isEnded) this.#emit('message', { data })
  }

  #receive(message: ToWorker, number: number): void {
    if (this.isEnded || this.isMute) return
    switch (this.#fate(number, message.kind)) {
      case 'error':
        this.fail()
        return
      case 'silence':
        this.isMute = true
        return
      case 'fault':
        this.#answer({ id: message.id, fault: 'arranged' }, [])
        return
      default:
        this.#perform(message)
    }
  }

  #answer(answer: FromWorker, transfer: ArrayBuffer[]): void {
    if (this.isEnded || this.isMute) return
    if (--this.atHand === 0) LocalWorker.#working--
    const data = structuredClone(answer, { transfer })
    this.#emit('message', { data })
  }

  #emit(type: string, event: { readonly data?: unknown }): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event)
  }
}
