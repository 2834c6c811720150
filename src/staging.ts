/** The life of a staged file, the same on every medium: written, closed, then committed or discarded, once. */

import { OciError } from './errors.ts'
import {
  type AbortOptions,
  type AdoptedFile,
  type BlobPath,
  checkBlobPath,
  type StagedFile,
  type StoredFile,
} from './storage.ts'

/** What a medium does for one staged file. The calls never overlap, and `drop` is the last one. */
export interface StagingMedium {
  write(chunk: Uint8Array): Promise<void>
  /** All bytes are there. */
  close(): Promise<void>
  publish(path: BlobPath): Promise<'written' | 'existed'>
  /** Gives back all that the bytes hold; called in any state but after a successful `publish`. */
  drop(): Promise<void>
}

/** The staged files that a storage has open, so that its `close` leaves nothing behind. */
export class Stagings {
  readonly #storage: string
  readonly #open = new Set<Staging>()
  #closed: OciError | undefined

  constructor(storage: string) {
    this.#storage = storage
  }

  /** Begins a staged file over what the medium has prepared for it; an abort discards it. */
  begin(medium: StagingMedium, options: AbortOptions = {}): StagedFile {
    const staging = new Staging(medium, options.signal, ended => this.#open.delete(ended))
    this.#open.add(staging)
    // Only now: it may have aborted while the medium made its preparations, and then it ends at once.
    staging.watch()
    // And the storage may have closed.
    if (this.#closed !== undefined) staging.end(this.#closed).catch(() => {})
    return {
      writable: staging.writable,
      commit: (path, commitOptions) => staging.commit(path, commitOptions),
      discard: () => staging.discard(),
    }
  }

  /** Begins a staged file that has all of its bytes; `file` gives what of it can be read. */
  async adopt(
    medium: StagingMedium,
    file: () => Promise<StoredFile>,
    options: AbortOptions = {},
  ): Promise<AdoptedFile> {
    const { writable, commit, discard } = this.begin(medium, options)
    try {
      await writable.close()
      return { file: await file(), commit, discard }
    } catch (error) {
      await discard().catch(() => {})
      // What was dropped isn't there any more, which is no news.
      options.signal?.throwIfAborted()
      throw error
    }
  }

  /** Ends every staged file: what isn't committed yet is dropped, and later commits reject. */
  async close(): Promise<void> {
    const closed = new OciError('STORAGE_CLOSED', { storage: this.#storage })
    this.#closed = closed
    await Promise.all([...this.#open].map(staging => staging.end(closed)))
  }
}

class Staging {
  readonly writable: WritableStream<Uint8Array>
  readonly #medium: StagingMedium
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: (ended: Staging) => void
  #state: 'open' | 'closed' | 'committing' | 'committed' | 'ended' = 'open'
  #reason: unknown
  #controller: WritableStreamDefaultController | undefined
  /** The medium's call that runs now: the next waits for it, for a file can't be dropped under a write. */
  #running: Promise<unknown> = Promise.resolve()
  #dropped: Promise<void> | undefined

  constructor(medium: StagingMedium, signal: AbortSignal | undefined, onEnd: (ended: Staging) => void) {
    this.#medium = medium
    this.#signal = signal
    this.#onEnd = onEnd
    this.writable = new WritableStream<Uint8Array>({
      start: controller => {
        this.#controller = controller
      },
      write: chunk => this.#write(chunk),
      close: () => this.#close(),
      abort: reason => this.end(reason),
    })
  }

  /** From here on an abort ends it. */
  watch(): void {
    if (this.#signal?.aborted) this.#onAbort()
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  async commit(path: BlobPath, options: AbortOptions = {}): Promise<'written' | 'existed'> {
    checkBlobPath(path)
    if (this.#state === 'ended') throw this.#reason
    if (this.#state !== 'closed') throw new TypeError(`commit of a staged file that is ${this.#state}`)
    options.signal?.throwIfAborted()
    this.#state = 'committing'
    try {
      const outcome = await this.#run(() => this.#medium.publish(path))
      this.#state = 'committed'
      this.#forget()
      return outcome
    } finally {
      // Not published: it may be tried again under the same name, or be discarded.
      if (this.#state === 'committing') this.#state = 'closed'
    }
  }

  discard(): Promise<void> {
    return this.end(new TypeError('the staged file was discarded'))
  }

  /** Drops the bytes, unless they were committed or a commit that runs now succeeds. */
  end(reason: unknown): Promise<void> {
    this.#dropped ??= this.#drop(reason)
    return this.#dropped
  }

  readonly #onAbort = (): void => {
    this.end(this.#signal?.reason).catch(() => {})
  }

  async #drop(reason: unknown): Promise<void> {
    if (this.#isCommitted()) return
    if (this.#state === 'open') this.#controller?.error(reason)
    // At once, so that no commit begins; one that runs is waited for, for it may yet succeed.
    if (this.#state !== 'committing') this.#leave(reason)
    await this.#running.catch(() => {})
    if (this.#isCommitted()) return
    this.#leave(reason)
    await this.#medium.drop()
  }

  #isCommitted(): boolean {
    return this.#state === 'committed'
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (!(chunk instanceof Uint8Array)) {
      throw await this.#failed(new TypeError('a staged file takes Uint8Array chunks'))
    }
    try {
      if (chunk.length > 0) await this.#run(() => this.#medium.write(chunk))
    } catch (error) {
      throw await this.#failed(error)
    }
  }

  async #close(): Promise<void> {
    try {
      await this.#run(() => this.#medium.close())
    } catch (error) {
      throw await this.#failed(error)
    }
    // Ended meanwhile: the bytes are dropped, so they aren't closed.
    if (this.#state !== 'open') throw this.#reason
    this.#state = 'closed'
  }

  /** A write that failed leaves bytes that nobody can use: they go at once, and `commit` tells the same error. */
  async #failed(error: unknown): Promise<unknown> {
    await this.end(error).catch(() => {})
    return error
  }

  #run<T>(call: () => Promise<T>): Promise<T> {
    const running = call()
    this.#running = running
    return running
  }

  #leave(reason: unknown): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#reason = reason
    this.#forget()
  }

  #forget(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onEnd(this)
  }
}
