/** The bounds on a hostile archive; every one is an option. */

import { defaultTarLimits } from '../tar/limits.ts'

/** Bounds, in bytes and counts. Beyond one it is `LIMIT_EXCEEDED`. */
export interface ArchiveLimits {
  /** Entries of the archive. */
  readonly maxEntries: number
  /** Bytes of one pax header or long name. */
  readonly maxRecordSize: number
  /** Bytes of one path, and of where a link leads. */
  readonly maxPathLength: number
  /** Characters of all names and links that are kept. */
  readonly maxNamesSize: number
}

/** 1,000,000 entries, records of 1 MiB, paths of 4,096 bytes, 64 Mi characters of names. */
export const defaultArchiveLimits: ArchiveLimits = {
  maxEntries: defaultTarLimits.maxEntries,
  maxRecordSize: defaultTarLimits.maxRecordSize,
  maxPathLength: 4096,
  maxNamesSize: 64 << 20,
}
