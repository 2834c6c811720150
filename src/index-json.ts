/** Edits of index.json: tags in and out, every other field as it was. */

import { canonicalBytes } from './canonical-json.ts'
import { emptyIndexBytes, parseIndex } from './document.ts'
import { OciError } from './errors.ts'
import { indexJsonOptions, type Layout } from './layout.ts'
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
  return (
    annotation(entry, annotationKeys.refName) === tag ||
    annotation(entry, annotationKeys.containerdName) === tag
  )
}

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
 * One exclusive edit of index.json; a layout without one gets it. `edit` may run more than once.
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
      const index = edit(parseIndex(now ?? emptyIndexBytes(), bounds))
      return readableBytes(index, layout)
    },
    options,
  )
}

/** Whatever is written must be what a reader takes: no caller's value may lock everybody out of the layout. */
function readableBytes(index: ImageIndex, { engine }: Layout): Uint8Array {
  const bytes = canonicalBytes(index)
  const max = engine.limits.maxIndexSize
  const found = bytes.length
  if (found > max)
    throw new OciError('LIMIT_EXCEEDED', { limit: 'document size', max, found, where: 'index.json' })
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

/** Keeps the repository and changes the tag, unless the new name is a full one itself. */
function renamed(fullName: string, tag: string): string {
  if (/[/:@]/.test(tag)) return tag
  const [name = ''] = fullName.split('@', 1)
  const colon = name.lastIndexOf(':')
  return `${colon > name.lastIndexOf('/') ? name.slice(0, colon) : name}:${tag}`
}
