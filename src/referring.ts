/** The entries of index.json that refer to something: what a copy takes along with it. */

import { isOciError } from './errors.ts'
import { tagOf } from './index-json.ts'
import { isJsonObject } from './json.ts'
import { type Layout, readDocument, readIndexJson } from './layout.ts'
import { manifestKind } from './media-types.ts'
import type { Descriptor } from './spec.ts'
import type { AbortOptions } from './storage.ts'

/**
 * Entries, as they stand, that refer to one of these digests: by their document's `subject`, or by a name made of the
 * digest, `sha256-<hex>`, with or without an ending (the distribution-spec's fallback tag, cosign's `.sig`, `.att`).
 */
export async function referringEntries(
  layout: Layout,
  digests: ReadonlySet<string>,
  options: AbortOptions,
): Promise<Descriptor[]> {
  const { manifests } = (await readIndexJson(layout, options)).value
  const names = new Set([...digests].map(digest => digest.replace(':', '-')))
  const referring: Descriptor[] = []
  for (const entry of manifests) {
    const name = tagOf(entry)
    if (name !== undefined && names.has(name.replace(/\.[a-z]+$/, ''))) referring.push(entry)
    else if (digests.has((await subjectOf(layout, entry, options)) ?? '')) referring.push(entry)
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
    // What can't be read isn't known to refer to anything.
    if (isOciError(error)) return undefined
    throw error
  }
}
