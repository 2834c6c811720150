/** Faults to order: each call to a medium has a number, and one of them, or all from one on, goes wrong. */

/** What goes wrong with a call. */
export type FaultKind =
  /** The medium fails. */
  | 'error'
  /** It fails, but what was asked of it is done: the answer was lost. */
  | 'late error'
  /** It says no. */
  | 'denied'
  /** It has no room for what is written. */
  | 'quota'
  /** It gives fewer bytes than it has. */
  | 'short read'
  /** It takes fewer bytes than it is given. */
  | 'short write'
  /** It says nothing any more until the operation is aborted. */
  | 'hang'

/** The order: which call goes wrong, and how. */
export interface FaultOrder {
  readonly kind: FaultKind
  /** The number of the call, from 1. */
  readonly at: number
  /** Whether all later ones go wrong, too. */
  readonly isLasting: boolean
}

/** What a call that hangs is told to, and what ends it. */
export interface Hangs {
  readonly onHang: () => void
  /** The signal of the operation. */
  readonly aborted: AbortSignal
}

/** Counts the calls to media, and says which of them go wrong. */
export class Faults {
  /** Calls that an order of each kind can hit; a table of the medium's. */
  readonly #targets: (kind: FaultKind, call: string) => boolean
  #order: FaultOrder | undefined
  #hangs: Hangs | undefined
  /** The calls since the counting began, by name. */
  calls: string[] = []
  fired = 0

  constructor(targets: (kind: FaultKind, call: string) => boolean) {
    this.#targets = targets
  }

  /** Whether such a fault can befall such a call at all. */
  mayHit(kind: FaultKind, call: string): boolean {
    return this.#targets(kind, call)
  }

  /** Begins to count anew; with an order, some call will go wrong. */
  begin(order?: FaultOrder, hangs?: Hangs): void {
    this.#order = order
    this.#hangs = hangs
    this.calls = []
    this.fired = 0
  }

  /** From here on nothing goes wrong. */
  end(): void {
    this.#order = undefined
  }

  /** Whether the fault stays. */
  get isLasting(): boolean {
    return this.#order?.isLasting ?? false
  }

  /** Counts a call and gives the fault that befalls it. */
  next(call: string): FaultKind | undefined {
    const number = this.calls.push(call)
    const order = this.#order
    if (order === undefined || number < order.at || (number > order.at && !order.isLasting)) return undefined
    if (!this.#targets(order.kind, call)) return undefined
    this.fired++
    return order.kind
  }

  /** Waits for the end of a call that hangs: the signal of its own, which the medium heeds as the contract says. */
  async hang(signal: AbortSignal | undefined): Promise<never> {
    this.#hangs?.onHang()
    return new Promise((_, reject) => {
      if (signal?.aborted) reject(signal.reason)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  /** Waits as a call does that knows of no signal, until the operation is aborted; then the call goes on. */
  async untilAborted(): Promise<void> {
    this.#hangs?.onHang()
    const aborted = this.#hangs?.aborted
    await new Promise<void>(resolve => {
      if (aborted?.aborted) resolve()
      aborted?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
