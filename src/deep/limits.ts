/** The bounds on what a look into a hostile layer may cost; every one is an option. */

import type { ZstdLimits } from '../codec/zstd.ts'
import { defaultTarLimits, type HeaderLimits } from '../tar/limits.ts'

/**
 * Bounds, in bytes and counts. What lies beyond one isn't looked at, and a warning says so. Holes of sparse files aren't
 * read, and so have no bound.
 */
export interface LayerLimits extends HeaderLimits, ZstdLimits {
  /** Bytes of one path, and of where a link leads: 4,096, as in Linux. */
  readonly maxPathSize: number
  /** Bytes of one layer, unpacked. */
  readonly maxBytes: number
  /**
   * Estimated bytes of the names of one layer, 64 beside a name's own; as much again holds the names of layers read
   * before; a layer whose names don't fit there isn't compared with others.
   */
  readonly maxNamesSize: number
}

/** The tar reader's bounds, 128 MiB of names and of zstd window, paths of 4,096 bytes, any layer. */
export const defaultLayerLimits: LayerLimits = {
  maxEntries: defaultTarLimits.maxEntries,
  maxRecordSize: defaultTarLimits.maxRecordSize,
  maxGlobalRecords: defaultTarLimits.maxGlobalRecords,
  maxSparseParts: defaultTarLimits.maxSparseParts,
  maxWindowSize: 128 << 20,
  maxPathSize: 4096,
  maxBytes: Number.POSITIVE_INFINITY,
  maxNamesSize: 128 << 20,
}
