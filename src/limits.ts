/** The named bounds on hostile input; every one is an option. */

/** Bounds, in bytes and counts. */
export interface Limits {
  /** Bytes of index.json. */
  readonly maxIndexSize: number
  /** Bytes of a manifest or nested index. */
  readonly maxManifestSize: number
  /** Bytes of a config. */
  readonly maxConfigSize: number
  /** Entries (manifests, layers) of one document. */
  readonly maxEntries: number
  /** Entries of index.json. */
  readonly maxIndexEntries: number
  /** Indexes inside indexes. */
  readonly maxIndexDepth: number
  /** Arrays and objects inside each other in one document. */
  readonly maxJsonDepth: number
  /** Documents reached from one index.json. */
  readonly maxDocuments: number
}

/**
 * The bounds that hold where none are given.
 *
 * 64 MiB of index.json, 4 MiB manifests, 8 MiB configs, 20,000 entries, nesting of 32 indexes and 64 in JSON.
 */
export const defaultLimits: Limits = {
  maxIndexSize: 64 << 20,
  maxManifestSize: 4 << 20,
  maxConfigSize: 8 << 20,
  maxEntries: 20_000,
  maxIndexEntries: 1_000_000,
  maxIndexDepth: 32,
  maxJsonDepth: 64,
  maxDocuments: 1_000_000,
}

/** The defaults with some bounds changed. */
export function limitsWith(changes: Partial<Limits> | undefined): Limits {
  return { ...defaultLimits, ...changes }
}
