/** From a reference to an image: names, nested indexes, platforms, attestations and artifacts told apart. */

import { isRegistered } from './digest.ts'
import type { Document } from './document.ts'
import { isOciError, OciError } from './errors.ts'
import { findTag, hasTag } from './index-json.ts'
import { type Layout, readConfig, readIndex, readIndexJson, readManifest } from './layout.ts'
import { checkLimit } from './limits.ts'
import { isImageConfigType, manifestKind } from './media-types.ts'
import {
  formatPlatform,
  matchesPlatform,
  type PlatformRequest,
  parsePlatform,
  platformOfConfig,
} from './platform.ts'
import { type ParsedRef, parseRef, type Ref } from './reference.ts'
import type { Descriptor, Digest, ImageConfig, ImageIndex, ImageManifest, Platform } from './spec.ts'
import type { AbortOptions } from './storage.ts'

/** An image in a layout: its documents, verified, and where they came from. */
export interface Image {
  readonly layout: Layout
  /** As it stands in its index, annotations and platform included. */
  readonly descriptor: Descriptor
  readonly manifest: Document<ImageManifest>
  readonly config: Document<ImageConfig>
  /** The index that lists it: index.json, or a nested one; absent for one just written or asked for by its descriptor. */
  readonly index: Document<ImageIndex> | undefined
  /** The tag that it was asked for by. */
  readonly tag: string | undefined
}

/** A descriptor found, and the index that lists it. */
export interface Candidate {
  readonly descriptor: Descriptor
  readonly index: Document<ImageIndex> | undefined
}

/** Options of everything that chooses an image. */
export interface ResolveOptions extends AbortOptions {
  /** Which image of an index; without it the only one, else linux/amd64. */
  readonly platform?: PlatformRequest | undefined
}

/**
 * The entry that a reference names, without a choice among platforms: the first of its name, or the digest
 * wherever an index lists it. Throws `TAG_NOT_FOUND`, `REFERENCE_NOT_FOUND`.
 */
export async function resolveEntry(layout: Layout, ref: Ref, options: AbortOptions = {}): Promise<Candidate> {
  const [first] = (await roots(layout, ref, options)).entries
  if (first === undefined) throw new OciError('INDEX_EMPTY', { storage: layout.storage.name })
  return first
}

/**
 * Opens the image that a reference names, for the platform asked.
 *
 * Throws `TAG_NOT_FOUND`, `REFERENCE_NOT_FOUND`, `INDEX_EMPTY`, `NO_MATCHING_PLATFORM`, `NOT_AN_IMAGE`,
 * `BLOB_MISSING` and whatever reading its documents throws.
 */
export async function openImage(layout: Layout, ref?: Ref, options: ResolveOptions = {}): Promise<Image> {
  const { entries, tag } = await roots(layout, ref, options)
  const search = new Search(layout, entries, { ...options, tag, isNamed: ref !== undefined })
  const [only] = entries
  const isPinned = ref !== undefined && tag === undefined && entries.length === 1
  // A digest says which manifest is meant, whatever its platform.
  if (isPinned && only !== undefined && manifestKind(only.descriptor.mediaType) === 'manifest')
    return search.only()
  return options.platform === undefined ? search.byDefault() : search.byPlatform(options.platform)
}

/** Every image of a layout, or of what a reference names, once each, in document order; artifacts left out. */
export async function* images(layout: Layout, ref?: Ref, options: AbortOptions = {}): AsyncGenerator<Image> {
  const { entries, tag } = await roots(layout, ref, options)
  yield* new Search(layout, entries, { ...options, tag, isNamed: ref !== undefined }).images()
}

/** Every manifest below some entries, nested indexes followed, each index once. Missing nested ones are passed over. */
export async function* leaves(
  layout: Layout,
  entries: readonly Candidate[],
  options: AbortOptions = {},
): AsyncGenerator<Candidate> {
  for await (const candidate of descend(layout, entries, options)) {
    if (manifestKind(candidate.descriptor.mediaType) === 'manifest') yield candidate
  }
}

/** Where a search begins, and the tag that was asked for. */
export interface Roots {
  readonly entries: readonly Candidate[]
  readonly tag: string | undefined
}

/** All that a reference names: every entry of a tag, the one of a digest; all of index.json without a reference. */
export async function roots(
  layout: Layout,
  ref: Ref | undefined,
  options: AbortOptions = {},
): Promise<Roots> {
  const parsed = ref === undefined ? undefined : parseRef(ref)
  if (parsed?.kind === 'descriptor')
    return { entries: [{ descriptor: parsed.descriptor, index: undefined }], tag: undefined }
  const index = await readIndexJson(layout, options)
  const { manifests } = index.value
  const entries = (list: readonly Descriptor[]): Candidate[] =>
    list.map(descriptor => ({ descriptor, index }))
  const tag = tagIn(index.value, parsed)
  if (tag !== undefined) return { entries: entries(findTag(index.value, tag)), tag }
  if (parsed?.kind === 'digest')
    return { entries: [await findDigest(layout, entries(manifests), { ...options, ...parsed })], tag }
  if (manifests.length === 0) throw new OciError('INDEX_EMPTY', { storage: layout.storage.name })
  return { entries: entries(manifests), tag }
}

/** `app:` and a commit's hash is a digest by its grammar; it is the name if there is one, but for known algorithms. */
function tagIn(index: ImageIndex, parsed: ParsedRef | undefined): string | undefined {
  if (parsed?.kind === 'tag') return parsed.tag
  if (parsed?.kind !== 'digest' || isRegistered(parsed.digest)) return undefined
  return index.manifests.some(entry => hasTag(entry, parsed.digest)) ? parsed.digest : undefined
}

async function findDigest(
  layout: Layout,
  entries: readonly Candidate[],
  { digest, signal }: AbortOptions & { readonly digest: Digest },
): Promise<Candidate> {
  const listed = entries.find(entry => entry.descriptor.digest === digest)
  if (listed !== undefined) return listed
  for await (const candidate of descend(layout, entries, { signal })) {
    if (candidate.descriptor.digest === digest) return candidate
  }
  throw new OciError('REFERENCE_NOT_FOUND', { digest })
}

/** Depth first, in document order; a digest that was seen is not entered again, so cycles end. */
async function* descend(
  layout: Layout,
  entries: readonly Candidate[],
  options: AbortOptions & { readonly seen?: Set<Digest>; readonly depth?: number },
): AsyncGenerator<Candidate> {
  const { seen = new Set<Digest>(), depth = 0 } = options
  for (const entry of entries) {
    yield entry
    if (manifestKind(entry.descriptor.mediaType) !== 'index' || seen.has(entry.descriptor.digest)) continue
    seen.add(entry.descriptor.digest)
    checkLimit(layout.engine.limits, 'maxIndexDepth', { found: depth + 1, where: 'index.json' })
    const index = await unlessMissing(readIndex(layout, entry.descriptor, options))
    if (index === undefined) continue
    const children = index.value.manifests.map(descriptor => ({ descriptor, index }))
    yield* descend(layout, children, { ...options, seen, depth: depth + 1 })
  }
}

interface SearchOptions extends AbortOptions {
  readonly tag: string | undefined
  /** A reference was given: it names one thing, and what that is matters more than its platform. */
  readonly isNamed: boolean
}

class Search {
  readonly #layout: Layout
  readonly #entries: readonly Candidate[]
  readonly #options: SearchOptions
  #missing: Descriptor | undefined
  #rejected: Descriptor | undefined
  readonly #platforms = new Set<string>()

  constructor(layout: Layout, entries: readonly Candidate[], options: SearchOptions) {
    this.#layout = layout
    this.#entries = entries
    this.#options = options
  }

  async only(): Promise<Image> {
    for await (const image of this.images()) return image
    return this.#fail()
  }

  async byDefault(): Promise<Image> {
    let only: Image | undefined
    for await (const image of this.images()) {
      if (only !== undefined) return this.byPlatform({ os: 'linux', architecture: 'amd64' })
      only = image
    }
    return only ?? this.#fail()
  }

  async byPlatform(request: PlatformRequest): Promise<Image> {
    const wanted = typeof request === 'string' ? parsePlatform(request) : request
    this.#missing = undefined
    for await (const candidate of leaves(this.#layout, this.#entries, this.#options)) {
      const { platform } = candidate.descriptor
      // A descriptor that names another platform settles it without a look at the manifest.
      if (platform?.os && platform.architecture && !matchesPlatform(platform, wanted)) {
        if (!isAttestation(candidate.descriptor)) this.#platforms.add(formatPlatform(platform))
        continue
      }
      const image = await this.#open(candidate)
      if (image === undefined) continue
      const own = platformOf(image)
      if (own !== undefined && matchesPlatform(own, wanted)) return image
      this.#platforms.add(own === undefined ? 'unknown' : formatPlatform(own))
    }
    return this.#fail(wanted)
  }

  async *images(): AsyncGenerator<Image> {
    const seen = new Set<Digest>()
    for await (const candidate of leaves(this.#layout, this.#entries, this.#options)) {
      if (seen.has(candidate.descriptor.digest)) continue
      seen.add(candidate.descriptor.digest)
      const image = await this.#open(candidate)
      if (image !== undefined) yield image
    }
  }

  /** The image of a manifest; `undefined` for artifacts and attestations, and where its blobs aren't here. */
  async #open({ descriptor, index }: Candidate): Promise<Image | undefined> {
    if (isAttestation(descriptor)) return this.#reject(descriptor)
    const manifest = await unlessMissing(readManifest(this.#layout, descriptor, this.#options))
    if (manifest === undefined) {
      this.#missing ??= descriptor
      return undefined
    }
    if (!isImageConfigType(manifest.value.config.mediaType)) return this.#reject(descriptor)
    const config = await unlessMissing(readConfig(this.#layout, manifest.value.config, this.#options))
    if (config === undefined) {
      this.#missing ??= manifest.value.config
      return undefined
    }
    return { layout: this.#layout, descriptor, manifest, config, index, tag: this.#options.tag }
  }

  #reject(descriptor: Descriptor): undefined {
    this.#rejected ??= descriptor
  }

  #fail(wanted?: Partial<Platform>): never {
    if (this.#missing !== undefined) throw new OciError('BLOB_MISSING', { digest: this.#missing.digest })
    const isAsked = wanted !== undefined && !this.#options.isNamed
    if (this.#rejected !== undefined && this.#platforms.size === 0 && !isAsked) {
      throw new OciError('NOT_AN_IMAGE', {
        descriptor: this.#rejected,
        expected: 'an image manifest with an image config',
      })
    }
    const [first] = this.#entries
    if (wanted === undefined && first !== undefined) {
      throw new OciError('NOT_AN_IMAGE', {
        descriptor: first.descriptor,
        expected: 'an image manifest or index',
      })
    }
    const available = [...this.#platforms].slice(0, 10)
    throw new OciError('NO_MATCHING_PLATFORM', { wanted: { os: '', architecture: '', ...wanted }, available })
  }
}

/** What BuildKit lists beside its images: provenance and SBOM, of platform unknown/unknown. */
function isAttestation({ platform, annotations }: Descriptor): boolean {
  if (platform?.os === 'unknown' && platform.architecture === 'unknown') return true
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest'
}

function platformOf({ descriptor, config }: Image): Platform | undefined {
  const { platform } = descriptor
  return platform?.os && platform.architecture ? platform : platformOfConfig(config.value)
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isOciError(error, 'BLOB_MISSING')) return undefined
    throw error
  }
}
