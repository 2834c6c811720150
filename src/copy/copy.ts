/** Copies between layouts: bytes as they are, verified, what is there skipped; then one exclusive edit of index.json. */

import { isVerifiable } from '../digest.ts'
import { type Document, emptyIndexBytes } from '../document.ts'
import { engineFor } from '../engine.ts'
import { OciError } from '../errors.ts'
import { editIndex, withEntries } from '../index-json.ts'
import { checkMarker, type Layout, readIndexJson, readRootFile } from '../layout.ts'
import { type ConcurrencyOptions, checkConcurrency, inParallel } from '../parallel.ts'
import { atSteadyPace, type ProgressOptions } from '../progress.ts'
import { ownPaths, publishAll } from '../publish.ts'
import type { Image } from '../resolve.ts'
import type { Descriptor, ImageIndex } from '../spec.ts'
import type { BlobPath, StorageAdapter } from '../storage.ts'
import { equalBytes } from '../streams.ts'
import type { Route } from './blob.ts'
import { type ChoiceOptions, checkChoice, chosenOf, planOf } from './choice.ts'
import { type CopyPlan, planCopy } from './plan.ts'
import { type CopyCounts, CopyTally } from './tally.ts'

/** Options of `cloneTo`. */
export interface CloneOptions extends ProgressOptions, ConcurrencyOptions {
  /**
   * Whether what has come of a blob of 4 MiB or more stays in the target when the copy is ended (by an abort, an error of
   * the source, a kill), so that the next copy moves the rest alone: `true` unless given. A full target gets its room back.
   */
  readonly resume?: boolean | undefined
}

/** Options of `copy`. */
export interface CopyOptions extends ChoiceOptions, CloneOptions {}

/** What came of a copy. */
export interface CopyResult extends CopyCounts {
  /** The entries, as they stand in the target's index.json now. */
  readonly entries: readonly Descriptor[]
  /** What can't be verified here, for its digest's algorithm: of these blobs only the size was checked. */
  readonly unverified: readonly Descriptor[]
  /** What is named, but isn't in the source and needn't be: children of a nested index, foreign layers. */
  readonly absent: readonly Descriptor[]
}

/**
 * Copies an image, or a layout or parts of it, into a layout. Bytes and entries stay as they are; a name drops every
 * entry that had it in the target. What is there already isn't moved, so a copy that was ended goes on, within a large blob
 * too: what of it had come is hashed anew by the next copy, and fetched again where it was altered meanwhile.
 *
 * Throws `BLOB_MISSING`, `DIGEST_MISMATCH`, `SIZE_MISMATCH` for what is wrong in the source, and what `openImage`
 * throws; then index.json is as it was, and whole blobs and unseen parts are left, for the next try or `gc`.
 *
 * @example
 * await copy(await remote.openImage('debian', { platform: 'linux/arm64' }), dir, { as: 'base' })
 * await copy(remote, local, { refs: [{ tag: 'app:1' }], referrers: true })
 */
export async function copy(
  source: Image | Layout,
  target: Layout<StorageAdapter>,
  options: CopyOptions = {},
): Promise<CopyResult> {
  checkConcurrency(options)
  checkChoice(source, options)
  const from = 'manifest' in source ? source.layout : source
  const chosen = await chosenOf(source, options)
  const { entries, plan } = await planOf(from, chosen, options)
  return atSteadyPace(options, paced =>
    transfer({ from, to: target }, plan, {
      ...paced,
      entries,
      name: requires =>
        editIndex(target, index => withEntries(index, entries), { requires, signal: options.signal }),
    }),
  )
}

/**
 * Copies a layout to another storage: `oci-layout`, index.json, byte for byte, and all that it reaches. Blobs that
 * nothing names stay behind; those of an external place come along.
 *
 * Throws `LAYOUT_EXISTS` where another index.json is that lists something: `copy` adds to it. Else as `copy`.
 *
 * @example
 * const { copied, bytes } = await cloneTo(dir, folder('backup'))
 */
export async function cloneTo(
  dir: Layout,
  storage: StorageAdapter,
  options: CloneOptions = {},
): Promise<CopyResult> {
  checkConcurrency(options)
  const to = { storage, places: [storage], engine: engineFor(storage, { ...dir.engine, native: undefined }) }
  await checkMarker(dir, options)
  const marker = await readRootFile(dir, 'oci-layout', options)
  const index = await readIndexJson(dir, options)
  nextIndex(await readRootFile(to, 'index.json', options), { index, storage })
  const entries = index.value.manifests
  const { signal } = options
  const plan = await planCopy(dir, entries, options)
  return atSteadyPace(options, paced =>
    transfer({ from: dir, to }, plan, {
      ...paced,
      entries,
      async name(requires) {
        await storage.update('oci-layout', now => now ?? marker, { signal })
        await checkMarker(to, options)
        await storage.update('index.json', now => nextIndex(now, { index, storage }), { requires, signal })
      },
    }),
  )
}

/** The index of a clone: the source's, where there is none but an empty one. */
function nextIndex(
  now: Uint8Array | undefined,
  { index, storage }: { index: Document<ImageIndex>; storage: StorageAdapter },
): Uint8Array {
  if (now === undefined || equalBytes(now, emptyIndexBytes()) || equalBytes(now, index.bytes))
    return index.bytes
  throw new OciError('LAYOUT_EXISTS', { storage: storage.name })
}

interface Transfer extends CloneOptions {
  readonly entries: readonly Descriptor[]
  name(requires: readonly BlobPath[]): Promise<void>
}

async function transfer(route: Route, { stages, absent }: CopyPlan, options: Transfer): Promise<CopyResult> {
  const blobs = stages.flat()
  const requires = await ownPaths(route.to, blobs, options)
  const tally = new CopyTally(blobs, { ...options, resume: options.resume ?? true })
  await publishAll({
    brings: new Set<string>(blobs.map(({ digest }) => digest)),
    async bring() {
      for (const stage of stages)
        await inParallel(stage, (blob, signal) => tally.copy(route, blob, signal), options)
    },
    name: () => options.name(requires),
  })
  tally.end()
  const unverified = blobs.filter(({ digest }) => !isVerifiable(digest))
  return { entries: options.entries, ...tally.counts(), unverified, absent }
}
