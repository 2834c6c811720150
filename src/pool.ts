/** The workers of an engine: started when there is work, shared by all of its streams, ended when they have rested. */

import type { BlockJob, ModuleNote } from './jobs.ts'
import { Buffers, Lane, type Ticket, WorkerHash } from './lane.ts'
import type { OwnSignals } from './parallel.ts'
import type { ThreadTools, WorkerLike } from './storage.ts'

/** What a pool is made of. */
export interface PoolOptions {
  /** How many workers there may be; 0 for none. The platform's cores unless given, 8 at the most. */
  readonly workers?: number | undefined
  /** Starts one; in the platform's way unless given. */
  readonly start?: (() => WorkerLike) | undefined
  /** Milliseconds in which a worker that has work must say something; then it counts as dead: 30 s. */
  readonly patience?: number | undefined
  /** The same for its first word: 10 s. */
  readonly startTime?: number | undefined
  /** Milliseconds without work, after which workers are ended: 2 s. */
  readonly rest?: number | undefined
}

// Milliseconds.
const longestStart = 10_000
const longestSilence = 30_000
const longestRest = 2_000
const silenceForgiven = 60_000
/** A worker has one block at hand and one that waits, or it would idle while an answer is on its way. */
const mostAtHand = 2
/** A block that has ended so many workers isn't given to another. */
const mostAttempts = 2
/** More workers than these have to be asked for. */
const mostUnasked = 8
/** So many deaths without an answer between them, and the platform won't have workers. */
const mostDeaths = 3

/** Bounded workers with one queue. Whoever gets `undefined` of it has to do the work himself. */
export class Pool {
  readonly #options: PoolOptions
  readonly #lanes = new Set<Lane>()
  readonly #queue: Ticket[] = []
  readonly #buffers = new Buffers()
  #threads: ThreadTools | undefined
  #givenUpUntil = 0
  #deaths = 0
  #rest: ReturnType<typeof setTimeout> | undefined

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** How many workers there may be: 0 also when it has turned out that none can be started. */
  get size(): number {
    const { workers, start } = this.#options
    const count = Math.min(this.#threads?.count ?? 1, mostUnasked)
    return this.#isGivenUp() || (start ?? this.#threads) === undefined ? 0 : (workers ?? count)
  }

  /** Tells how workers are started here; the first who tells it is heard. */
  startBy(threads: ThreadTools | undefined): void {
    this.#threads ??= threads
  }

  /** Another block would soon find a worker: those under way and those that wait are fewer than two for each. */
  get hasRoom(): boolean {
    let blocks = this.#queue.length
    for (const lane of this.#lanes) blocks += lane.blocks
    return blocks < this.size * mostAtHand
  }

  /** For tests and whoever wonders: workers that are started now. */
  get started(): number {
    return this.#lanes.size
  }

  /**
   * Has a worker compress a block. `undefined` where no worker can: none starts, two died of it, or it met an error, which
   * the caller meets in turn when he does it himself. The block must stay as it is until then. Gives what `take` makes of
   * the compressed block, whose memory is used again afterwards.
   */
  compress<T>(
    job: BlockJob,
    modules: readonly ModuleNote[],
    { signals, take }: { readonly signals: Pick<OwnSignals, 'onAbort'>; take(made: Uint8Array): T },
  ): Promise<T | undefined> {
    if (this.size === 0) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      const ticket: Ticket = {
        job,
        modules,
        attempts: 0,
        isWanted: true,
        done: answer => {
          if (!ticket.isWanted) return
          forget()
          try {
            resolve(answer?.made && take(answer.made))
          } catch (error) {
            reject(error)
          }
        },
      }
      const forget = signals.onAbort(reason => {
        const at = this.#queue.indexOf(ticket)
        if (at >= 0) this.#queue.splice(at, 1)
        ticket.isWanted = false
        reject(reason)
      })
      if (!ticket.isWanted) return
      this.#queue.push(ticket)
      this.#hand()
    })
  }

  /** A hash that a worker makes, or `undefined` where there are no workers. End it, or the worker keeps it. */
  hasher(algorithm: 'sha256' | 'sha512'): WorkerHash | undefined {
    if (this.size === 0) return undefined
    const lane = this.#freest() ?? this.#least()
    return lane && new WorkerHash(lane, algorithm)
  }

  /** Ends the workers: what they had is done by whoever asked for it. Work that comes later starts others. */
  close(): void {
    clearTimeout(this.#rest)
    for (const lane of this.#lanes) this.#bury(lane, 'closed')
    this.#buffers.clear()
    for (const ticket of this.#queue.splice(0)) ticket.done(undefined)
  }

  #isGivenUp(): boolean {
    return performance.now() < this.#givenUpUntil
  }

  /** Gives waiting blocks to workers that have room. */
  #hand(): void {
    for (;;) {
      const [ticket] = this.#queue
      if (ticket === undefined) return
      const lane = this.#freest()
      if (lane === undefined) return
      this.#queue.shift()
      ticket.attempts++
      lane.compress(ticket)
    }
  }

  /** A worker with room for a block, a new one if all that there are have something to do. */
  #freest(): Lane | undefined {
    const least = this.#least()
    if (least !== undefined && least.load === 0) return least
    if (this.#lanes.size < this.size) {
      const started = this.#start()
      if (started !== undefined) return started
    }
    // A hash comes and goes between two blocks: it takes no room from them.
    return this.#least(({ blocks }) => blocks < mostAtHand)
  }

  /** The worker that has least to do, of those that may be asked. */
  #least(may: (lane: Lane) => boolean = () => true): Lane | undefined {
    let least: Lane | undefined
    for (const lane of this.#lanes)
      if (may(lane) && (least === undefined || lane.load < least.load)) least = lane
    return least
  }

  #start(): Lane | undefined {
    try {
      const start = this.#options.start ?? this.#threads?.start
      if (start === undefined) return undefined
      // A policy may throw here; one that forbids the script, or a wrong address, is told by an event.
      const lane = new Lane(start(), {
        patience: this.#options.patience ?? longestSilence,
        startTime: this.#options.startTime ?? longestStart,
        buffers: this.#buffers,
        onAnswer: () => this.#answered(),
        onDeath: why => this.#died(lane, why),
      })
      this.#lanes.add(lane)
      return lane
    } catch {
      this.#giveUp('error')
      return undefined
    }
  }

  #answered(): void {
    this.#deaths = 0
    this.#hand()
    clearTimeout(this.#rest)
    if ([...this.#lanes].some(({ load }) => load > 0)) return
    this.#rest = setTimeout(() => {
      if ([...this.#lanes].every(({ load }) => load === 0)) this.close()
    }, this.#options.rest ?? longestRest)
    unrefTimer(this.#rest)
  }

  #died(lane: Lane, why: 'error' | 'silence'): void {
    this.#deaths++
    if (!lane.hasAnswered || this.#deaths >= mostDeaths) this.#giveUp(why)
    this.#bury(lane, 'dead')
    this.#hand()
  }

  /** Where a script is missing or forbidden it will be so again; silence may have been that of a machine that slept. */
  #giveUp(why: 'error' | 'silence'): void {
    this.#givenUpUntil = why === 'error' ? Number.POSITIVE_INFINITY : performance.now() + silenceForgiven
    this.#deaths = 0
    for (const ticket of this.#queue.splice(0)) ticket.done(undefined)
  }

  /** What a worker had at hand comes first again, unless it is its second worker's end. */
  #bury(lane: Lane, why: 'closed' | 'dead'): void {
    this.#lanes.delete(lane)
    const left = lane.end(why)
    for (const ticket of left.reverse()) {
      if (!ticket.isWanted) continue
      if (this.#isGivenUp() || ticket.attempts >= mostAttempts) ticket.done(undefined)
      else this.#queue.unshift(ticket)
    }
  }
}

/** A worker at rest keeps no process alive; in a page a timer is a number. */
function unrefTimer(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
    timer.unref()
}
