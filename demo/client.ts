/** The page's side of the worker: calls with progress, cancel and typed answers. */

import type { CallName, Calls, Fault, FromWorker, Step, ToWorker } from './worker/protocol.ts'

/** Options of a call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((step: Step) => void) | undefined
}

/** A fault that came over from the worker. */
export class WorkerFault extends Error {
  readonly code: string | undefined

  constructor({ name, code, message }: Fault) {
    super(message)
    this.name = name
    this.code = code
  }
}

interface Pending {
  resolve(result: unknown): void
  reject(error: unknown): void
  readonly onProgress: ((step: Step) => void) | undefined
}

/** One worker and the calls that wait for it. */
export class WorkerClient {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #broken: WorkerFault | undefined
  #lastId = 0

  constructor() {
    this.#worker = new Worker(new URL('./worker/main.ts', import.meta.url), {
      type: 'module',
      name: 'ocidir',
    })
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#answer(data))
    // A script that isn't there or doesn't parse gives an event without a message.
    this.#worker.addEventListener('error', ({ message }) => this.#fail(message || 'the worker did not start'))
    this.#worker.addEventListener('messageerror', () => this.#fail('an answer of the worker was unreadable'))
  }

  /** Asks the worker. Rejects with a `WorkerFault`, or with `signal.reason` once the worker has stopped. */
  async call<Name extends CallName>(
    name: Name,
    request: Calls[Name]['request'],
    { signal, onProgress }: CallOptions = {},
  ): Promise<Calls[Name]['result']> {
    signal?.throwIfAborted()
    if (this.#broken !== undefined) throw this.#broken
    const id = ++this.#lastId
    const cancel = (): void => this.#post({ cancel: id })
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await new Promise<Calls[Name]['result']>((resolve, reject) => {
        // The answer to `name` by a worker that was built with this page: its type is that of `Calls`.
        const settle = (result: unknown): void => resolve(result as Calls[Name]['result'])
        this.#pending.set(id, { resolve: settle, reject, onProgress })
        this.#post({ id, name, request })
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.#pending.delete(id)
    }
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #answer(answer: FromWorker): void {
    const pending = this.#pending.get(answer.id)
    if ('step' in answer) pending?.onProgress?.(answer.step)
    else if ('fault' in answer) pending?.reject(new WorkerFault(answer.fault))
    else pending?.resolve(answer.result)
  }

  #fail(message: string): void {
    this.#broken = new WorkerFault({ name: 'Error', code: undefined, message: `${message}; reload the page` })
    for (const { reject } of this.#pending.values()) reject(this.#broken)
  }
}
