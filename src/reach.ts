/** What index.json reaches, judged so that nothing is lost: whatever can't be read as it should counts as naming more. */

import { findBlob, readPart } from './blob.ts'
import { blobPath, isDigest } from './digest.ts'
import { embeddedBytes, parseBounded } from './document.ts'
import { isOciError, type OciErrorCode } from './errors.ts'
import { type Layout, readDocument } from './layout.ts'
import { checkLimit } from './limits.ts'
import { manifestKind } from './media-types.ts'
import { inParallel } from './parallel.ts'
import { type Descriptor, type JsonObject, mediaTypes } from './spec.ts'
import {
  type AbortOptions,
  digestOfPath,
  type RangeOptions,
  type SeenBlob,
  type StoredFile,
} from './storage.ts'
import { problemsOfIndex, problemsOfManifest } from './validate.ts'
import { childrenOf, type Explored, explore, keyOf, readsAtOnce } from './walk.ts'

/** What is reached, as far as it is known. */
export interface Reached {
  readonly digests: ReadonlySet<string>
  /** Every document on the way was read. */
  readonly isComplete: boolean
  /**
   * Documents on the way that weren't there or aren't what their digests say, and whatever their texts name: all that
   * can come to name something else.
   */
  readonly unsettled: readonly SeenBlob[]
  /**
   * Digests of documents that aren't what they should be, and of those listed first that aren't there (others may be missing
   * from a sparse index): what they name is known in part at best.
   */
  readonly broken: ReadonlySet<string>
}

/** Options of `Reach`. */
export interface ReachOptions extends AbortOptions {
  /** Called after each document. */
  read?(): void
}

interface Named extends Explored {
  /** Blobs that aren't documents themselves. */
  readonly digests: readonly string[]
  readonly unsettled: readonly SeenBlob[]
  /** A document that it should be, and isn't. */
  readonly fault?: 'missing' | 'altered' | undefined
}

/**
 * The documents of a layout, read once, and what they name. Subjects are weak links (M8) and name nothing.
 *
 * A document that is missing names nothing, as in a sparse layout. One that isn't what its descriptor says, or that the
 * specification wouldn't have, names all that its text shows in digest grammar, and so does what stands there and
 * looks like JSON. An entry of a foreign type may be such a document, too.
 */
export class Reach {
  readonly #layout: Layout
  readonly #options: ReachOptions
  readonly #known = new Map<string, Named>()
  readonly #foreseen = new Set<string>()

  constructor(layout: Layout, options: ReachOptions = {}) {
    this.#layout = layout
    this.#options = options
  }

  /** Reads what these entries reach, but for what was read before. Throws where the medium fails or a bound is passed. */
  async explore(entries: readonly Descriptor[]): Promise<void> {
    for (const [key, { unsettled }] of this.#known) if (unsettled.length > 0) this.#known.delete(key)
    const { limits } = this.#layout.engine
    const read = (descriptor: Descriptor): Promise<Named> => this.#read(descriptor)
    await explore(this.#withEmbedded(entries), this.#known, { read, limits, signal: this.#options.signal })
  }

  /**
   * Reads what may be manifests among blobs that nothing names yet: a writer may be about to list them, and inside the
   * section there is no time to read. Without this gc starves beside busy writers.
   */
  async foresee(blobs: readonly Pick<Descriptor, 'digest' | 'size'>[]): Promise<void> {
    const unseen = blobs.filter(({ digest }) => !this.#foreseen.has(digest))
    await inParallel(unseen, blob => this.#foresee(blob), {
      concurrency: readsAtOnce,
      signal: this.#options.signal,
    })
  }

  async #foresee({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<void> {
    this.#foreseen.add(digest)
    if ((await this.#suspect(digest)) === undefined) return
    const suspect = { mediaType: mediaTypes.manifest, digest, size }
    const value = (await unlessFaulty(readDocument(this.#layout, suspect, this.#options)))?.value
    const mediaType = value?.mediaType
    if (typeof mediaType !== 'string' || manifestKind(mediaType) === undefined) return
    const descriptor = { mediaType, digest, size }
    if (!this.#known.has(keyOf(descriptor))) this.#known.set(keyOf(descriptor), await this.#read(descriptor))
  }

  /** What these entries reach by the documents read so far, without a wait: it is asked inside an exclusive section. */
  of(entries: readonly Descriptor[]): Reached {
    const digests = new Set<string>()
    const entered = new Set<string>()
    const waiting = [...entries]
    let isComplete = true
    const unsettled: SeenBlob[] = []
    const broken = new Set<string>()
    for (const [i, entry] of waiting.entries()) {
      digests.add(entry.digest)
      const embedded = this.#embeddedIn(entry)
      for (const digest of embedded.digests) digests.add(digest)
      for (const document of embedded.documents) waiting.push(document)
      if (entered.has(keyOf(entry))) continue
      entered.add(keyOf(entry))
      const named = this.#known.get(keyOf(entry))
      if (named === undefined) isComplete = false
      if (named?.fault === 'altered' || (named?.fault === 'missing' && i < entries.length))
        broken.add(entry.digest)
      for (const seen of named?.unsettled ?? []) unsettled.push(seen)
      for (const digest of named?.digests ?? []) digests.add(digest)
      for (const document of named?.documents ?? []) waiting.push(document)
    }
    return { digests, isComplete, unsettled, broken }
  }

  async #read(descriptor: Descriptor): Promise<Named> {
    const named = await this.#named(descriptor)
    this.#options.read?.()
    return named
  }

  async #named(descriptor: Descriptor): Promise<Named> {
    const kind = manifestKind(descriptor.mediaType)
    const value = kind && (await unlessFaulty(readDocument(this.#layout, descriptor, this.#options)))?.value
    const problems = value && (kind === 'index' ? problemsOfIndex(value) : problemsOfManifest(value))
    if (value !== undefined && problems?.length === 0) {
      const named = namedBy(value)
      return { ...named, documents: this.#withEmbedded(named.documents) }
    }
    const { digest } = descriptor
    const seen = await this.#see(digest)
    const file = await (kind ? this.#document(digest) : this.#suspect(digest))
    const named = await this.#suspected(seen, file)
    return kind ? { ...named, fault: file === undefined ? 'missing' : 'altered' } : named
  }

  /** These, and what the documents list that stand in their `data`. */
  #withEmbedded(descriptors: readonly Descriptor[]): Descriptor[] {
    const all = [...descriptors]
    for (const descriptor of all) for (const child of this.#embeddedIn(descriptor).documents) all.push(child)
    return all
  }

  /** What the document names that is a descriptor's `data` (D7): there may be no other copy, and readers take it. */
  #embeddedIn({ data, digest }: Descriptor): Pick<Named, 'documents' | 'digests'> {
    if (typeof data !== 'string') return nothing
    const bytes = embeddedBytes(data)
    try {
      return namedBy(parseBounded(bytes, { where: digest, limits: this.#layout.engine.limits }))
    } catch (error) {
      if (isOciError(error)) return { documents: [], digests: digestsInText(bytes) }
      throw error
    }
  }

  /** What a text may name, and what those texts may name. */
  async #suspected(seen: SeenBlob, file: StoredFile | undefined): Promise<Named> {
    const where = digestOfPath(seen.path)
    const { limits } = this.#layout.engine
    const unsettled = [seen]
    const digests = new Set(await this.#digestsIn(where, file))
    for (const suspect of digests) {
      unsettled.push(await this.#see(suspect))
      for (const digest of await this.#digestsIn(suspect, await this.#suspect(suspect))) digests.add(digest)
      checkLimit(limits, 'maxDocuments', { found: digests.size, where })
    }
    return { documents: [], digests: [...digests], unsettled }
  }

  async #document(digest: string): Promise<StoredFile | undefined> {
    const { limits } = this.#layout.engine
    const file = await this.#find(digest)
    if (file !== undefined) checkLimit(limits, 'maxManifestSize', { found: file.size, where: digest })
    return file
  }

  /** A blob as it is before it is read; what comes after is for the exclusive section to notice. */
  async #see(digest: string): Promise<SeenBlob> {
    const { signal } = this.#options
    const path = blobPath(digest)
    return { path, size: (await this.#layout.storage.open(path, { signal }))?.size }
  }

  /** A blob that may be a document, of whatever kind: it isn't too large for one, and begins as JSON does. */
  async #suspect(digest: string): Promise<StoredFile | undefined> {
    const file = await this.#find(digest)
    if (file === undefined || file.size === 0 || file.size > this.#layout.engine.limits.maxManifestSize) {
      return undefined
    }
    const [first] = await this.#bytes(file, digest, { start: 0, end: 1 })
    return first === openingBrace ? file : undefined
  }

  async #digestsIn(digest: string, file: StoredFile | undefined): Promise<string[]> {
    return file === undefined ? [] : digestsInText(await this.#bytes(file, digest))
  }

  /** Not one byte less than there are: what the rest names would go. */
  #bytes(file: StoredFile, digest: string, part: RangeOptions = {}): Promise<Uint8Array> {
    const place = { storage: this.#layout.storage.name, path: blobPath(digest) }
    return readPart(file, place, { ...part, signal: this.#options.signal })
  }

  #find(digest: string): Promise<StoredFile | undefined> {
    return findBlob(this.#layout.places, digest, { signal: this.#options.signal })
  }
}

/** A document that is what it should be. What the medium can't read isn't a fault of the document. */
async function unlessFaulty<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isOciError(error) && documentFaults.has(error.code)) return undefined
    throw error
  }
}

function namedBy(value: JsonObject): Named {
  const children = childrenOf(value).filter(({ role }) => role !== 'subject')
  return {
    documents: children.filter(({ role }) => role === 'entry').map(({ descriptor }) => descriptor),
    digests: children.filter(({ role }) => role !== 'entry').map(({ descriptor }) => descriptor.digest),
    unsettled: [],
  }
}

function digestsInText(bytes: Uint8Array): string[] {
  const text = new TextDecoder('latin1').decode(bytes)
  return [...text.matchAll(digestLike)].map(([match]) => match).filter(isDigest)
}

const nothing = { documents: [], digests: [] }

const openingBrace = 0x7b

/** Faults of a document; whatever text stands there can be had all the same. */
const documentFaults: ReadonlySet<OciErrorCode> = new Set<OciErrorCode>([
  'BLOB_MISSING',
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
  'DIGEST_UNSUPPORTED',
  'DOCUMENT_INVALID',
  'LIMIT_EXCEEDED',
])

// Bounded in every part, so that no text takes more than linear time. No digest in use has fewer than 128 bits.
const digestLike = /(?:[a-z0-9]{1,32}[+._-]){0,3}[a-z0-9]{1,32}:[a-zA-Z0-9=_-]{32,256}/g
