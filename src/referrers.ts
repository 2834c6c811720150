/** What refers to an image: signatures, SBOMs and other artifacts, by each of the ways that layouts have for it. */

import { isContentFault, isOciError } from './errors.ts'
import { type Layout, readIndex, readIndexJson, readManifest } from './layout.ts'
import { checkLimit } from './limits.ts'
import { manifestKind } from './media-types.ts'
import type { Ref } from './reference.ts'
import { Conventions } from './referring.ts'
import { resolveEntry } from './resolve.ts'
import type { Descriptor, Digest, ImageIndex, ImageManifest } from './spec.ts'
import type { AbortOptions } from './storage.ts'
import { type Explored, explore, keyOf } from './walk.ts'

/** Options of `referrers`. */
export interface ReferrersOptions extends AbortOptions {
  /** Only those of this type. */
  readonly artifactType?: string | undefined
}

/**
 * The manifests that refer to what a reference names, each once, in document order.
 *
 * Those in nested indexes are among them. The subject itself need not be in the layout (M8): a digest is enough. Of a
 * name it is the entry, which may be an index.
 *
 * Three conventions are read: a manifest's or index's own `subject`; the fallback tag of the distribution
 * specification, an index named `sha256-<hex>`, all of whose manifests count; and cosign's: names
 * `sha256-<hex>.sig`, `.att`, `.sbom`, or the annotation `kind` that its `save` writes.
 *
 * Each descriptor is as its index has it, with the manifest's annotations and its artifactType, which is its
 * config's media type where it names none (M9). A manifest that is missing or broken, which `fsck` reports, is passed
 * over: one fault hides no other referrer. Throws `TAG_NOT_FOUND`, and whatever reading index.json throws.
 *
 * @example
 * for (const { digest } of await referrers(dir, 'app:1', { artifactType: 'application/spdx+json' })) show(digest)
 */
export async function referrers(
  layout: Layout,
  ref: Ref,
  options: ReferrersOptions = {},
): Promise<Descriptor[]> {
  const { signal, artifactType } = options
  const subject = await subjectOf(layout, ref, { signal })
  const { manifests } = (await readIndexJson(layout, { signal })).value
  const known = new Map<string, Known>()
  const { limits } = layout.engine
  let held = 0
  const read = async (descriptor: Descriptor): Promise<Known> => {
    const read = await readKnown(layout, descriptor, { signal })
    if (read.value !== undefined) held += descriptor.size
    checkLimit(limits, 'maxDocumentsSize', { found: held, where: 'index.json' })
    return read
  }
  await explore(manifests, known, { read, limits, signal })
  const found = new Map<string, Descriptor>()
  for (const { descriptor, document } of referring({ manifests, known, subject })) {
    if (!found.has(descriptor.digest)) found.set(descriptor.digest, described(descriptor, document))
  }
  return [...found.values()].filter(
    referrer => artifactType === undefined || referrer.artifactType === artifactType,
  )
}

type DocumentValue = ImageManifest | ImageIndex

/** A document that was read; without a value where it couldn't be. */
interface Known extends Explored {
  readonly value?: DocumentValue
}

/** A layout's documents, and the digest that is asked for. */
interface Graph {
  readonly manifests: readonly Descriptor[]
  readonly known: ReadonlyMap<string, Known>
  readonly subject: Digest
}

async function subjectOf(layout: Layout, ref: Ref, options: AbortOptions): Promise<Digest> {
  try {
    return (await resolveEntry(layout, ref, options)).descriptor.digest
  } catch (error) {
    if (isOciError(error, 'REFERENCE_NOT_FOUND')) return error.data.digest as Digest
    throw error
  }
}

async function readKnown(layout: Layout, descriptor: Descriptor, options: AbortOptions): Promise<Known> {
  try {
    switch (manifestKind(descriptor.mediaType)) {
      case 'manifest':
        return { documents: [], value: (await readManifest(layout, descriptor, options)).value }
      case 'index': {
        const { value } = await readIndex(layout, descriptor, options)
        return { documents: value.manifests, value }
      }
      default:
        return { documents: [] }
    }
  } catch (error) {
    if (!isContentFault(error)) throw error
    return { documents: [] }
  }
}

/** Every place at which a referrer stands, depth first; a document is entered once, and again where its index vouches. */
function* referring(graph: Graph): Generator<{ descriptor: Descriptor; document: DocumentValue }> {
  const { manifests, known, subject } = graph
  const conventions = new Conventions(manifests)
  const cosigns = new Set(conventions.cosignsOf(subject))
  const fallbacks = new Set(conventions.fallbacksOf(subject))
  const entered = new Set<string>()
  // Only entries of index.json have names.
  const waiting = manifests.map(descriptor => ({ descriptor, isNamed: cosigns.has(descriptor) })).reverse()
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { descriptor } = place
    const document = known.get(keyOf(descriptor))?.value
    const vouches = fallbacks.has(descriptor)
    const key = `${keyOf(descriptor)} ${place.isNamed} ${vouches}`
    if (document === undefined || entered.has(key)) continue
    entered.add(key)
    const isReferrer = place.isNamed || document.subject?.digest === subject
    if (isReferrer && descriptor.digest !== subject) yield { descriptor, document }
    if (!('manifests' in document)) continue
    for (const child of [...document.manifests].reverse()) {
      waiting.push({ descriptor: child, isNamed: vouches })
    }
  }
}

function described(descriptor: Descriptor, document: DocumentValue): Descriptor {
  const { artifactType: _, annotations: own, ...fields } = descriptor
  const annotations = { ...own, ...document.annotations }
  const ofConfig = 'config' in document ? document.config.mediaType : undefined
  const artifactType = document.artifactType || ofConfig
  return {
    ...fields,
    ...(artifactType !== undefined && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  }
}
