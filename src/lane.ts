/** One worker of a pool: what it is sent, what it owes, and the hashes that it keeps. */

import { type BlockJob, type FromWorker, type HashStep, type ModuleNote, mostGrowth } from './jobs.ts'
import type { SharedPart } from './shared-file.ts'
import type { WorkerLike } from './storage.ts'

/** Milliseconds for what was said and not yet heard. */
const hearing = 50
/** Chunks of a hash, of 256 KiB most often. */
const mostChunks = 4
/** Parts that it reads by itself: one that is read, and one that waits. */
const mostParts = 2
const mostSpare = 16

/** A block that a worker is to compress, until somebody has. */
export interface Ticket {
  readonly job: BlockJob
  readonly modules: readonly ModuleNote[]
  attempts: number
  /** Nobody has given it up. */
  isWanted: boolean
  done(answer: FromWorker | undefined): void
}

/** Buffers that go to workers and come back. */
export class Buffers {
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
    if (spent === undefined) return
    this.#spare.push(spent)
    // Those that were too small for what came since.
    if (this.#spare.length > mostSpare) this.#spare.shift()
  }

  clear(): void {
    this.#spare.length = 0
  }
}

/** What a pool gives each of its workers, and what it hears of them. */
export interface LaneOptions {
  readonly buffers: Buffers
  readonly patience: number
  readonly startTime: number
  onAnswer(): void
  onDeath(why: 'error' | 'silence'): void
}

interface Due {
  readonly id: number
  readonly ticket?: Ticket
  resolve(answer: FromWorker): void
  reject(error: Error): void
}

/** One worker, and what it owes. */
export class Lane {
  readonly #worker: WorkerLike
  readonly #options: LaneOptions
  /** A few. Of a map that is never at rest V8 would keep the tables it had, and what stood in them. */
  #due: Due[] = []
  readonly #modules = new Set<string>()
  #hashes = 0
  #lastId = 0
  #isEnded = false
  #watch: ReturnType<typeof setTimeout> | undefined
  /** When something was last said to it, or by it. */
  #lastWord = 0
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
    return this.#due.length + this.#hashes
  }

  /** Blocks that it has. */
  get blocks(): number {
    let count = 0
    for (const { ticket } of this.#due) if (ticket !== undefined) count++
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
    const size = dictionary.length + block.length
    const bytes = this.#options.buffers.take(size + mostGrowth)
    bytes.set(dictionary)
    bytes.set(block, dictionary.length)
    const message = {
      ...job,
      dictionary: bytes.subarray(0, dictionary.length),
      block: bytes.subarray(dictionary.length, size),
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
    this.#lookAway()
    this.#worker.terminate()
    const dues = this.#due
    this.#due = []
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
      this.#due.push({ id, resolve, reject, ...(ticket && { ticket }) })
      if (this.#due.length === 1) this.#worker.ref?.()
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
    // From now on its patience is another.
    if (!this.hasAnswered) this.#lookAway()
    this.hasAnswered = true
    this.#answer(answer)
  }

  #answer(answer: FromWorker): void {
    const at = this.#due.findIndex(({ id }) => id === answer.id)
    const [due] = at < 0 ? [] : this.#due.splice(at, 1)
    if (this.#due.length === 0) this.#worker.unref?.()
    this.#watchOver()
    // Somebody else's code in the worker may say things, too.
    if (due === undefined) return
    due.resolve(answer)
    this.#options.onAnswer()
  }

  /** Browsers don't say that a worker has ended: silence has to do. One timer looks again and again while it owes something. */
  #watchOver(): void {
    this.#lastWord = performance.now()
    if (this.#due.length === 0) this.#lookAway()
    else this.#watch ??= setTimeout(() => this.#look('first'), this.#patience)
  }

  #lookAway(): void {
    clearTimeout(this.#watch)
    this.#watch = undefined
  }

  get #patience(): number {
    const { patience, startTime } = this.#options
    return this.hasAnswered ? patience : startTime
  }

  #look(time: 'first' | 'last'): void {
    const left = this.#lastWord + this.#patience - performance.now()
    if (left > 0) this.#watch = setTimeout(() => this.#look('first'), left)
    // What this thread itself was too busy to hear comes first.
    else if (time === 'first') this.#watch = setTimeout(() => this.#look('last'), hearing)
    else this.#die('silence')
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
