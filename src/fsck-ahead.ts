/** Digests that are made before a check asks for them, several at once: the check itself goes on blob by blob. */

import { findBlob } from './blob.ts'
import { isVerifiable } from './digest.ts'
import type { Layout } from './layout.ts'
import { OwnSignals } from './parallel.ts'
import type { Descriptor, Digest } from './spec.ts'
import type { AbortOptions } from './storage.ts'
import { isOneShot, oneShotSize, storedDigest } from './stored-digest.ts'
import { orAborted } from './streams.ts'

/** A blob that will be asked for. */
export type Wanted = Pick<Descriptor, 'digest' | 'size'>

/** Bytes of the blobs that are held whole at once, but for a single one. */
const mostHeld = 2 * oneShotSize
/** Blobs at once where the platform itself hashes on other threads. */
const fewest = 4

/** Bounded work ahead of a check. */
export class DigestsAhead {
  readonly #layout: Layout
  readonly #onBytes: (bytes: number) => void
  readonly #signals: OwnSignals
  readonly #running = new Set<Promise<void>>()
  readonly #planned = new Map<string, Plan>()
  readonly #waiting: Plan[] = []
  #held = 0

  constructor(layout: Layout, { signal, onBytes }: AbortOptions & { onBytes(bytes: number): void }) {
    this.#layout = layout
    this.#onBytes = onBytes
    this.#signals = new OwnSignals(signal)
  }

  /** Begins to hash these blobs, in their order. One that isn't there, or of another size, is left to the check. */
  plan(blobs: Iterable<Wanted>): void {
    for (const blob of blobs) {
      if (this.#planned.has(blob.digest) || !isVerifiable(blob.digest)) continue
      const plan = planOf(blob)
      this.#planned.set(blob.digest, plan)
      this.#waiting.push(plan)
    }
    this.#next()
  }

  /** The digest that a blob's bytes have; `undefined` where it wasn't planned, or couldn't be done: then it isn't known. */
  async take(digest: string): Promise<Digest | undefined> {
    const plan = this.#planned.get(digest)
    this.#planned.delete(digest)
    return plan?.found
  }

  /** Stops what is under way, and waits for it: nothing goes on but a part that a worker is amid. */
  async end(): Promise<void> {
    for (const { resolve } of this.#waiting.splice(0)) resolve(undefined)
    this.#signals.abort(new DOMException('the check has ended', 'AbortError'))
    await Promise.all(this.#running)
    this.#signals.end()
  }

  #next(): void {
    const { pool } = this.#layout.engine
    while (this.#running.size < Math.max(pool.size, fewest)) {
      const [plan] = this.#waiting
      if (plan === undefined || (this.#held > 0 && this.#held + this.#whole(plan) > mostHeld)) return
      this.#waiting.shift()
      const running = this.#run(plan)
      this.#running.add(running)
      // It never rejects.
      running
        .finally(() => {
          this.#running.delete(running)
          this.#next()
        })
        .catch(() => {})
    }
  }

  async #run(plan: Plan): Promise<void> {
    this.#held += this.#whole(plan)
    try {
      plan.resolve(await this.#signals.run(signal => orAborted(this.#digestOf(plan, signal), signal)))
    } catch {
      // The check meets it again, in its turn, and says what it is.
      plan.resolve(undefined)
    }
    this.#held -= this.#whole(plan)
  }

  /** Bytes that are in memory at once for it. */
  #whole({ size }: Plan): number {
    return isOneShot(size, this.#layout.engine) ? size : 0
  }

  async #digestOf({ digest, size }: Plan, signal: AbortSignal): Promise<Digest | undefined> {
    const { engine, places, storage } = this.#layout
    const file = await findBlob(places, digest, { signal })
    if (file?.size !== size) return undefined
    let bytes = 0
    try {
      const onBytes = (more: number): void => {
        bytes += more
        this.#onBytes(more)
      }
      return await storedDigest(file, digest, { engine, storage: storage.name, signal, onBytes })
    } catch (error) {
      if (bytes > 0) this.#onBytes(-bytes)
      throw error
    }
  }
}

interface Plan extends Wanted {
  readonly found: Promise<Digest | undefined>
  resolve(found: Digest | undefined): void
}

function planOf({ digest, size }: Wanted): Plan {
  let resolve: Plan['resolve'] = () => {}
  const found = new Promise<Digest | undefined>(given => {
    resolve = given
  })
  return { digest, size, found, resolve }
}
