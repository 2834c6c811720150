/** What index.json reaches, judged so that nothing is lost: whatever can't be read as it should counts as naming more. */

import { findBlob } from './blob.ts'
import { isDigest } from './digest.ts'
import { isOciError, OciError, type OciErrorCode } from './errors.ts'
import { type Layout, readDocument } from './layout.ts'
import { manifestKind } from './media-types.ts'
import type { Descriptor, JsonObject } from './spec.ts'
import type { AbortOptions } from './storage.ts'
import { problemsOfIndex, problemsOfManifest } from './validate.ts'
import { childrenOf, type Explored, explore, keyOf } from './walk.ts'

/** What is reached, as far as it is known. */
export interface Reached {
  readonly digests: ReadonlySet<string>
  /** Every document on the way was read. */
  readonly isComplete: boolean
  /** Every document on the way was there and is what its digest says: it can't come to name anything else. */
  readonly isSettled: boolean
}

/** Options of `Reach`. */
export interface ReachOptions extends AbortOptions {
  /** Called after each document. */
  read?(): void
}

interface Named extends Explored {
  /** Blobs that aren't documents themselves. */
  readonly digests: readonly string[]
  readonly isSettled: boolean
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

  constructor(layout: Layout, options: ReachOptions = {}) {
    this.#layout = layout
    this.#options = options
  }

  /** Reads what these entries reach, but for what was read before. Throws where the medium fails or a bound is passed. */
  async explore(entries: readonly Descriptor[]): Promise<void> {
    for (const [key, { isSettled }] of this.#known) if (!isSettled) this.#known.delete(key)
    const { limits } = this.#layout.engine
    const read = (descriptor: Descriptor): Promise<Named> => this.#read(descriptor)
    await explore(entries, this.#known, { read, limits, signal: this.#options.signal })
  }

  /** What these entries reach by the documents read so far, without a wait: it is asked inside an exclusive section. */
  of(entries: readonly Descriptor[]): Reached {
    const digests = new Set<string>()
    const entered = new Set<string>()
    const waiting = [...entries]
    let isComplete = true
    let isSettled = true
    for (const entry of waiting) {
      digests.add(entry.digest)
      if (entered.has(keyOf(entry))) continue
      entered.add(keyOf(entry))
      const named = this.#known.get(keyOf(entry))
      if (named === undefined) isComplete = false
      if (named?.isSettled === false) isSettled = false
      for (const digest of named?.digests ?? []) digests.add(digest)
      for (const document of named?.documents ?? []) waiting.push(document)
    }
    return { digests, isComplete, isSettled }
  }

  async #read(descriptor: Descriptor): Promise<Named> {
    const named = await this.#named(descriptor)
    this.#options.read?.()
    return named
  }

  async #named(descriptor: Descriptor): Promise<Named> {
    const kind = manifestKind(descriptor.mediaType)
    if (kind === undefined) return this.#suspected(descriptor, { isForeign: true })
    try {
      const { value } = await readDocument(this.#layout, descriptor, this.#options)
      const problems = kind === 'index' ? problemsOfIndex(value) : problemsOfManifest(value)
      if (problems.length === 0) return namedBy(value)
    } catch (error) {
      if (isOciError(error, 'BLOB_MISSING')) return { documents: [], digests: [], isSettled: false }
      // What the medium can't read now may name anything.
      if (!isOciError(error) || !documentFaults.has(error.code)) throw error
    }
    return this.#suspected(descriptor, { isForeign: false })
  }

  /** What a text may name, and what those texts may name. */
  async #suspected({ digest }: Descriptor, { isForeign }: { isForeign: boolean }): Promise<Named> {
    const { maxDocuments: max } = this.#layout.engine.limits
    const digests = new Set<string>([digest])
    for (const suspect of digests) {
      const text = await this.#text(suspect, { mustRead: suspect === digest && !isForeign })
      for (const [match] of text.matchAll(digestLike)) if (isDigest(match)) digests.add(match)
      if (digests.size > max) throw new OciError('LIMIT_EXCEEDED', { limit: 'documents', max, where: digest })
    }
    return { documents: [], digests: [...digests], isSettled: false }
  }

  /** A blob's text, unverified; none of what begins unlike JSON, which may be a layer, unless it must be read. */
  async #text(digest: string, { mustRead }: { mustRead: boolean }): Promise<string> {
    const { places, engine } = this.#layout
    const { signal } = this.#options
    const max = engine.limits.maxManifestSize
    const file = await findBlob(places, digest, { signal })
    if (file === undefined || file.size === 0 || (file.size > max && !mustRead)) return ''
    if (file.size > max) {
      const found = file.size
      throw new OciError('LIMIT_EXCEEDED', { limit: 'document size', max, found, where: digest })
    }
    if (!mustRead && (await file.bytes({ start: 0, end: 1, signal }))[0] !== openingBrace) return ''
    return new TextDecoder('latin1').decode(await file.bytes({ signal }))
  }
}

function namedBy(value: JsonObject): Named {
  const children = childrenOf(value).filter(({ role }) => role !== 'subject')
  return {
    documents: children.filter(({ role }) => role === 'entry').map(({ descriptor }) => descriptor),
    digests: children.filter(({ role }) => role !== 'entry').map(({ descriptor }) => descriptor.digest),
    isSettled: true,
  }
}

const openingBrace = 0x7b

/** Faults of a document, whose text can be had all the same. */
const documentFaults: ReadonlySet<OciErrorCode> = new Set<OciErrorCode>([
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
  'DIGEST_UNSUPPORTED',
  'DOCUMENT_INVALID',
  'LIMIT_EXCEEDED',
])

// Bounded in every part, so that no text takes more than linear time. No digest in use has fewer than 128 bits.
const digestLike = /(?:[a-z0-9]{1,32}[+._-]){0,3}[a-z0-9]{1,32}:[a-zA-Z0-9=_-]{32,256}/g
