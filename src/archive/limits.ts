/** The bounds on a hostile archive; every one is an option. */

import { defaultTarLimits } from '../tar/limits.ts'

/** Bounds, in bytes and counts. Beyond one it is `LIMIT_EXCEEDED`, with its name as `data.limit`. */
export interface ArchiveLimits {
  /** Entries of the archive: 1,000,000. */
  readonly maxEntries: number
  /** Bytes of one pax header or long name, and of all global records together: 1 MiB. */
  readonly maxRecordSize: number
  /** Global pax records that hold at a time: 1,000. */
  readonly maxGlobalRecords: number
  /** Parts of one sparse file: 10,000. */
  readonly maxSparseParts: number
  /** Bytes of one path, and of where a link leads: 4,096, as in Linux. */
  readonly maxPathSize: number
  /** Characters of all names and links that are kept: 64 Mi. */
  readonly maxNamesSize: number
}

/** 1,000,000 entries, records of 1 MiB, paths of 4,096 bytes, 64 Mi characters of names. */
export const defaultArchiveLimits: ArchiveLimits = {
  maxEntries: defaultTarLimits.maxEntries,
  maxRecordSize: defaultTarLimits.maxRecordSize,
  maxGlobalRecords: defaultTarLimits.maxGlobalRecords,
  maxSparseParts: defaultTarLimits.maxSparseParts,
  maxPathSize: 4096,
  maxNamesSize: 64 << 20,
}
