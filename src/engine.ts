/** The one place for what a layout works with: its bounds and its faster pieces. */

import { defaultLimits, type Limits, limitsWith } from './limits.ts'
import type { NativeTools, ReadableStorage } from './storage.ts'

/** Options of `engine`. */
export interface EngineOptions {
  /** Bounds that differ from `defaultLimits`. */
  readonly limits?: Partial<Limits>
  /** Hashers and inflaters to use in place of the storage's own (and of WebAssembly). */
  readonly native?: NativeTools
}

/** What a layout works with; make it by `engine()`. */
export interface Engine {
  readonly limits: Limits
  readonly native: NativeTools | undefined
}

/** Sets bounds and native pieces once, for `OciDir.open`, `OciDir.ensure` and `fsck`. */
export function engine(options: EngineOptions = {}): Engine {
  return { limits: limitsWith(defaultLimits, options.limits), native: options.native }
}

/** The given engine, or the default one, with the storage's native pieces where it has none of its own. */
export function engineFor(storage: ReadableStorage, given: Engine | undefined): Engine {
  const base = given ?? engine()
  return { ...base, native: base.native ?? storage.native }
}
