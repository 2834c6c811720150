/** Copies between layouts: bytes as they are, verified, what is there skipped; then one exclusive edit of index.json. */

import { findBlob, type Progress, type ProgressOptions } from './blob.ts'
import { type Arrival, copyBlob, type Route } from './copy-blob.ts'
import { type CopyPlan, joined, planCopy } from './copy-plan.ts'
import { isVerifiable } from './digest.ts'
import { type Document, emptyIndexBytes } from './document.ts'
import { engine, engineFor } from './engine.ts'
import { OciError } from './errors.ts'
import { editIndex, hasTag, named, unnamed, withEntries } from './index-json.ts'
import { checkMarker, type Layout, readIndexJson, readRootFile } from './layout.ts'
import { type ConcurrencyOptions, checkConcurrency, inParallel } from './parallel.ts'
import type { PlatformRequest } from './platform.ts'
import { ownPaths, publishAll } from './publish.ts'
import { checkTag, parseRef, type Ref } from './reference.ts'
import { referringEntries } from './referring.ts'
import { type Image, openImage, roots } from './resolve.ts'
import type { Descriptor, ImageIndex } from './spec.ts'
import type { BlobPath, StorageAdapter } from './storage.ts'
import { equalBytes } from './streams.ts'

/** Options of `cloneTo`. */
export interface CloneOptions extends ProgressOptions, ConcurrencyOptions {}

/** Options of `copy`. */
export interface CopyOptions extends CloneOptions {
  /** What is copied of a layout: all entries of a tag, a digest wherever it is listed. All of index.json unless given. */
  readonly refs?: readonly Ref[] | undefined
  /** The name in the target, of one image or one reference. Each entry keeps its own unless given. */
  readonly as?: string | undefined
  /** Of each reference the image for this platform alone, listed as itself; else an index comes whole. */
  readonly platform?: PlatformRequest | undefined
  /** Brings what refers to what is copied (signatures, SBOMs), and what refers to that. */
  readonly referrers?: boolean | undefined
}

/** What came of a copy. */
export interface CopyResult {
  /** The entries, as they stand in the target's index.json now. */
  readonly entries: readonly Descriptor[]
  /** Blobs brought. */
  readonly copied: number
  /** Blobs of `copied` that share their bytes with the source's: a clone of the disk's blocks, or a link. */
  readonly shared: number
  /** Blobs that were there. */
  readonly present: number
  /** Bytes of the blobs brought, shared ones too. */
  readonly bytes: number
  /** What can't be verified here, for its digest's algorithm: of these blobs only the size was checked. */
  readonly unverified: readonly Descriptor[]
  /** What is named, but isn't in the source and needn't be: children of a nested index, foreign layers. */
  readonly absent: readonly Descriptor[]
}

/**
 * Copies an image, or a layout or parts of it, into a layout. Bytes and entries stay as they are; a name drops every
 * entry that had it in the target. What is there already isn't moved, so a copy that was ended goes on.
 *
 * Throws `BLOB_MISSING`, `DIGEST_MISMATCH`, `SIZE_MISMATCH` for what is wrong in the source, and what `openImage`
 * throws; then index.json is as it was and nothing of a blob is left.
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
  checkOptions(source, options)
  const from = 'manifest' in source ? source.layout : source
  const chosen =
    'manifest' in source ? [await entryOfImage(source, options)] : await chosenOf(source, options)
  const { entries, plan } = await planOf(from, chosen, options)
  return transfer({ from, to: target }, plan, {
    ...options,
    entries,
    name: requires =>
      editIndex(target, index => withEntries(index, entries), { requires, signal: options.signal }),
  })
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
  const { limits } = dir.engine
  const to = { storage, places: [storage], engine: engineFor(storage, engine({ limits })) }
  await checkMarker(dir, options)
  const marker = await readRootFile(dir, 'oci-layout', options)
  const index = await readIndexJson(dir, options)
  nextIndex(await readRootFile(to, 'index.json', options), { index, storage })
  const entries = index.value.manifests
  const { signal } = options
  return transfer({ from: dir, to }, await planCopy(dir, entries, options), {
    ...options,
    entries,
    async name(requires) {
      await storage.update('oci-layout', now => now ?? marker, { signal })
      await checkMarker(to, options)
      await storage.update('index.json', now => nextIndex(now, { index, storage }), { requires, signal })
    },
  })
}

function checkOptions(source: Image | Layout, options: CopyOptions): void {
  const { refs, as, platform } = options
  checkConcurrency(options)
  const isImage = 'manifest' in source
  if (isImage && (refs !== undefined || platform !== undefined))
    throw new TypeError('an image is copied as it is: refs and platform choose from a layout')
  if (platform !== undefined && refs === undefined) throw new TypeError('platform goes with refs')
  if (as === undefined) return
  checkTag(as)
  if (!isImage && refs?.length !== 1) throw new TypeError('as is the name of one image or one reference')
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

async function chosenOf(from: Layout, options: CopyOptions): Promise<Descriptor[]> {
  const { refs } = options
  if (refs === undefined) return [...(await readIndexJson(from, options)).value.manifests]
  const chosen: Descriptor[] = []
  for (const ref of refs) chosen.push(...(await entriesOf(from, ref, options)))
  return chosen
}

async function entriesOf(from: Layout, ref: Ref, options: CopyOptions): Promise<Descriptor[]> {
  if (options.platform !== undefined)
    return [await entryOfImage(await openImage(from, ref, options), options)]
  const { entries, tag } = await roots(from, ref, options)
  // What the caller gives as an entry is one.
  if (parseRef(ref).kind === 'descriptor')
    return entries.map(({ descriptor }) => renamed(descriptor, options.as))
  const listed: Descriptor[] = []
  for (const { descriptor, index } of entries)
    listed.push(await entryOf({ layout: from, descriptor, index, tag }, options))
  return listed
}

function entryOfImage(image: Image, options: CopyOptions): Promise<Descriptor> {
  return entryOf(image, options)
}

/** The entry of what a tag or digest led to, which may stand in a nested index, where names count for nothing. */
async function entryOf(
  { layout, descriptor, index, tag }: Pick<Image, 'layout' | 'descriptor' | 'index' | 'tag'>,
  { as, signal }: CopyOptions,
): Promise<Descriptor> {
  // index.json itself is no blob.
  const isNested = index !== undefined && (await findBlob(layout.places, index.descriptor.digest, { signal }))
  const entry = isNested ? unnamed(descriptor) : descriptor
  const name = as ?? (tag !== undefined && !hasTag(entry, tag) ? tag : undefined)
  return renamed(entry, name)
}

function renamed(entry: Descriptor, name: string | undefined): Descriptor {
  return name === undefined ? entry : named(entry, name)
}

/** The plan for some entries and, if asked, for what refers to them; referrers may have their own: a signed SBOM. */
async function planOf(
  from: Layout,
  chosen: readonly Descriptor[],
  options: CopyOptions,
): Promise<{ entries: readonly Descriptor[]; plan: CopyPlan }> {
  let plan = await planCopy(from, chosen, options)
  const entries = [...chosen]
  for (let latest = plan; options.referrers && latest.stages.length > 0; ) {
    const reached = new Set<string>(latest.stages.flat().map(({ digest }) => digest))
    const planned = new Set<string>(plan.stages.flat().map(({ digest }) => digest))
    const referring = await referringEntries(from, reached, options)
    const fresh = referring.filter(({ digest }) => !planned.has(digest))
    entries.push(...fresh)
    latest = await planCopy(from, fresh, options)
    plan = joined(plan, latest)
  }
  return { entries, plan }
}

interface Transfer extends CloneOptions {
  readonly entries: readonly Descriptor[]
  name(requires: readonly BlobPath[]): Promise<void>
}

async function transfer(route: Route, { stages, absent }: CopyPlan, options: Transfer): Promise<CopyResult> {
  const blobs = stages.flat()
  const requires = await ownPaths(route.to, blobs, options)
  const tally = new Tally(blobs, options)
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

/** What has come so far: no blob is counted twice, though it may have to be brought twice. */
class Tally {
  readonly #total: number
  readonly #onProgress: ((progress: Progress) => void) | undefined
  readonly #arrivals = new Map<Descriptor, Arrival>()
  readonly #passed = new Map<Descriptor, number>()
  #bytes = 0
  #told: number | undefined

  constructor(blobs: readonly Descriptor[], { onProgress }: ProgressOptions) {
    this.#total = blobs.reduce((sum, { size }) => sum + size, 0)
    this.#onProgress = onProgress
  }

  async copy(route: Route, blob: Descriptor, signal: AbortSignal): Promise<void> {
    const onProgress = ({ bytes }: Progress): void => {
      this.#pass(blob, bytes)
      this.#tell()
    }
    const arrival = await copyBlob(route, blob, { signal, onProgress })
    const before = this.#arrivals.get(blob)
    if (before === undefined || before === 'present') this.#arrivals.set(blob, arrival)
    this.#pass(blob, blob.size)
  }

  /** What was there at the end is told too, but nothing at all where nothing moved. */
  end(): void {
    if (this.#told !== undefined && this.#told < this.#total) this.#tell()
  }

  counts(): Pick<CopyResult, 'copied' | 'shared' | 'present' | 'bytes'> {
    const brought = [...this.#arrivals].filter(([, arrival]) => arrival !== 'present')
    return {
      copied: brought.length,
      shared: brought.filter(([, arrival]) => arrival === 'shared').length,
      present: this.#arrivals.size - brought.length,
      bytes: brought.reduce((sum, [{ size }]) => sum + size, 0),
    }
  }

  #pass(blob: Descriptor, bytes: number): void {
    const before = this.#passed.get(blob) ?? 0
    if (bytes <= before) return
    this.#passed.set(blob, bytes)
    this.#bytes += bytes - before
  }

  #tell(): void {
    this.#told = this.#bytes
    this.#onProgress?.({ bytes: this.#bytes, total: this.#total })
  }
}
