/** The one place for what a layout works with: its bounds, its workers and its faster pieces. */

import { defaultLimits, type Limits, limitsWith } from './limits.ts'
import { Pool } from './pool.ts'
import type { NativeTools, ReadableStorage, WorkerLike } from './storage.ts'

/** Options of `engine`. */
export interface EngineOptions {
  /** Bounds that differ from `defaultLimits`. */
  readonly limits?: Partial<Limits>
  /** Hashers and inflaters to use in place of the storage's own (and of WebAssembly). */
  readonly native?: NativeTools
  /**
   * Workers that may compress and verify at once, 0 to 64: the processor's cores unless given, 8 at the most. They are
   * started when there is work for them and ended when they have rested for two seconds. With 0 all is done on the
   * calling thread. The bytes are the same.
   */
  readonly workers?: number | undefined
  /**
   * Starts one of them, where the bundler or the page's policy forbids `new Worker(new URL(…))`: its module is
   * `ocidir/worker`. Where none starts, the calling thread does the work.
   */
  readonly worker?: (() => Worker) | undefined
}

/** What a layout works with; make it by `engine()`. */
export interface Engine {
  readonly limits: Limits
  readonly native: NativeTools | undefined
  /** The workers that all layouts of this engine share. */
  readonly pool: Pool
}

/**
 * Sets bounds, workers and native pieces once, for `OciDir.open`, `OciDir.ensure` and `fsck`. Throws a `RangeError` for a
 * number of workers that can't be.
 *
 * @example
 * const dir = await OciDir.ensure(storage, { engine: engine({ workers: 4 }) })
 */
export function engine(options: EngineOptions = {}): Engine {
  const { limits, native, workers, worker } = options
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 0 && workers <= mostWorkers)) {
    throw new RangeError(`workers is a whole number from 0 to ${mostWorkers}, not ${workers}`)
  }
  const pool = new Pool({ workers, start: worker })
  return { limits: limitsWith(defaultLimits, limits), native, pool }
}

/** The given engine, or the one that all share who give none, with the storage's native pieces where it has none. */
export function engineFor(storage: ReadableStorage, given: Engine | undefined): Engine {
  shared ??= engine()
  const base = given ?? shared
  const native = base.native ?? storage.native
  base.pool.startBy(native?.threads ?? storage.native?.threads ?? webWorkers())
  return { ...base, native }
}

const mostWorkers = 64
let shared: Engine | undefined

/** `undefined` where there is no `Worker`: in service workers, and in Node, whose threads its adapter starts. */
function webWorkers(): NativeTools['threads'] {
  if (typeof Worker === 'undefined') return undefined
  return { count: globalThis.navigator?.hardwareConcurrency ?? 1, start: startWorker }
}

function startWorker(): WorkerLike {
  // This very form is what bundlers look for.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'ocidir' })
}
