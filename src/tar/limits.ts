/** The bounds on a hostile tar; every one is an option. */

/** Bounds, in bytes and counts. Beyond one it is `LIMIT_EXCEEDED`, with its name as `data.limit`. */
export interface TarLimits {
  /** Entries of one tar, 1,000,000; with all that speaks of them four times as many headers. */
  readonly maxEntries: number
  /** Bytes of one pax header or long name, and of all global records together: 1 MiB. */
  readonly maxRecordSize: number
  /** Global pax records that hold at a time, 1,000: each entry goes through all of them. */
  readonly maxGlobalRecords: number
  /** Parts of one sparse file: 10,000. */
  readonly maxSparseParts: number
  /** Expanded bytes of one sparse file, 8 GiB; it counts only when the file's body is read. */
  readonly maxSparseSize: number
}

/** Those that count where no body is read. */
export type HeaderLimits = Omit<TarLimits, 'maxSparseSize'>

/** 1,000,000 entries, records of 1 MiB, 1,000 global ones, sparse files of 10,000 parts and 8 GiB. */
export const defaultTarLimits: TarLimits = {
  maxEntries: 1_000_000,
  maxRecordSize: 1 << 20,
  maxGlobalRecords: 1000,
  maxSparseParts: 10_000,
  maxSparseSize: 8 * 2 ** 30,
}
