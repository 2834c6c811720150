/** Manifests and indexes that lie in blobs/, for an index.json that is gone: they know more of it than anything else. */

import { blobPath, digestOf, isDigest, isVerifiable, verifiableAlgorithm } from '../digest.ts'
import { type ParseOptions, parseBounded } from '../document.ts'
import { manifestKind } from '../media-types.ts'
import { type Descriptor, type Digest, type JsonObject, mediaTypes } from '../spec.ts'
import { problemsOfIndex, problemsOfManifest } from '../validate.ts'
import { childrenOf } from '../walk.ts'
import { bytesOfBlob } from './keep.ts'
import { unlessFaulty, type Work } from './work.ts'

/** A document in blobs/, and the documents that it lists. */
export interface Lying {
  readonly descriptor: Descriptor
  readonly lists: readonly string[]
}

/**
 * Every manifest and index among the blobs, by digest. One whose bytes aren't those of its name is among them where its
 * text still looks like one: listed, it can be mended, and until then keeps its layers from gc.
 */
export async function lyingDocuments(work: Work): Promise<ReadonlyMap<string, Lying>> {
  const { storage } = work.layout
  const found: Lying[] = []
  for await (const { path, kind } of storage.list(work)) {
    const [folder, algorithm, encoded, ...more] = path.split('/')
    const digest = `${algorithm}:${encoded}`
    if (folder !== 'blobs' || more.length > 0 || !isDigest(digest) || !isVerifiable(digest)) continue
    const lying = kind === 'file' || kind === 'link' ? await lyingAt(work, digest) : undefined
    if (lying !== undefined) found.push(lying)
  }
  found.sort((a, b) => (a.descriptor.digest < b.descriptor.digest ? -1 : 1))
  return new Map(found.map(lying => [lying.descriptor.digest, lying]))
}

/** Those that none of the others lists, nor one of these digests reaches. */
export function rootsOf(lying: ReadonlyMap<string, Lying>, listed: Iterable<string>): Descriptor[] {
  const below = new Set<string>()
  for (const { lists } of lying.values()) for (const digest of lists) below.add(digest)
  // A set's iterator also gives what is added on the way.
  const reached = new Set(listed)
  for (const digest of reached) for (const child of lying.get(digest)?.lists ?? []) reached.add(child)
  return [...lying.values()]
    .map(({ descriptor }) => descriptor)
    .filter(({ digest }) => !below.has(digest) && !reached.has(digest))
}

/** The type of a document that is what its name says: its own word, or else its shape. */
export function typeOfDocument(value: JsonObject): string | undefined {
  const { mediaType } = value
  const type = typeof mediaType === 'string' && mediaType !== '' ? mediaType : typeByShape(value)
  const kind = type && manifestKind(type)
  if (kind === undefined) return undefined
  const problems = kind === 'index' ? problemsOfIndex(value) : problemsOfManifest(value)
  return problems.length === 0 ? type : undefined
}

async function lyingAt(work: Work, digest: Digest): Promise<Lying | undefined> {
  const { storage, engine } = work.layout
  const { limits, native } = engine
  const path = blobPath(digest)
  const file = await unlessFaulty(storage.open(path, work))
  if (file === undefined || file.size === 0 || file.size > limits.maxManifestSize) return undefined
  const bytes = await bytesOfBlob(work, { file, path })
  if (bytes[0] !== openingBrace) return undefined
  const isWhole = (await digestOf(bytes, { algorithm: verifiableAlgorithm(digest), native })) === digest
  const value = await unlessFaulty(parsed(bytes, { where: digest, limits }))
  const type = isWhole ? value && typeOfDocument(value) : typeByText(bytes)
  if (type === undefined) return undefined
  const children = isWhole && value !== undefined ? childrenOf(value) : []
  const documents = children.filter(({ role }) => role === 'entry')
  return {
    descriptor: { mediaType: type, digest, size: file.size },
    lists: documents.map(child => child.descriptor.digest),
  }
}

async function parsed(bytes: Uint8Array, options: ParseOptions): Promise<JsonObject> {
  return parseBounded(bytes, options)
}

function typeByShape(value: JsonObject): string | undefined {
  if (Array.isArray(value.manifests)) return mediaTypes.index
  return Array.isArray(value.layers) ? mediaTypes.manifest : undefined
}

/** A config has a `"layers"` too, but as a value. */
function typeByText(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder('latin1').decode(bytes)
  if (/"manifests"\s*:/.test(text)) return mediaTypes.index
  return /"layers"\s*:|image\.manifest\.v1|distribution\.manifest\.v2/.test(text)
    ? mediaTypes.manifest
    : undefined
}

const openingBrace = 0x7b
