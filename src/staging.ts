/** The life of a staged file, the same on every medium: written, closed, then committed or discarded, once. */

import { OciError } from './errors.ts'
import {
  type AbortOptions,
  type AdoptedFile,
  type BlobPath,
  checkBlobPath,
  type HashedBytes,
  type ResumableFile,
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

/** What a medium does for one resumable file. `leave` is the last call, or `drop`, which follows on a `leave` that failed, too. */
export interface ResumableMedium extends StagingMedium {
  /** What an earlier writer left. */
  readonly kept: StoredFile
  /** Whether `kept` is what `resume` of `Stagings` said that was left: the same bytes, touched by nobody since. */
  readonly isUntouched: boolean
  /** Lets go of the bytes and leaves them, all that were written. `undefined` where there are none. */
  leave(): Promise<LeftBytes | undefined>
}

/** Bytes that were left. */
export interface LeftBytes {
  /** The medium's own. */
  readonly name: string
  readonly size: number
  /** Another one as soon as anybody has touched the bytes; absent where the medium can't tell. */
  readonly version?: string | undefined
}

/** The medium, if a check lets the rest of its bytes come; refused before the first of them, what is kept stays as it was. */
export async function unlessRefused<Medium extends ResumableMedium>(
  medium: Medium,
  check: () => Promise<void>,
): Promise<Medium> {
  try {
    await check()
    return medium
  } catch (error) {
    // What can't be left isn't to be gone on with; the reason is the refusal.
    await medium.leave().catch(() => medium.drop().catch(() => {}))
    throw error
  }
}

/** Blobs whose state is remembered: far more than are under way at once, and a few hundred bytes each. */
const mostRemembered = 256

/** The staged files that a storage has open, so that its `close` leaves nothing behind but what is to be resumed. */
export class Stagings {
  readonly #storage: string
  readonly #open = new Set<Staging>()
  /** Names whose resumable file is open. */
  readonly #resumed = new Set<BlobPath>()
  /** What was left under a name, the oldest first, and the state that was left with it. */
  readonly #left = new Map<BlobPath, { readonly bytes: LeftBytes; hashed?: HashedBytes }>()
  #closed: OciError | undefined

  constructor(storage: string) {
    this.#storage = storage
  }

  /** Begins a staged file over what the medium has prepared for it; an abort discards it. */
  begin(medium: StagingMedium, options: AbortOptions = {}): StagedFile {
    const staging = this.#begin({ medium, signal: options.signal })
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

  /**
   * Begins a resumable file, unless this storage has one of that name open. `open` makes it, given what this storage
   * itself has left there; or gives `undefined`, where another writer is at it.
   */
  async resume(
    path: BlobPath,
    open: (left: LeftBytes | undefined) => Promise<ResumableMedium | undefined>,
    { signal }: AbortOptions = {},
  ): Promise<ResumableFile | undefined> {
    if (this.#resumed.has(path)) return undefined
    this.#resumed.add(path)
    const before = this.#left.get(path)
    this.#left.delete(path)
    let medium: ResumableMedium | undefined
    try {
      medium = await open(before?.bytes)
    } finally {
      if (medium === undefined) this.#resumed.delete(path)
    }
    // One that has waited for another writer in vain, or only until its caller gave up.
    if (medium === undefined) signal?.throwIfAborted()
    return medium && this.#resumable({ path, medium, signal }, before?.hashed)
  }

  /** Ends every staged file: what isn't committed yet is dropped, or left where it can be resumed. */
  async close(): Promise<void> {
    const closed = new OciError('STORAGE_CLOSED', { storage: this.#storage })
    this.#closed = closed
    await Promise.all([...this.#open].map(staging => staging.end(closed)))
  }

  #resumable(
    { path, medium, signal }: { path: BlobPath; medium: ResumableMedium; signal: AbortSignal | undefined },
    before: HashedBytes | undefined,
  ): ResumableFile {
    let left: { readonly bytes: LeftBytes; hashed?: HashedBytes } | undefined
    const leave = async (): Promise<void> => {
      const bytes = await medium.leave()
      if (bytes === undefined) return
      left = { bytes }
      this.#left.set(path, left)
      const [oldest] = this.#left.keys()
      if (this.#left.size > mostRemembered && oldest !== undefined) this.#left.delete(oldest)
    }
    const onEnd = (): unknown => this.#resumed.delete(path)
    const staging = this.#begin({ medium, signal, leave, onEnd })
    const { kept, isUntouched } = medium
    const hashed = isUntouched && before?.size === kept.size ? before : undefined
    return {
      kept,
      hashed,
      writable: staging.writable,
      commit: options => staging.commit(path, options),
      discard: () => staging.discard(),
      async leave(state) {
        await staging.end(new TypeError('the staged file was left'))
        // A state of bytes that didn't all come to the medium is one of other bytes.
        if (left !== undefined && state?.size === left.bytes.size) left.hashed = state
      },
    }
  }

  #begin({ onEnd, ...life }: StagingLife): Staging {
    const staging = new Staging({
      ...life,
      onEnd: () => {
        this.#open.delete(staging)
        onEnd?.()
      },
    })
    this.#open.add(staging)
    // Only now: it may have aborted while the medium made its preparations, and then it ends at once.
    staging.watch()
    // And the storage may have closed.
    if (this.#closed !== undefined) staging.end(this.#closed).catch(() => {})
    return staging
  }
}

interface StagingLife {
  readonly medium: StagingMedium
  readonly signal: AbortSignal | undefined
  /** The last call where what was written is to stay; `drop` where it is absent. */
  readonly leave?: () => Promise<void>
  readonly onEnd?: () => unknown
}

class Staging {
  readonly writable: WritableStream<Uint8Array>
  readonly #medium: StagingMedium
  readonly #signal: AbortSignal | undefined
  readonly #leave: (() => Promise<void>) | undefined
  readonly #onEnd: (() => unknown) | undefined
  #state: 'open' | 'closed' | 'committing' | 'committed' | 'ended' = 'open'
  #reason: unknown
  #controller: WritableStreamDefaultController | undefined
  /** The medium's call that runs now: the next waits for it, for a file can't be dropped under a write. */
  #running: Promise<unknown> = Promise.resolve()
  #ending: Promise<void> | undefined
  /** A write or the close has: who knows what of the bytes is there. */
  #hasFailed = false

  constructor({ medium, signal, leave, onEnd }: StagingLife) {
    this.#medium = medium
    this.#signal = signal
    this.#leave = leave
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
      this.#onEnd?.()
      return outcome
    } finally {
      // Not published: it may be tried again under the same name, or be discarded.
      if (this.#state === 'committing') this.#state = 'closed'
    }
  }

  discard(): Promise<void> {
    return this.#end(new TypeError('the staged file was discarded'), 'drop')
  }

  /** Drops the bytes, or leaves them to be resumed, unless they were committed or a commit that runs now succeeds. */
  end(reason: unknown): Promise<void> {
    return this.#end(reason, this.#leave === undefined ? 'drop' : 'leave')
  }

  readonly #onAbort = (): void => {
    this.end(this.#signal?.reason).catch(() => {})
  }

  /** The first end is the one that counts. */
  #end(reason: unknown, last: 'drop' | 'leave'): Promise<void> {
    this.#ending ??= this.#endOnce(reason, last)
    return this.#ending
  }

  async #endOnce(reason: unknown, last: 'drop' | 'leave'): Promise<void> {
    if (this.#isCommitted()) return
    if (this.#state === 'open') this.#controller?.error(reason)
    // At once, so that no commit begins; one that runs is waited for, for it may yet succeed.
    if (this.#state !== 'committing') this.#stop(reason)
    await this.#running.catch(() => {})
    if (this.#isCommitted()) return
    this.#stop(reason)
    try {
      await (last === 'leave' && !this.#hasFailed ? this.#leaveOrDrop() : this.#medium.drop())
    } finally {
      this.#onEnd?.()
    }
  }

  /** What can't be left as it is, is nothing to go on with. */
  async #leaveOrDrop(): Promise<void> {
    try {
      await this.#leave?.()
    } catch {
      await this.#medium.drop()
    }
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
    this.#hasFailed = true
    await this.#end(error, 'drop').catch(() => {})
    return error
  }

  #run<T>(call: () => Promise<T>): Promise<T> {
    const running = call()
    this.#running = running
    return running
  }

  /** From here on nothing else begins. */
  #stop(reason: unknown): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#reason = reason
    this.#forget()
  }

  #forget(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}
