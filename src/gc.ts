/** Removes what index.json doesn't reach. Documents are read, layers never. */

import { findBlob } from './blob.ts'
import { isDigest } from './digest.ts'
import { type Document, parseIndex } from './document.ts'
import { isOciError, OciError } from './errors.ts'
import { indexJsonOptions, type Layout, readIndexJson } from './layout.ts'
import { Reach } from './reach.ts'
import type { Descriptor, Digest, ImageIndex } from './spec.ts'
import {
  type AbortOptions,
  type BlobPath,
  checkAge,
  checkBlobPath,
  type ReadableStorage,
  type SeenBlob,
  type StorageAdapter,
  type StorageEntry,
} from './storage.ts'
import { equalBytes } from './streams.ts'

/** A blob of the layout, as `gc` sees it. */
export interface GcBlob extends Pick<Descriptor, 'digest' | 'size'> {
  /** Milliseconds since 1970; absent where the medium has no times. */
  readonly modified?: number | undefined
}

/** Options of `gc`. */
export interface GcOptions extends AbortOptions {
  /** Removes nothing, and says what would go. */
  readonly dryRun?: boolean | undefined
  /**
   * Keeps a blob that nothing names. No grace is needed for safety; one for young blobs saves the writers beside from
   * writing theirs again. Asked for every blob, referenced or not.
   */
  keep?(blob: GcBlob): boolean
  /**
   * Leftovers of crashed writers go when they are older than so many milliseconds; 24 hours unless given. A storage can't
   * always tell them from what a writer at work has staged: give no less than the longest pause of one, else it fails.
   */
  readonly sweepOlderThan?: number | undefined
  /**
   * Layouts that read their blobs from this one (`OciDir.open(layout, { blobs })`): what they reach stays. A storage can't
   * tell who uses it, so all must be given here, and nobody may write to them meanwhile.
   */
  readonly sharedWith?: readonly ReadableStorage[] | undefined
  /**
   * Called with what `GcResult.broken` will say, where that is something, before a blob goes: what it throws ends the call,
   * and nothing was removed.
   */
  readonly onBroken?: ((digests: readonly string[]) => void) | undefined
  /** Called as documents are read. */
  readonly onProgress?: ((progress: { readonly documents: number }) => void) | undefined
}

/** What `gc` did, or in a dry run would do. */
export interface GcResult {
  /** The blobs that went, in the order of the listing. */
  readonly removed: readonly Pick<Descriptor, 'digest' | 'size'>[]
  /** Bytes that they had. */
  readonly bytes: number
  /** Blobs that stay. */
  readonly kept: number
  /** Leftovers of crashed writers that went; 0 in a dry run. */
  readonly swept: number
  /**
   * Digests of manifests and indexes that index.json reaches and that are altered, or that it lists and that are missing.
   * What they named can't be told, or only in part, so it may be among what went: `repair` first, then gc.
   */
  readonly broken: readonly string[]
}

/**
 * Removes the blobs that index.json doesn't reach, then leftovers of crashed writers. Writers may be at work: what goes is
 * decided in their exclusive section, and one whose blobs went before it named them sees `BLOB_MISSING` and writes them
 * again. Places given to `OciDir.open` as `blobs` are read and left alone.
 *
 * Cycles, missing and broken documents don't stop it: whatever the text of a broken one may name is kept, and the result
 * says which they are (`broken`); `onBroken` is told before. It throws, and removes nothing, when index.json is missing or
 * invalid, a document can't be read or is beyond a limit, or when `blobs` is a link (`LINK_OUTSIDE`, `UNSUPPORTED`): then
 * the folder belongs to another layout, where gc must run. `STORAGE_CHANGED` means that writers never left it the moment
 * to read what they had written.
 *
 * @example
 * const { removed, bytes } = await gc(dir, { dryRun: true })
 */
export async function gc(layout: Layout<StorageAdapter>, options: GcOptions = {}): Promise<GcResult> {
  const { dryRun = false, sweepOlderThan = day, signal } = options
  checkAge(sweepOlderThan)
  const collection = new Collection(layout, options)
  const { removed, kept, broken } = await collection.run({ dryRun })
  signal?.throwIfAborted()
  const swept = dryRun ? 0 : await layout.storage.sweep({ olderThan: sweepOlderThan })
  return {
    removed: removed.map(({ digest, size }) => ({ digest, size })),
    bytes: removed.reduce((sum, { size }) => sum + size, 0),
    kept,
    swept,
    broken: [...broken],
  }
}

const day = 24 * 60 * 60 * 1000

/** A new entry between the reading and the section, so often. */
const attempts = 20

interface ListedBlob {
  readonly path: BlobPath
  readonly digest: Digest
  readonly size: number
  readonly isLink: boolean
  readonly mayGo: boolean
}

interface Collected {
  readonly removed: readonly ListedBlob[]
  readonly kept: number
  readonly broken: ReadonlySet<string>
}

class Collection {
  readonly #layout: Layout<StorageAdapter>
  readonly #options: GcOptions
  readonly #reach: Reach
  #documents = 0
  #blobs: readonly ListedBlob[] = []
  #reachedByOthers: ReadonlySet<string> = new Set()
  #brokenOfOthers: ReadonlySet<string> = new Set()
  #broken: ReadonlySet<string> = new Set()
  /** index.json as it was when its documents were read. */
  #index: Document<ImageIndex> | undefined

  constructor(layout: Layout<StorageAdapter>, options: GcOptions) {
    this.#layout = layout
    this.#options = options
    this.#reach = this.#reachOf(layout)
  }

  async run({ dryRun }: { dryRun: boolean }): Promise<Collected> {
    await this.#others()
    const removed = dryRun ? await this.#wouldGo() : await this.#remove()
    return { removed, kept: this.#blobs.length - removed.length, broken: this.#broken }
  }

  async #wouldGo(): Promise<readonly ListedBlob[]> {
    await this.#list()
    await this.#read()
    return this.#garbage(this.#index?.bytes) ?? []
  }

  async #remove(): Promise<readonly ListedBlob[]> {
    const { storage } = this.#layout
    for (let attempt = 0; attempt < attempts; attempt++) {
      // Listed before a document is read: what writers store from now on isn't even looked at.
      await this.#list()
      if (attempt > 0) await this.#reach.foresee(this.#blobs)
      const { manifests } = await this.#read()
      const removed = await this.#removeGarbage(this.#reach.of(manifests).unsettled)
      if (removed !== undefined) return removed
    }
    throw new OciError('STORAGE_CHANGED', { storage: storage.name, path: 'index.json' })
  }

  /** `undefined` when something came between: nothing is removed then, and all is to be read again. */
  async #removeGarbage(seen: readonly SeenBlob[]): Promise<readonly ListedBlob[] | undefined> {
    const { signal } = this.#options
    const chosen: { garbage?: readonly ListedBlob[] | undefined } = {}
    const choose = (now: Uint8Array | undefined): BlobPath[] => {
      chosen.garbage = this.#garbage(now)
      return chosen.garbage?.map(({ path }) => path) ?? []
    }
    try {
      await this.#layout.storage.remove(choose, { seen, signal })
    } catch (error) {
      if (isOciError(error, 'STORAGE_CHANGED')) return undefined
      throw error
    }
    return chosen.garbage
  }

  /** What this index.json doesn't reach; `undefined` when it may name something by a document that wasn't read. */
  #garbage(now: Uint8Array | undefined): readonly ListedBlob[] | undefined {
    const { storage, engine } = this.#layout
    // An index that is lost reaches nothing, and then everything would go.
    if (now === undefined) throw new OciError('INDEX_MISSING', { storage: storage.name })
    const known = this.#index !== undefined && equalBytes(now, this.#index.bytes) ? this.#index : undefined
    const { manifests } = known?.value ?? parseIndex(now, indexJsonOptions(engine))
    const { digests, isComplete, unsettled, broken } = this.#reach.of(manifests)
    if (!isComplete || !(unsettled.length === 0 || known)) return undefined
    this.#broken = new Set([...broken, ...this.#brokenOfOthers])
    if (this.#broken.size > 0) this.#options.onBroken?.([...this.#broken])
    const isReached = ({ digest }: ListedBlob): boolean =>
      digests.has(digest) || this.#reachedByOthers.has(digest)
    // A link within the layout leads to something of its size, which lives on with it.
    const linked = new Set(this.#blobs.filter(blob => blob.isLink && isReached(blob)).map(({ size }) => size))
    return this.#blobs.filter(blob => blob.mayGo && !isReached(blob) && !linked.has(blob.size))
  }

  async #read(): Promise<ImageIndex> {
    this.#index = await readIndexJson(this.#layout, this.#options)
    await this.#reach.explore(this.#index.value.manifests)
    return this.#index.value
  }

  async #others(): Promise<void> {
    const { sharedWith = [], signal } = this.#options
    const reached = new Set<string>()
    const faulty = new Set<string>()
    for (const storage of sharedWith) {
      const other = { ...this.#layout, storage, places: [storage, ...this.#layout.places] }
      const { manifests } = (await readIndexJson(other, { signal })).value
      const reach = this.#reachOf(other)
      await reach.explore(manifests)
      const { digests, broken } = reach.of(manifests)
      for (const digest of digests) reached.add(digest)
      for (const digest of broken) faulty.add(digest)
    }
    this.#reachedByOthers = reached
    this.#brokenOfOthers = faulty
  }

  async #list(): Promise<void> {
    const blobs: ListedBlob[] = []
    for await (const entry of this.#layout.storage.list({ signal: this.#options.signal })) {
      refuseLinkedFolder(entry)
      const blob = await this.#listed(entry)
      if (blob !== undefined) blobs.push(blob)
    }
    this.#blobs = blobs
  }

  /** Files and links that stand where a blob would, under a digest; all else is nobody's garbage. */
  async #listed({ path, kind, size = 0 }: StorageEntry): Promise<ListedBlob | undefined> {
    const [folder, algorithm, encoded, ...more] = path.split('/')
    const digest = `${algorithm}:${encoded}`
    if (folder !== 'blobs' || more.length > 0 || !isDigest(digest)) return undefined
    if (kind !== 'file' && kind !== 'link') return undefined
    checkBlobPath(path)
    return { path, digest, size, isLink: kind === 'link', mayGo: !(await this.#keeps({ digest, size })) }
  }

  async #keeps({ digest, size }: GcBlob): Promise<boolean> {
    const { keep, signal } = this.#options
    if (keep === undefined) return false
    const file = await findBlob([this.#layout.storage], digest, { signal })
    return file === undefined || keep({ digest, size, modified: file.modified })
  }

  #reachOf(layout: Layout): Reach {
    const { signal, onProgress } = this.#options
    const read = (): void => onProgress?.({ documents: ++this.#documents })
    return new Reach(layout, { signal, read })
  }
}

/** Behind a link there is another layout's folder, and what it needs isn't known here. */
function refuseLinkedFolder({ path, kind }: StorageEntry): void {
  if (!/^blobs(?:\/[^/]+)?$/.test(path)) return
  if (kind === 'link-outside') throw new OciError('LINK_OUTSIDE', { path })
  if (kind === 'other') {
    throw new OciError('UNSUPPORTED', { feature: 'gc of a folder of blobs that is a link', where: path })
  }
}
