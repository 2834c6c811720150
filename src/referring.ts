/** How an entry of index.json says that it refers to something, beside its document's own `subject`: by conventions. */

import { parseDigest } from './digest.ts'
import { isContentFault } from './errors.ts'
import { namesOf, tagOf } from './index-json.ts'
import { isJsonObject } from './json.ts'
import { type Layout, readDocument, readIndexJson } from './layout.ts'
import { manifestKind } from './media-types.ts'
import { inParallel } from './parallel.ts'
import type { Descriptor, Digest } from './spec.ts'
import type { AbortOptions } from './storage.ts'
import { readsAtOnce } from './walk.ts'

/** The tag that stands for a digest's referrers where a registry has no API for them; its shape is the specification's. */
export function fallbackTag(digest: string): string {
  const { algorithm, encoded } = parseDigest(digest)
  const plain = (text: string, max: number): string => text.slice(0, max).replace(/[^A-Za-z0-9_.-]/g, '-')
  return `${plain(algorithm, 32)}-${plain(encoded, 64)}`
}

/**
 * The conventions by which entries of one index.json refer to digests. Who refers to a digest is looked up, not searched:
 * there may be as many digests to ask for as there are entries.
 */
export class Conventions {
  readonly #byName: ReadonlyMap<string, readonly Descriptor[]>
  readonly #bySigned: ReadonlyMap<string, readonly Descriptor[]>

  constructor(manifests: readonly Descriptor[]) {
    this.#byName = grouped(manifests, namesWithin)
    this.#bySigned = savedBySigned(manifests)
  }

  /** The distribution specification's fallback tag: all that such an index lists refers to the digest. */
  fallbacksOf(digest: string): readonly Descriptor[] {
    return this.#byName.get(fallbackTag(digest)) ?? []
  }

  /** Names of cosign's, `sha256-<hex>.sig`, and the annotation `kind` that its `save` writes. */
  cosignsOf(digest: string): readonly Descriptor[] {
    const name = digest.replace(':', '-')
    const byName = cosignEndings.flatMap(ending => this.#byName.get(name + ending) ?? [])
    return [...byName, ...(this.#bySigned.get(digest) ?? [])]
  }
}

/** What `cosign save` wrote, by the image that it wrote beside it: that of the same name, or without a name the only one. */
function savedBySigned(manifests: readonly Descriptor[]): Map<string, Descriptor[]> {
  const signed = manifests.filter(entry => cosignSubjects.has(kindOf(entry)))
  const byName = grouped(signed, namesOf)
  const saved = manifests.filter(entry => cosignKinds.has(kindOf(entry)))
  const only = onlyDigest(signed)
  const onlyNamed = new Map([...byName].map(([name, entries]) => [name, onlyDigest(entries)]))
  return grouped(saved, entry => {
    const tag = tagOf(entry)
    return (tag === undefined ? only : onlyNamed.get(tag)) ?? []
  })
}

function onlyDigest(entries: readonly Descriptor[]): [Digest] | undefined {
  const [only, ...more] = new Set(entries.map(({ digest }) => digest))
  return only === undefined || more.length > 0 ? undefined : [only]
}

/** The entries of one index.json that refer to something, each document read once. */
export class ReferringEntries {
  readonly #places: ReadonlyMap<Descriptor, number>
  readonly #conventions: Conventions
  readonly #bySubject: ReadonlyMap<string, readonly Descriptor[]>

  private constructor(
    manifests: readonly Descriptor[],
    subjects: ReadonlyMap<string, readonly Descriptor[]>,
  ) {
    this.#places = new Map(manifests.map((entry, place) => [entry, place]))
    this.#conventions = new Conventions(manifests)
    this.#bySubject = subjects
  }

  /** Reads index.json and its entries. What of them can't be read isn't known to refer to anything. */
  static async read(layout: Layout, options: AbortOptions): Promise<ReferringEntries> {
    const { manifests } = (await readIndexJson(layout, options)).value
    const subjects = new Map<Descriptor, string>()
    const read = async (entry: Descriptor, signal: AbortSignal): Promise<void> => {
      const subject = await subjectOf(layout, entry, { signal })
      if (subject !== undefined) subjects.set(entry, subject)
    }
    await inParallel(manifests, read, { concurrency: readsAtOnce, signal: options.signal })
    const bySubject = grouped(manifests, entry => {
      const subject = subjects.get(entry)
      return subject === undefined ? [] : [subject]
    })
    return new ReferringEntries(manifests, bySubject)
  }

  /** Those that refer to one of these digests, as they stand, in document order. */
  to(digests: Iterable<string>): Descriptor[] {
    const found = new Set<Descriptor>()
    for (const digest of digests) {
      for (const entry of this.#conventions.fallbacksOf(digest)) found.add(entry)
      for (const entry of this.#conventions.cosignsOf(digest)) found.add(entry)
      for (const entry of this.#bySubject.get(digest) ?? []) found.add(entry)
    }
    const placeOf = (entry: Descriptor): number => this.#places.get(entry) ?? 0
    return [...found].sort((a, b) => placeOf(a) - placeOf(b))
  }
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
    if (isContentFault(error)) return undefined
    throw error
  }
}

function grouped(
  entries: readonly Descriptor[],
  keysOf: (entry: Descriptor) => readonly string[],
): Map<string, Descriptor[]> {
  const groups = new Map<string, Descriptor[]>()
  for (const entry of entries) {
    for (const key of new Set(keysOf(entry))) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [entry])
      else group.push(entry)
    }
  }
  return groups
}

/** The name alone, and without the repository that mirrors write before it. */
function namesWithin(entry: Descriptor): readonly string[] {
  const tag = tagOf(entry)
  return tag === undefined ? [] : [tag, tag.slice(tag.lastIndexOf(':') + 1)]
}

function kindOf({ annotations }: Descriptor): string {
  return (annotations && Object.hasOwn(annotations, 'kind') && annotations.kind) || ''
}

const cosignEndings = ['.sig', '.att', '.sbom']
const cosignKinds: ReadonlySet<string> = new Set([
  'dev.cosignproject.cosign/sigs',
  'dev.cosignproject.cosign/atts',
  'dev.cosignproject.cosign/sboms',
])
const cosignSubjects: ReadonlySet<string> = new Set([
  'dev.cosignproject.cosign/image',
  'dev.cosignproject.cosign/imageIndex',
])
