/** How far a long call has come: told at a steady pace, whatever the size of the chunks. */

import type { AbortOptions } from './storage.ts'

/** How far a long call has come. */
export interface Progress {
  /** Bytes handled so far. */
  readonly bytes: number
  /** Bytes in all, where that is known. */
  readonly total?: number | undefined
  /** Bytes a second, of the last three seconds; absent in the first quarter of a second. */
  readonly rate?: number | undefined
}

/** Options that calls which move many bytes take. */
export interface ProgressOptions extends AbortOptions {
  /**
   * Called ten times a second while bytes pass, and at the end of what succeeds: not at all where there are none, or where
   * all are there already.
   */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

// Milliseconds.
const pace = 100
const rateSpan = 3_000
const leastSpan = 250

/** Does the work with an `onProgress` that may be called for each chunk. */
export async function atSteadyPace<Options extends ProgressOptions, T>(
  options: Options,
  work: (options: Options) => Promise<T>,
): Promise<T> {
  const { onProgress } = options
  if (onProgress === undefined) return work(options)
  const meter = new Meter(onProgress)
  try {
    const result = await work({ ...options, onProgress: (progress: Progress) => meter.see(progress) })
    meter.tellLast()
    return result
  } finally {
    meter.stop()
  }
}

class Meter {
  readonly #tell: (progress: Progress) => void
  /** By time, the last three seconds. */
  readonly #marks: { readonly at: number; readonly bytes: number }[] = []
  #latest: Progress | undefined
  #told: Progress | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #isStopped = false
  /** What the caller threw when the clock called him: nobody else could. */
  #failure: { readonly error: unknown } | undefined

  constructor(tell: (progress: Progress) => void) {
    this.#tell = tell
  }

  /** The first time at once, then as the time comes. What comes after the end is too late. */
  see(progress: Progress): void {
    this.#throwFailure()
    if (this.#isStopped) return
    this.#latest = progress
    if (this.#timer !== undefined) return
    // What was there already isn't work.
    this.#marks.push({ at: performance.now(), bytes: progress.bytes })
    // By a clock of its own: what hangs is told as well, by its falling rate.
    this.#timer = setInterval(() => this.#tick(), pace)
    this.#report()
  }

  tellLast(): void {
    this.#throwFailure()
    if (this.#latest === this.#told) return
    this.#mark()
    this.#report()
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  #tick(): void {
    this.#mark()
    const isStill = this.#latest === this.#told
    if (isStill && this.#rate() === 0) return
    try {
      this.#report()
    } catch (error) {
      this.#failure = { error }
      this.stop()
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** At each tick, also when nothing has come: else a pause would count for the rate long after it. */
  #mark(): void {
    const now = performance.now()
    this.#marks.push({ at: now, bytes: this.#latest?.bytes ?? 0 })
    while (this.#marks.length > 2 && now - (this.#marks[1]?.at ?? now) >= rateSpan) this.#marks.shift()
  }

  #report(): void {
    const progress = this.#latest
    if (progress === undefined) return
    this.#told = progress
    const rate = this.#rate()
    this.#tell(rate === undefined ? progress : { ...progress, rate })
  }

  #rate(): number | undefined {
    const [first] = this.#marks
    const last = this.#marks.at(-1)
    if (first === undefined || last === undefined || last.at - first.at < leastSpan) return undefined
    return Math.max(0, Math.round(((last.bytes - first.bytes) / (last.at - first.at)) * 1000))
  }
}
