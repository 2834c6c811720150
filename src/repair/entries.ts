/** One entry of index.json: the blob that its digest names knows better what its size and type are. */

import { findBlob } from '../blob.ts'
import { blobPath, isContent, isDigest, isVerifiable, verifiableAlgorithm } from '../digest.ts'
import { embeddedBytes, type ParseOptions, parseBounded } from '../document.ts'
import { isContentFault } from '../errors.ts'
import { isJsonObject } from '../json.ts'
import type { Digest, JsonObject, JsonValue } from '../spec.ts'
import { isMediaType, problemsOfDescriptor } from '../validate.ts'
import { isDescriptor } from '../walk.ts'
import { bytesOfBlob, digestsOf } from './keep.ts'
import { typeOfDocument } from './lying.ts'
import { unlessFaulty, type Work } from './work.ts'

/** A blob that is what its digest says. */
interface Known {
  readonly size: number
  /** The type of a manifest or index by its own word. */
  readonly own?: string | undefined
  /** The same by what is in it, where it doesn't say. */
  readonly shape?: string | undefined
}

/** What is known of blobs: of one that a thousand entries name it is found out once. */
export type KnownBlobs = Map<Digest, Known | undefined>

/**
 * An entry as it should be, without the fields that can't be; `undefined` for one without a digest, or of whose blob
 * nothing is known that would make an entry of it.
 */
export async function mendEntry(
  work: Work,
  item: JsonValue,
  blobs: KnownBlobs,
): Promise<JsonObject | undefined> {
  if (!isJsonObject(item)) return undefined
  const lower = typeof item.digest === 'string' ? item.digest.toLowerCase() : undefined
  const digest = isDigest(item.digest) ? item.digest : lower
  if (!isDigest(digest)) return undefined
  if (!blobs.has(digest)) blobs.set(digest, await unlessFaulty(knownOf(work, digest)))
  const known = blobs.get(digest)
  // In small letters it is another text: only a blob that is there tells that it was meant.
  if (known === undefined && digest !== item.digest) return undefined
  const entry: Record<string, JsonValue | undefined> = { ...item, digest }
  if (known !== undefined) {
    entry.size = known.size
    const { own = isMediaType(item.mediaType) ? undefined : known.shape } = known
    if (own !== undefined) entry.mediaType = own
    const { data } = item
    if (typeof data === 'string' && !(await isContent(embeddedBytes(data), digest))) entry.data = undefined
  }
  for (const { at } of problemsOfDescriptor(stripped(entry), '')) {
    const field = at.split('/')[1] ?? ''
    entry[field] = field === 'annotations' ? textsOf(entry[field]) : undefined
  }
  const mended = stripped(entry)
  return isDescriptor(mended) ? mended : undefined
}

/** The members of a map that are texts: a name among them is worth keeping. */
export function textsOf(value: JsonValue | undefined): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined
  return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === 'string'))
}

/** Without the members that are `undefined`. */
export function stripped(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined))
}

/** `undefined` unless the blob is there and hashes to its name. */
async function knownOf(work: Work, digest: Digest): Promise<Known | undefined> {
  const { places, engine } = work.layout
  if (!isVerifiable(digest)) return undefined
  const file = await findBlob(places, digest, work)
  if (file === undefined) return undefined
  const path = blobPath(digest)
  const found = await digestsOf(work, file, path)
  if (found[verifiableAlgorithm(digest)] !== digest) return undefined
  const { size } = file
  if (size > engine.limits.maxManifestSize) return { size }
  const bytes = await bytesOfBlob(work, { file, path })
  return { size, ...typesOf(bytes, { where: digest, limits: engine.limits }) }
}

function typesOf(bytes: Uint8Array, options: ParseOptions): Pick<Known, 'own' | 'shape'> {
  try {
    const value = parseBounded(bytes, options)
    const type = typeOfDocument(value)
    return type === value.mediaType ? { own: type } : { shape: type }
  } catch (error) {
    if (isContentFault(error)) return {}
    throw error
  }
}
