/** Edits of index.json: tags in and out, every other field as it was. */

import { canonicalBytes, canonicalJson } from './canonical-json.ts'
import { emptyIndexBytes, parseIndex } from './document.ts'
import { OciError } from './errors.ts'
import { indexJsonOptions, type Layout } from './layout.ts'
import { checkLimit } from './limits.ts'
import { annotationKeys, type Descriptor, type ImageIndex } from './spec.ts'
import type { StorageAdapter, UpdateOptions } from './storage.ts'

/** A named entry of index.json. */
export interface Tag {
  readonly tag: string
  readonly descriptor: Descriptor
}

/** The entry's name: its ref.name, or the full name that Docker and containerd write (A4). */
export function tagOf(entry: Descriptor): string | undefined {
  return annotation(entry, annotationKeys.refName) ?? annotation(entry, annotationKeys.containerdName)
}

/** Tells whether the entry goes by this name, short or full. */
export function hasTag(entry: Descriptor, tag: string): boolean {
  return namesOf(entry).includes(tag)
}

/** Its names, short and full. */
export function namesOf(entry: Descriptor): string[] {
  return nameKeys.map(key => annotation(entry, key)).filter(name => name !== undefined)
}

const nameKeys = [annotationKeys.refName, annotationKeys.containerdName]

/** Every named entry, in document order; entries without a name are left out. */
export function tagsOf(index: ImageIndex): Tag[] {
  return index.manifests.flatMap(descriptor => {
    const tag = tagOf(descriptor)
    return tag === undefined ? [] : [{ tag, descriptor }]
  })
}

/** Appends an entry; with a tag, every entry of that name goes first, whatever its platform. */
export function withEntry(index: ImageIndex, entry: Descriptor, tag?: string): ImageIndex {
  if (tag === undefined) return { ...index, manifests: [...index.manifests, entry] }
  const others = index.manifests.filter(other => !hasTag(other, tag))
  return { ...index, manifests: [...others, named(entry, tag)] }
}

/**
 * Adds entries as they stand. The name of each drops every entry that had it, but for those that are added with it;
 * what stands there already isn't added again, and then the very index that was given comes back.
 */
export function withEntries(index: ImageIndex, entries: readonly Descriptor[]): ImageIndex {
  const digests = new Set<string>(entries.map(({ digest }) => digest))
  const added = new Map(entries.map(entry => [canonicalJson(entry), entry]))
  // An entry of another digest is another one: what it looks like isn't needed.
  const listed = index.manifests.map(
    (entry): Formed => [digests.has(entry.digest) ? canonicalJson(entry) : '', entry],
  )
  const present = formsByName(listed, namesOf)
  const moved = new Set<string>()
  for (const [name, forms] of formsByName(added, entry => [tagOf(entry)])) {
    if (present.get(name)?.join('\n') !== forms.join('\n')) moved.add(name)
  }
  const kept = listed.filter(([, entry]) => !namesOf(entry).some(name => moved.has(name)))
  for (const [form] of kept) added.delete(form)
  if (added.size === 0) return index
  return { ...index, manifests: [...kept.map(([, entry]) => entry), ...added.values()] }
}

/** An entry's one form, and the entry. */
type Formed = readonly [form: string, entry: Descriptor]

function formsByName(
  entries: Iterable<Formed>,
  namesOf: (entry: Descriptor) => Iterable<string | undefined>,
): Map<string, string[]> {
  const byName = new Map<string, string[]>()
  for (const [form, entry] of entries) {
    for (const name of new Set(namesOf(entry))) {
      const forms = name === undefined ? undefined : byName.get(name)
      if (forms !== undefined) forms.push(form)
      else if (name !== undefined) byName.set(name, [form])
    }
  }
  return byName
}

/** Removes every entry of these names. Throws `TAG_NOT_FOUND` for the first that isn't there. */
export function withoutTags(index: ImageIndex, tags: readonly string[]): ImageIndex {
  for (const tag of tags) findTag(index, tag)
  return { ...index, manifests: index.manifests.filter(entry => !tags.some(tag => hasTag(entry, tag))) }
}

/** The entries of a name, in document order. Throws `TAG_NOT_FOUND` with at most 10 of the names there are. */
export function findTag(index: ImageIndex, tag: string): Descriptor[] {
  const entries = index.manifests.filter(entry => hasTag(entry, tag))
  if (entries.length > 0) return entries
  const available = [...new Set(tagsOf(index).map(found => found.tag))].slice(0, 10)
  throw new OciError('TAG_NOT_FOUND', { tag, available })
}

/**
 * One exclusive edit of index.json; a layout without one gets it. `edit` may run more than once; the very index that it
 * was given is no change.
 *
 * Throws `BLOB_MISSING` when a blob of `requires` isn't there, and `LIMIT_EXCEEDED` or `DOCUMENT_INVALID` before it
 * writes what a reader would refuse.
 */
export async function editIndex(
  layout: Layout<StorageAdapter>,
  edit: (index: ImageIndex) => ImageIndex,
  options: UpdateOptions = {},
): Promise<void> {
  const bounds = indexJsonOptions(layout.engine)
  await layout.storage.update(
    'index.json',
    now => {
      const index = parseIndex(now ?? emptyIndexBytes(), bounds)
      const next = edit(index)
      // Nothing changed: the bytes stay in the form that they have.
      return next === index && now !== undefined ? undefined : readableBytes(next, layout)
    },
    options,
  )
}

/** Whatever is written must be what a reader takes: no caller's value may lock everybody out of the layout. */
function readableBytes(index: ImageIndex, { engine }: Layout): Uint8Array {
  const bytes = canonicalBytes(index)
  checkLimit(engine.limits, 'maxIndexSize', { found: bytes.length, where: 'index.json' })
  parseIndex(bytes, indexJsonOptions(engine))
  return bytes
}

function annotation(entry: Descriptor, key: string): string | undefined {
  const { annotations } = entry
  return annotations && Object.hasOwn(annotations, key) ? annotations[key] : undefined
}

/** An entry as it stands in index.json under a name. */
export function named(entry: Descriptor, tag: string): Descriptor {
  const fullName = annotation(entry, annotationKeys.containerdName)
  return {
    ...entry,
    annotations: {
      ...entry.annotations,
      [annotationKeys.refName]: tag,
      ...(fullName !== undefined && { [annotationKeys.containerdName]: renamed(fullName, tag) }),
    },
  }
}

/** An entry without a name: only those of index.json are names (A4), so what a nested index says is none. */
export function unnamed(entry: Descriptor): Descriptor {
  if (namesOf(entry).length === 0) return entry
  const names = new Set<string>(nameKeys)
  const kept = Object.entries(entry.annotations ?? {}).filter(([key]) => !names.has(key))
  return { ...entry, annotations: Object.fromEntries(kept) }
}

/** Keeps the repository and changes the tag, unless the new name is a full one itself. */
function renamed(fullName: string, tag: string): string {
  if (/[/:@]/.test(tag)) return tag
  const [name = ''] = fullName.split('@', 1)
  const colon = name.lastIndexOf(':')
  return `${colon > name.lastIndexOf('/') ? name.slice(0, colon) : name}:${tag}`
}
