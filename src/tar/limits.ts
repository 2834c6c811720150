/** The bounds on a hostile tar; every one is an option. */

/** Bounds, in bytes and counts. Beyond one it is `LIMIT_EXCEEDED`. */
export interface TarLimits {
  /** Entries of one tar. */
  readonly maxEntries: number
  /** Bytes of one pax header or long name, and of all global records together. */
  readonly maxRecordSize: number
  /** Parts of one sparse file. */
  readonly maxSparseParts: number
  /** Expanded bytes of one sparse file; it counts only when the file's body is read. */
  readonly maxSparseSize: number
}

/** 1,000,000 entries, records of 1 MiB, sparse files of 10,000 parts and 8 GiB. */
export const defaultTarLimits: TarLimits = {
  maxEntries: 1_000_000,
  maxRecordSize: 1 << 20,
  maxSparseParts: 10_000,
  maxSparseSize: 8 * 2 ** 30,
}
