/** The bounds on a hostile archive; every one is an option. */

import { defaultTarLimits } from '../tar/limits.ts'

/** Bounds, in bytes and counts. Beyond one it is `LIMIT_EXCEEDED`. */
export interface ArchiveLimits {
  /** Entries of the archive. */
  readonly maxEntries: number
  /** Bytes of one pax header or long name, and so of one path. */
  readonly maxRecordSize: number
  /** Characters of all names and links that are kept. */
  readonly maxNamesSize: number
}

/** 1,000,000 entries, records of 1 MiB, 64 Mi characters of names. */
export const defaultArchiveLimits: ArchiveLimits = {
  maxEntries: defaultTarLimits.maxEntries,
  maxRecordSize: defaultTarLimits.maxRecordSize,
  maxNamesSize: 64 << 20,
}
