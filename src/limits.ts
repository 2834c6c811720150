/** The named bounds on hostile input; every one is an option. */

import { OciError } from './errors.ts'

/**
 * Bounds on the documents of a layout, in bytes and counts. Beyond one it is `LIMIT_EXCEEDED`, with its name as
 * `data.limit`; `Infinity` is no bound.
 */
export interface Limits {
  /** Bytes of `oci-layout`: 64 KiB. */
  readonly maxMarkerSize: number
  /** Bytes of index.json: 64 MiB. */
  readonly maxIndexSize: number
  /** Bytes of a manifest or nested index: 4 MiB. */
  readonly maxManifestSize: number
  /** Bytes of a config: 8 MiB. */
  readonly maxConfigSize: number
  /** Entries of each list (manifests, layers, diffIDs) of one document: 20,000. */
  readonly maxEntries: number
  /** Entries of index.json: 1,000,000. */
  readonly maxIndexEntries: number
  /** Indexes inside indexes: 32. */
  readonly maxIndexDepth: number
  /** Arrays and objects inside each other in one document: 64. */
  readonly maxJsonDepth: number
  /** Values in one document, each string, number, array and object: 5,000,000. */
  readonly maxJsonValues: number
  /** Documents reached from one index.json: 1,000,000. */
  readonly maxDocuments: number
  /** Bytes of all the manifests and indexes that `referrers` holds while it looks for one: 512 MiB. */
  readonly maxDocumentsSize: number
  /** Findings of each severity that `fsck` lists: 100,000. Those beyond are counted, and one that says so is added. */
  readonly maxFindings: number
}

/**
 * The bounds that hold where none are given.
 *
 * 64 MiB of index.json, 4 MiB manifests, 8 MiB configs, 20,000 entries, nesting of 32 indexes and 64 in JSON.
 */
export const defaultLimits: Limits = {
  maxMarkerSize: 64 << 10,
  maxIndexSize: 64 << 20,
  maxManifestSize: 4 << 20,
  maxConfigSize: 8 << 20,
  maxEntries: 20_000,
  maxIndexEntries: 1_000_000,
  maxIndexDepth: 32,
  maxJsonDepth: 64,
  maxJsonValues: 5_000_000,
  maxDocuments: 1_000_000,
  maxDocumentsSize: 512 << 20,
  maxFindings: 100_000,
}

/**
 * The defaults with some bounds changed. What is `undefined` stays as it was, and what is no number is a `RangeError`:
 * by a comparison with either every input would pass.
 */
export function limitsWith<L extends Bounds<L>>(defaults: L, changes: Changes<L> | undefined): L {
  const limits = { ...defaults, ...changes }
  for (const name of Object.keys(limits) as (keyof L & string)[]) {
    const max: unknown = limits[name] ?? defaults[name]
    if (typeof max !== 'number' || !(max >= 0)) {
      throw new RangeError(`${name} must be a number from 0 up, not ${String(max)}`)
    }
    limits[name] = max as L[typeof name]
  }
  return limits
}

/** Throws `LIMIT_EXCEEDED` where more was found than a bound allows. */
export function checkLimit<Name extends string>(
  limits: Readonly<Record<Name, number>>,
  limit: Name,
  { found, where }: { readonly found: number; readonly where?: string | undefined },
): void {
  const max = limits[limit]
  if (found > max)
    throw new OciError('LIMIT_EXCEEDED', { limit, max, found, ...(where !== undefined && { where }) })
}

type Changes<L> = { readonly [Name in keyof L]?: number | undefined }

type Bounds<L> = { readonly [Name in keyof L]: number }
