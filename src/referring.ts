/** How an entry of index.json says that it refers to something, beside its document's own `subject`: by conventions. */

import { parseDigest } from './digest.ts'
import { isOciError } from './errors.ts'
import { hasTag, tagOf } from './index-json.ts'
import { isJsonObject } from './json.ts'
import { type Layout, readDocument, readIndexJson } from './layout.ts'
import { manifestKind } from './media-types.ts'
import type { Descriptor, Digest } from './spec.ts'
import type { AbortOptions } from './storage.ts'

/** The tag that stands for a digest's referrers where a registry has no API for them; its shape is the specification's. */
export function fallbackTag(digest: string): string {
  const { algorithm, encoded } = parseDigest(digest)
  const plain = (text: string, max: number): string => text.slice(0, max).replace(/[^A-Za-z0-9_.-]/g, '-')
  return `${plain(algorithm, 32)}-${plain(encoded, 64)}`
}

/** The conventions by which entries of one index.json refer to some digests. */
export class Conventions {
  readonly #manifests: readonly Descriptor[]
  readonly #subjects: ReadonlySet<string>
  readonly #fallbackTags: ReadonlySet<string>
  readonly #cosignNames: ReadonlySet<string>

  constructor(manifests: readonly Descriptor[], subjects: Iterable<string>) {
    this.#manifests = manifests
    this.#subjects = new Set(subjects)
    this.#fallbackTags = new Set([...this.#subjects].map(fallbackTag))
    this.#cosignNames = new Set([...this.#subjects].map(digest => digest.replace(':', '-')))
  }

  /** The distribution specification's fallback tag: all that such an index lists refers to the digest. */
  isFallback(entry: Descriptor): boolean {
    return namesOf(entry).some(name => this.#fallbackTags.has(name))
  }

  /** A name of cosign's, `sha256-<hex>.sig`, or the annotation `kind` that its `save` writes. */
  isCosigns(entry: Descriptor): boolean {
    const isNamed = (name: string): boolean =>
      cosignEnding.test(name) && this.#cosignNames.has(name.replace(cosignEnding, ''))
    if (namesOf(entry).some(isNamed)) return true
    return cosignKinds.has(kindOf(entry)) && this.#subjects.has(this.#signedBeside(entry) ?? '')
  }

  /** What `cosign save` wrote beside a signature: the image of the same name, where there are names, or the only one. */
  #signedBeside(entry: Descriptor): Digest | undefined {
    const tag = tagOf(entry)
    const signed = this.#manifests.filter(other => cosignSubjects.has(kindOf(other)))
    const own = tag === undefined ? signed : signed.filter(other => hasTag(other, tag))
    const [only, ...more] = new Set(own.map(({ digest }) => digest))
    return more.length > 0 ? undefined : only
  }
}

/**
 * The entries of index.json, as they stand, that refer to one of these digests: by a convention, or by their document's
 * `subject`. What can't be read isn't known to refer to anything.
 */
export async function referringEntries(
  layout: Layout,
  digests: ReadonlySet<string>,
  options: AbortOptions,
): Promise<Descriptor[]> {
  const { manifests } = (await readIndexJson(layout, options)).value
  const conventions = new Conventions(manifests, digests)
  const referring: Descriptor[] = []
  for (const entry of manifests) {
    const isReferrer =
      conventions.isFallback(entry) ||
      conventions.isCosigns(entry) ||
      digests.has((await subjectOf(layout, entry, options)) ?? '')
    if (isReferrer) referring.push(entry)
  }
  return referring
}

async function subjectOf(
  layout: Layout,
  entry: Descriptor,
  options: AbortOptions,
): Promise<string | undefined> {
  if (manifestKind(entry.mediaType) === undefined) return undefined
  try {
    const { subject } = (await readDocument(layout, entry, options)).value
    return isJsonObject(subject) && typeof subject.digest === 'string' ? subject.digest : undefined
  } catch (error) {
    if (isOciError(error) && !error.code.startsWith('STORAGE_')) return undefined
    throw error
  }
}

/** The name alone, and without the repository that mirrors write before it. */
function namesOf(entry: Descriptor): readonly string[] {
  const tag = tagOf(entry)
  return tag === undefined ? [] : [tag, tag.slice(tag.lastIndexOf(':') + 1)]
}

function kindOf({ annotations }: Descriptor): string {
  return (annotations && Object.hasOwn(annotations, 'kind') && annotations.kind) || ''
}

const cosignEnding = /\.(?:sig|att|sbom)$/
const cosignKinds: ReadonlySet<string> = new Set([
  'dev.cosignproject.cosign/sigs',
  'dev.cosignproject.cosign/atts',
  'dev.cosignproject.cosign/sboms',
])
const cosignSubjects: ReadonlySet<string> = new Set([
  'dev.cosignproject.cosign/image',
  'dev.cosignproject.cosign/imageIndex',
])
