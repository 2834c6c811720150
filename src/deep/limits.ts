/** The bounds on what a look into a hostile layer may cost; every one is an option. */

import type { ZstdLimits } from '../codec/zstd.ts'
import { defaultTarLimits, type TarLimits } from '../tar/limits.ts'

/** Bounds, in bytes and counts. What lies beyond one isn't looked at, and a warning says so. */
export interface LayerLimits extends TarLimits, ZstdLimits {
  /** Bytes of one layer, unpacked. */
  readonly maxUnpackedSize: number
  /**
   * Estimated bytes of the names of one layer, 64 beside a name's own; as much again holds the names of layers read
   * before, with which those above are compared.
   */
  readonly maxNamesSize: number
}

/** The tar reader's bounds, zstd windows of 128 MiB, 128 MiB of names, and layers of any size. */
export const defaultLayerLimits: LayerLimits = {
  ...defaultTarLimits,
  maxWindowSize: 128 << 20,
  maxUnpackedSize: Number.POSITIVE_INFINITY,
  maxNamesSize: 128 << 20,
}
