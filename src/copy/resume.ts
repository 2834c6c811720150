/** A large blob on its way into a layout: what has come stays when the copy is ended, and the next one goes on there. */

import { checkExpected, lentPart } from '../blob.ts'
import { blobPath, createHasher, isVerifiable, verifiableAlgorithm } from '../digest.ts'
import { isOciError } from '../errors.ts'
import type { Layout } from '../layout.ts'
import type { ProgressOptions } from '../progress.ts'
import type { Descriptor } from '../spec.ts'
import type { Hasher, ResumableFile, StorageAdapter, StoredFile } from '../storage.ts'

/** A blob's file in the source, on its way. */
export interface Passage {
  readonly from: Layout
  readonly file: StoredFile
  readonly to: Layout<StorageAdapter>
}

/** How a blob came: all of its bytes now, or those that were still missing. */
export type Resumption = 'copied' | 'resumed'

/**
 * Bytes from which on a blob is resumed. Less comes anew within a second on a line of 32 Mbit/s, and media hold back up
 * to one MiB of it, which a kill takes.
 */
export const leastResumed: number = 4 << 20

// What turns out wrong is dropped, so the second one begins anew; unless several copies were killed, and all left something.
const attempts = 3

/**
 * Copies a blob so that whatever ends this leaves what has come, and goes on with what an earlier copy left. `undefined`
 * where that is no way: the blob is to be copied as any other.
 *
 * What is kept is believed no more than the source: its hash is made anew, of the bytes as they are now, unless the
 * storage vouches for them. Where the whole turns out wrong it is dropped, and the blob begun anew.
 */
export async function copyResumable(
  passage: Passage,
  descriptor: Descriptor,
  options: ProgressOptions,
): Promise<Resumption | undefined> {
  const { digest, size } = descriptor
  if (size < leastResumed || !isVerifiable(digest)) return undefined
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const part = await passage.to.storage.resume?.(blobPath(digest), { size, signal: options.signal })
    if (part === undefined) return undefined
    const outcome = await new ResumedCopy(passage, part, options).run(descriptor)
    if (outcome !== undefined) return outcome
  }
  return undefined
}

class ResumedCopy {
  readonly #passage: Passage
  readonly #part: ResumableFile
  readonly #options: ProgressOptions
  /** Bytes that `#hasher` has taken. */
  #size = 0
  #hasher: Hasher | undefined

  constructor(passage: Passage, part: ResumableFile, options: ProgressOptions) {
    this.#passage = passage
    this.#part = part
    this.#options = options
  }

  /** `undefined` where what was kept is wrong, and dropped. */
  async run(descriptor: Descriptor): Promise<Resumption | undefined> {
    const isResumed = this.#part.kept.size > 0
    try {
      if (!(await this.#takeKept(descriptor))) return undefined
      await this.#takeRest(descriptor)
      if (await this.#isWrong(descriptor, isResumed)) return undefined
      await this.#part.commit({ signal: this.#options.signal })
      return isResumed ? 'resumed' : 'copied'
    } catch (error) {
      await this.#end(error).catch(() => {})
      throw error
    }
  }

  /** Hashes what is kept, or restores the hash of it. `false` where it can't be read: it was altered. */
  async #takeKept({ digest, size }: Descriptor): Promise<boolean> {
    const { kept, hashed } = this.#part
    const { signal, onProgress } = this.#options
    const { storage, engine } = this.#passage.to
    if (hashed?.size === kept.size) {
      this.#hasher = await hashed.state.restore()
      this.#size = kept.size
      onProgress?.({ bytes: kept.size, total: size })
      return true
    }
    this.#hasher = await createHasher(verifiableAlgorithm(digest), engine.native)
    if (kept.size === 0) return true
    const place = { storage: storage.name, path: blobPath(digest) }
    try {
      for await (const chunk of lentPart(kept, place, { signal })) this.#hash(chunk, size)
      return true
    } catch (error) {
      signal?.throwIfAborted()
      // A caller's own, thrown by his listener, says nothing of the bytes.
      if (!isOciError(error)) throw error
      await this.#part.discard()
      return false
    }
  }

  /** Writes what the source has beyond. */
  async #takeRest({ digest, size }: Descriptor): Promise<void> {
    const { signal } = this.#options
    const { from, file } = this.#passage
    const sink = this.#part.writable.getWriter()
    // A failure is reported by the write or close that meets it; this one would be unhandled.
    sink.closed.catch(() => {})
    const place = { storage: from.storage.name, path: blobPath(digest) }
    const rest = lentPart(file, place, { start: this.#size, signal })
    for await (const chunk of rest) {
      // The medium writes while this thread hashes. What is hashed and wasn't written is noticed by the kept size.
      const writing = sink.write(chunk)
      writing.catch(() => {})
      this.#hash(chunk, size)
      await writing
    }
    // A stream that an abort has ended says only that it can't be closed.
    signal?.throwIfAborted()
    await sink.close()
  }

  #hash(chunk: Uint8Array, total: number): void {
    this.#hasher?.update(chunk)
    this.#size += chunk.length
    this.#options.onProgress?.({ bytes: this.#size, total })
  }

  /** Drops wrong bytes. They are the source's fault, and thrown, unless some of them were kept: then nobody knows yet. */
  async #isWrong({ digest, size }: Descriptor, isResumed: boolean): Promise<boolean> {
    const hex = this.#hasher?.hex()
    this.#hasher = undefined
    try {
      checkExpected({ digest: `${verifiableAlgorithm(digest)}:${hex}`, size: this.#size }, { digest, size })
      return false
    } catch (error) {
      await this.#part.discard()
      if (isResumed) return true
      throw error
    }
  }

  async #end(error: unknown): Promise<void> {
    // Whoever is told that the medium is full finds the room again.
    if (isOciError(error, 'STORAGE_FULL')) return this.#part.discard()
    const state = this.#hasher?.save?.()
    await this.#part.leave(state && { size: this.#size, state })
  }
}
