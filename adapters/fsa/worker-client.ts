/** A page's side of the worker that writes for it: started for the first large blob, ended when it has rested. */

import { domNameOf } from '../../src/faults.ts'
import { type FromWorker, type ToWorker, unsupported } from './worker-protocol.ts'
import type { PrivateWriter } from './writer.ts'

// Milliseconds. A script that is missing or forbidden says so at once, most often.
const longestStart = 10_000
const longestRest = 5_000
const mostInFlight = 2

/** One worker, shared by all storages of a page, and what they wait for. */
export class WorkerClient {
  readonly #start: () => Worker
  /** By file: the answers that are due, in their order. */
  readonly #due = new Map<number, Due[]>()
  #worker: Worker | undefined
  #hasAnswered = false
  #isGivenUp = false
  #lastFile = 0
  #rest: ReturnType<typeof setTimeout> | undefined

  constructor(start: () => Worker) {
    this.#start = start
  }

  /** Opens a file of the private file system behind its `at` bytes. `undefined` when the worker can't, and ever after if it never will. */
  async open(path: readonly string[], at: number): Promise<WorkerWriter | undefined> {
    if (!this.#isStarted()) return undefined
    const file = ++this.#lastFile
    this.#due.set(file, [])
    clearTimeout(this.#rest)
    const late = setTimeout(() => this.#refuseUnstarted(), longestStart)
    try {
      await this.ask({ file, open: path, at })
      return new WorkerWriter(this, file)
    } catch (error) {
      this.forget(file)
      if (domNameOf(error) === unsupported) this.#giveUp('the worker has no sync access handles')
      return undefined
    } finally {
      clearTimeout(late)
    }
  }

  /** Sends a message and awaits its answer. */
  ask(message: ToWorker, transfer: Transferable[] = []): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      const due = this.#due.get(message.file)
      if (due === undefined || this.#worker === undefined) return reject(gone('the worker has ended'))
      due.push({ resolve, reject })
      this.#worker.postMessage(message, transfer)
    })
  }

  /** A file has ended. */
  forget(file: number): void {
    this.#due.delete(file)
    if (this.#due.size > 0 || this.#worker === undefined) return
    clearTimeout(this.#rest)
    this.#rest = setTimeout(() => this.#end(), longestRest)
  }

  #isStarted(): boolean {
    if (this.#worker !== undefined || this.#isGivenUp) return !this.#isGivenUp
    try {
      // A policy may throw here; one that forbids the script, or a wrong address, is told by an event.
      this.#worker = this.#start()
    } catch {
      this.#isGivenUp = true
      return false
    }
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#answer(data))
    this.#worker.addEventListener('error', event => {
      // Said here, it would be said once more to the page, which has no part in it.
      event.preventDefault()
      this.#giveUp(event.message || 'the worker did not start')
    })
    this.#worker.addEventListener('messageerror', () => this.#giveUp('an answer was unreadable'))
    return true
  }

  /** One that has answered is at work, though slow: a page may have slept. */
  #refuseUnstarted(): void {
    if (!this.#hasAnswered) this.#giveUp('the worker did not start')
  }

  #answer(answer: FromWorker): void {
    this.#hasAnswered = true
    const due = this.#due.get(answer.file)?.shift()
    if (answer.fault === undefined) due?.resolve(answer)
    else due?.reject(new DOMException(answer.fault.message, answer.fault.name))
  }

  #giveUp(why: string): void {
    this.#isGivenUp = true
    this.#end()
    for (const { reject } of [...this.#due.values()].flat()) reject(gone(why))
    this.#due.clear()
  }

  #end(): void {
    clearTimeout(this.#rest)
    this.#worker?.terminate()
    this.#worker = undefined
    this.#hasAnswered = false
  }
}

/** A private file that the worker writes. Of its buffers no more than two are on their way. */
export class WorkerWriter implements PrivateWriter {
  readonly #client: WorkerClient
  readonly #file: number
  readonly #inFlight: Promise<FromWorker>[] = []

  constructor(client: WorkerClient, file: number) {
    this.#client = client
    this.#file = file
  }

  async write(buffer: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const { length } = buffer
    const writing = this.#client.ask({ file: this.#file, write: buffer, size }, [buffer.buffer])
    // Whoever awaits it hears of it: the next write, the close, or nobody after a release.
    writing.catch(() => {})
    this.#inFlight.push(writing)
    const first = this.#inFlight.length < mostInFlight ? undefined : await this.#inFlight.shift()
    return first?.buffer ?? new Uint8Array(length)
  }

  async close(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#inFlight.shift()
    await this.#end('close')
  }

  async release(): Promise<void> {
    // A worker that has ended has let go of all files.
    await this.#end('release').catch(() => {})
    this.#client.forget(this.#file)
  }

  async #end(end: 'close' | 'release'): Promise<void> {
    await this.#client.ask({ file: this.#file, end })
    this.#client.forget(this.#file)
  }
}

interface Due {
  resolve(answer: FromWorker): void
  reject(error: unknown): void
}

function gone(why: string): DOMException {
  return new DOMException(why, 'InvalidStateError')
}
