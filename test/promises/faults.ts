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
  /** The name of the call. Parts of an operation go on side by side, so that its place among all calls is mere chance. */
  readonly call: string
  /** Which of the calls of that name, from 1. */
  readonly at: number
  /** Whether all later ones go wrong, too. */
  readonly isLasting: boolean
}

/** What of an order says which call. */
export type NamedCall = Pick<FaultOrder, 'call' | 'at'>

/** Each call by its name, and which of that name it is. */
export function namedCalls(calls: readonly string[]): readonly NamedCall[] {
  const counts = new Map<string, number>()
  return calls.map(call => {
    const at = (counts.get(call) ?? 0) + 1
    counts.set(call, at)
    return { call, at }
  })
}

/** An order by number alone, where calls come one after the other: of those that its kind can hit. */
export type PlainOrder = Omit<FaultOrder, 'call'>

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
  /** Calls of the name that is ordered, so far. */
  #named = 0
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
    this.#named = 0
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
    this.calls.push(call)
    const order = this.#order
    if (order === undefined) return undefined
    const isNamed = call === order.call && ++this.#named === order.at
    const isLater = order.isLasting && this.fired > 0
    if (!(isNamed || isLater) || !this.#targets(order.kind, call)) return undefined
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

  /**
   * Waits as a call does that knows of no signal, until the operation is aborted; then the call goes on, as do later ones
   * that hang. One that never ends can't be left by an abort where the platform's own call takes no signal.
   */
  async untilAborted(): Promise<void> {
    this.#hangs?.onHang()
    const aborted = this.#hangs?.aborted
    await new Promise<void>(resolve => {
      if (aborted?.aborted) resolve()
      aborted?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
