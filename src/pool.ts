/** The workers of an engine: started when there is work, shared by all of its streams, ended when they have rested. */

import type { BlockJob, FromWorker, HashStep, ModuleNote } from './jobs.ts'
import type { SharedPart } from './shared-file.ts'
import type { AbortOptions, ThreadTools, WorkerLike } from './storage.ts'

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
const hearing = 50
/** A worker has one block at hand and one that waits, or it would idle while an answer is on its way. */
const mostAtHand = 2
/** Chunks of a hash, of 256 KiB most often. */
const mostChunks = 4
/** Parts that it reads by itself: one that is read, and one that waits. */
const mostParts = 2
/** A block that has ended so many workers isn't given to another. */
const mostAttempts = 2
/** More workers than these have to be asked for. */
const mostUnasked = 8
/** So many deaths without an answer between them, and the platform won't have workers. */
const mostDeaths = 3
const mostSpare = 16

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
    { signal, take }: AbortOptions & { take(made: Uint8Array): T },
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
          signal?.removeEventListener('abort', onAbort)
          try {
            resolve(answer?.made && take(answer.made))
          } catch (error) {
            reject(error)
          }
        },
      }
      const onAbort = (): void => {
        const at = this.#queue.indexOf(ticket)
        if (at >= 0) this.#queue.splice(at, 1)
        ticket.isWanted = false
        reject(signal?.reason)
      }
      if (signal?.aborted) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
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
    return [...this.#lanes].sort((a, b) => a.load - b.load).find(({ blocks }) => blocks < mostAtHand)
  }

  #least(): Lane | undefined {
    let least: Lane | undefined
    for (const lane of this.#lanes) if (least === undefined || lane.load < least.load) least = lane
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

interface Ticket {
  readonly job: BlockJob
  readonly modules: readonly ModuleNote[]
  attempts: number
  /** Nobody has given it up. */
  isWanted: boolean
  done(answer: FromWorker | undefined): void
}

/** Buffers that go to workers and come back. */
class Buffers {
  readonly #spare: ArrayBuffer[] = []

  /** Of those that are large enough the smallest. */
  take(size: number): Uint8Array<ArrayBuffer> {
    let best = -1
    for (const [i, { byteLength }] of this.#spare.entries()) {
      const least = this.#spare[best]?.byteLength ?? Number.POSITIVE_INFINITY
      if (byteLength >= size && byteLength < least) best = i
    }
    const [spare] = best < 0 ? [] : this.#spare.splice(best, 1)
    return new Uint8Array(spare ?? new ArrayBuffer(size), 0, size)
  }

  give(spent: ArrayBuffer | undefined): void {
    if (spent !== undefined && this.#spare.length < mostSpare) this.#spare.push(spent)
  }

  clear(): void {
    this.#spare.length = 0
  }
}

interface LaneOptions {
  readonly buffers: Buffers
  readonly patience: number
  readonly startTime: number
  onAnswer(): void
  onDeath(why: 'error' | 'silence'): void
}

interface Due {
  readonly ticket?: Ticket
  resolve(answer: FromWorker): void
  reject(error: Error): void
}

/** One worker, and what it owes. */
class Lane {
  readonly #worker: WorkerLike
  readonly #options: LaneOptions
  readonly #due = new Map<number, Due>()
  readonly #modules = new Set<string>()
  #hashes = 0
  #lastId = 0
  #isEnded = false
  #watch: ReturnType<typeof setTimeout> | undefined
  hasAnswered = false

  constructor(worker: WorkerLike, options: LaneOptions) {
    this.#worker = worker
    this.#options = options
    worker.addEventListener('message', ({ data }) => this.#heard(data as FromWorker))
    const onError = (event: { preventDefault?(): void }): void => {
      // Said here, it would be said once more to the page, which has no part in it.
      event.preventDefault?.()
      this.#die('error')
    }
    worker.addEventListener('error', onError)
    worker.addEventListener('messageerror', onError)
  }

  /** Messages under way, and hashes that are kept. */
  get load(): number {
    return this.#due.size + this.#hashes
  }

  /** Blocks that it has. */
  get blocks(): number {
    let count = 0
    for (const { ticket } of this.#due.values()) if (ticket !== undefined) count++
    return count
  }

  compress(ticket: Ticket): void {
    for (const note of ticket.modules) {
      if (this.#modules.has(note.name)) continue
      this.#modules.add(note.name)
      this.#send(note, []).catch(() => {})
    }
    const { block, dictionary, ...job } = ticket.job
    // A copy goes, and the block stays: should this worker die, another one gets it.
    const bytes = this.#options.buffers.take(dictionary.length + block.length)
    bytes.set(dictionary)
    bytes.set(block, dictionary.length)
    const message = {
      ...job,
      dictionary: bytes.subarray(0, dictionary.length),
      block: bytes.subarray(dictionary.length),
    }
    this.#send(message, [bytes.buffer], ticket).then(
      answer => {
        ticket.done(answer.fault === undefined ? answer : undefined)
        this.#options.buffers.give(answer.spent)
      },
      () => {},
    )
  }

  /** A step of a hash. The chunk is copied, for a storage may have others read it. */
  async hash(step: Omit<HashStep, 'bytes'>, chunk?: Uint8Array): Promise<FromWorker> {
    if (chunk === undefined) return this.#send(step, [])
    const bytes = this.#options.buffers.take(chunk.length)
    bytes.set(chunk)
    const answer = await this.#send({ ...step, bytes }, [bytes.buffer])
    this.#options.buffers.give(answer.spent)
    return answer
  }

  keepHash(): number {
    this.#hashes++
    return ++this.#lastId
  }

  forgetHash(): void {
    this.#hashes--
    // Perhaps it is at rest now.
    if (!this.#isEnded) this.#options.onAnswer()
  }

  /** Gives what it hasn't done. */
  end(why: string): Ticket[] {
    this.#isEnded = true
    clearTimeout(this.#watch)
    this.#worker.terminate()
    const dues = [...this.#due.values()]
    this.#due.clear()
    for (const { reject } of dues) reject(new Error(`the worker is ${why}`))
    return dues.flatMap(({ ticket }) => ticket ?? [])
  }

  #send(
    message: BlockJob | HashStep | ModuleNote,
    transfer: ArrayBuffer[],
    ticket?: Ticket,
  ): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      if (this.#isEnded) return reject(new Error('the worker is gone'))
      const id = ++this.#lastId
      this.#due.set(id, { resolve, reject, ...(ticket && { ticket }) })
      if (this.#due.size === 1) this.#worker.ref?.()
      this.#watchOver()
      try {
        this.#worker.postMessage({ ...message, id }, transfer)
      } catch (error) {
        // Not everything can be sent everywhere. It isn't the worker's fault, and the owner does it himself.
        this.#answer({ id, fault: String(error) })
      }
    })
  }

  #heard(answer: FromWorker): void {
    this.hasAnswered = true
    this.#answer(answer)
  }

  #answer(answer: FromWorker): void {
    const due = this.#due.get(answer.id)
    if (due === undefined) return
    this.#due.delete(answer.id)
    if (this.#due.size === 0) this.#worker.unref?.()
    this.#watchOver()
    due.resolve(answer)
    this.#options.onAnswer()
  }

  /** Browsers don't say that a worker has ended: silence has to do. */
  #watchOver(): void {
    clearTimeout(this.#watch)
    if (this.#due.size === 0) return
    const { patience, startTime } = this.#options
    const watch = setTimeout(
      () => {
        // What this thread itself was too busy to hear comes first.
        this.#watch = setTimeout(() => this.#die('silence'), hearing)
      },
      this.hasAnswered ? patience : startTime,
    )
    this.#watch = watch
  }

  #die(why: 'error' | 'silence'): void {
    if (!this.#isEnded) this.#options.onDeath(why)
  }
}

/** A hash in the making, in a worker. When the worker is lost, it is: begin again elsewhere. */
export class WorkerHash {
  readonly #lane: Lane
  readonly #step: Pick<HashStep, 'kind' | 'hash' | 'algorithm'>
  readonly #inFlight: Promise<boolean>[] = []
  #isWhole = true
  #isEnded = false

  constructor(lane: Lane, algorithm: 'sha256' | 'sha512') {
    this.#lane = lane
    this.#step = { kind: 'hash', hash: lane.keepHash(), algorithm }
  }

  /** Takes a copy of a chunk, or has a part read; resolves when another may come, and tells whether it is of any use. */
  async update(chunk: Uint8Array | SharedPart): Promise<boolean> {
    const answer =
      chunk instanceof Uint8Array
        ? this.#lane.hash(this.#step, chunk)
        : this.#lane.hash({ ...this.#step, part: chunk })
    this.#inFlight.push(succeeded(answer))
    const most = chunk instanceof Uint8Array ? mostChunks : mostParts
    if (this.#inFlight.length >= most) this.#isWhole &&= (await this.#inFlight.shift()) === true
    return this.#isWhole
  }

  /** The digest of a file in one part, and the end; `undefined` where the worker was lost, or can't read it. */
  async hexOf(part: SharedPart): Promise<string | undefined> {
    const answer = this.#end('result', part).catch(() => undefined)
    this.#inFlight.push(answer.then(Boolean))
    return (await answer)?.hex
  }

  /** The digest, in hex; `undefined` where the worker was lost, or one of the chunks. */
  async hex(): Promise<string | undefined> {
    const answer = this.#end('result').catch(() => undefined)
    const taken = await Promise.all(this.#inFlight)
    return this.#isWhole && taken.every(Boolean) ? (await answer)?.hex : undefined
  }

  /** Lets go of it, wherever it is; after `hex` it does nothing. Resolves when nothing is under way any more. */
  async drop(): Promise<void> {
    if (!this.#isEnded) this.#end('drop').catch(() => {})
    await Promise.all(this.#inFlight)
  }

  async #end(end: 'result' | 'drop', part?: SharedPart): Promise<FromWorker> {
    this.#isEnded = true
    try {
      return await this.#lane.hash({ ...this.#step, end, ...(part && { part }) })
    } finally {
      this.#lane.forgetHash()
    }
  }
}

function succeeded(answer: Promise<FromWorker>): Promise<boolean> {
  return answer.then(
    ({ fault }) => fault === undefined,
    () => false,
  )
}

/** A worker at rest keeps no process alive; in a page a timer is a number. */
function unrefTimer(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
    timer.unref()
}
