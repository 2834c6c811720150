/** What is read of a layout: the marker, index.json and the documents below it, each bounded and verified. */

import { type BlobPlaces, openBlob, readPart, readWhole } from './blob.ts'
import { digestOf } from './digest.ts'
import {
  type Document,
  type ParseOptions,
  parseBounded,
  parseConfig,
  parseIndex,
  parseManifest,
  refuse,
  sizeLimitOf,
} from './document.ts'
import type { Engine } from './engine.ts'
import { isOciError, OciError } from './errors.ts'
import { kindOf, parseJsonObject } from './json.ts'
import { type ForeignKind, foreignKind } from './layout-names.ts'
import { checkLimit } from './limits.ts'
import { type Descriptor, type ImageConfig, type ImageIndex, type ImageManifest, mediaTypes } from './spec.ts'
import type { AbortOptions, DocumentPath, ReadableStorage } from './storage.ts'
import { ambiguitiesOf } from './validate.ts'

/** A layout's storage, the places where its blobs are looked for, and what it works with. */
export interface Layout<S extends ReadableStorage = ReadableStorage> {
  readonly storage: S
  readonly places: BlobPlaces
  readonly engine: Engine
}

/** The only version of the layout that there is (L7). */
export const layoutVersion = '1.0.0'

/**
 * Throws unless the storage holds a layout of version 1.0.0: `LAYOUT_MISSING`, or `STORAGE_LOST` where there was one,
 * `LAYOUT_INVALID` (L1).
 */
export async function checkMarker(layout: Layout, options: AbortOptions = {}): Promise<void> {
  const storage = layout.storage.name
  const bytes = await readRootFile(layout, 'oci-layout', options)
  if (bytes === undefined) {
    const loss = lossOf(layout.storage)
    if (loss !== undefined) throw loss
    const kind = await foreignKindIn(layout.storage, options)
    throw new OciError('LAYOUT_MISSING', { storage, ...(kind && { kind }) })
  }
  const marker = parseMarker(bytes, storage)
  if (marker.imageLayoutVersion !== layoutVersion) {
    const found = `imageLayoutVersion ${kindOf(marker.imageLayoutVersion)}`
    throw new OciError('LAYOUT_INVALID', { storage, expected: `imageLayoutVersion ${layoutVersion}`, found })
  }
}

/** That the medium lost what the storage held, if it did (P19). */
export function lossOf({ name, lostSince }: ReadableStorage): OciError | undefined {
  return lostSince === undefined
    ? undefined
    : new OciError('STORAGE_LOST', { storage: name, since: lostSince })
}

/** What a place that isn't a layout may be instead, by the first of its names. */
async function foreignKindIn(
  storage: ReadableStorage,
  options: AbortOptions,
): Promise<ForeignKind | undefined> {
  const paths: string[] = []
  try {
    for await (const { path } of storage.list?.(options) ?? []) {
      paths.push(path)
      if (paths.length === mostNames) break
    }
  } catch (error) {
    // A place that can't be listed says nothing of itself.
    if (!isOciError(error)) throw error
  }
  return foreignKind(paths)
}

/** Enough for an image; whoever opens a home folder needn't wait. */
const mostNames = 1000

/** Reads index.json. Throws `INDEX_MISSING`, `DOCUMENT_INVALID`, `LIMIT_EXCEEDED`. */
export async function readIndexJson(
  layout: Layout,
  options: AbortOptions = {},
): Promise<Document<ImageIndex>> {
  const bytes = await readRootFile(layout, 'index.json', options)
  if (bytes === undefined) throw new OciError('INDEX_MISSING', { storage: layout.storage.name })
  const value = parseIndex(bytes, indexJsonOptions(layout.engine))
  const digest = await digestOf(bytes, { native: layout.engine.native })
  return { descriptor: { mediaType: mediaTypes.index, digest, size: bytes.length }, bytes, value }
}

/** index.json may be replaced between open and read: then the new one is read. */
const attempts = 5

/** One of the two documents at the root, bounded but not judged; `undefined` when it isn't there. */
export async function readRootFile(
  { storage, engine }: Layout,
  path: DocumentPath,
  options: AbortOptions = {},
): Promise<Uint8Array | undefined> {
  const limit = path === 'index.json' ? 'maxIndexSize' : 'maxMarkerSize'
  for (let attempt = 1; ; attempt++) {
    const file = await storage.open(path, options)
    if (file === undefined) return undefined
    checkLimit(engine.limits, limit, { found: file.size, where: path })
    try {
      return await readPart(file, { storage: storage.name, path }, options)
    } catch (error) {
      if (attempt === attempts || !isOciError(error, 'STORAGE_CHANGED')) throw error
    }
  }
}

/** The bounds of index.json, which are wider than those of a nested index. */
export function indexJsonOptions({ limits }: Engine): ParseOptions {
  return { where: 'index.json', limits, entries: 'maxIndexEntries' }
}

/** Reads any JSON document of a layout: bounded and verified, but not judged by its kind. */
export async function readDocument(
  layout: Layout,
  descriptor: Descriptor,
  options: AbortOptions = {},
): Promise<Document> {
  const { bytes, parse } = await readBytes(layout, descriptor, options)
  return { descriptor, bytes, value: parseBounded(bytes, parse) }
}

/** Reads an image manifest; its own `mediaType` must be its descriptor's. */
export async function readManifest(
  layout: Layout,
  descriptor: Descriptor,
  options: AbortOptions = {},
): Promise<Document<ImageManifest>> {
  const { bytes, parse } = await readBytes(layout, descriptor, options)
  const value = parseManifest(bytes, parse)
  refuse(ambiguitiesOf(value, descriptor.mediaType), descriptor.digest)
  return { descriptor, bytes, value }
}

/** Reads a nested image index; its own `mediaType` must be its descriptor's. */
export async function readIndex(
  layout: Layout,
  descriptor: Descriptor,
  options: AbortOptions = {},
): Promise<Document<ImageIndex>> {
  const { bytes, parse } = await readBytes(layout, descriptor, options)
  const value = parseIndex(bytes, parse)
  refuse(ambiguitiesOf(value, descriptor.mediaType), descriptor.digest)
  return { descriptor, bytes, value }
}

/** Reads an image config. */
export async function readConfig(
  layout: Layout,
  descriptor: Descriptor,
  options: AbortOptions = {},
): Promise<Document<ImageConfig>> {
  const { bytes, parse } = await readBytes(layout, descriptor, options)
  return { descriptor, bytes, value: parseConfig(bytes, parse) }
}

async function readBytes(
  layout: Layout,
  descriptor: Descriptor,
  options: AbortOptions,
): Promise<{ bytes: Uint8Array; parse: ParseOptions }> {
  const { engine, places } = layout
  const limit = sizeLimitOf(descriptor.mediaType)
  const file = await openBlob(places, descriptor, options)
  const bytes = await readWhole(file, descriptor, { ...options, engine, limit, storage: layout.storage.name })
  return { bytes, parse: { where: descriptor.digest, limits: engine.limits } }
}

function parseMarker(bytes: Uint8Array, storage: string): { readonly imageLayoutVersion?: unknown } {
  try {
    return parseJsonObject(bytes, { where: 'oci-layout' })
  } catch (cause) {
    if (!isOciError(cause)) throw cause
    const found = cause.message
    throw new OciError('LAYOUT_INVALID', { storage, expected: 'a JSON object', found }, { cause })
  }
}
