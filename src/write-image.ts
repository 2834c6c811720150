/** Publishing an image: its blobs first, then one exclusive edit of index.json that requires them all. */

import { BlobWriter, openBlob, writeBlob } from './blob.ts'
import { copyBlob } from './copy/blob.ts'
import { blobPath } from './digest.ts'
import { type Document, makeDocument, readBack, refuse } from './document.ts'
import { isContentFault } from './errors.ts'
import { type Draft, layersOf } from './image.ts'
import { editIndex, named, withEntry } from './index-json.ts'
import { type Layout, readConfig, readDocument } from './layout.ts'
import { isImageConfigType, layerType } from './media-types.ts'
import { platformOfConfig } from './platform.ts'
import { atSteadyPace, type Progress, type ProgressOptions } from './progress.ts'
import { ownPaths, publishAll } from './publish.ts'
import { checkTag } from './reference.ts'
import type { Image } from './resolve.ts'
import {
  type Annotations,
  type Descriptor,
  emptyDescriptor,
  type ImageIndex,
  type ImageManifest,
  type JsonObject,
  mediaTypes,
  type Platform,
} from './spec.ts'
import type { AbortOptions, BlobPath, StorageAdapter } from './storage.ts'
import { chunksOf } from './streams.ts'
import {
  ambiguitiesOf,
  type Problem,
  problemsOfConfig,
  problemsOfIndex,
  problemsOfManifest,
} from './validate.ts'
import { type Node, walk } from './walk.ts'

/** Options of `insertManifest`. */
export interface InsertOptions extends AbortOptions {
  /** The entry's name; every entry of that name goes. Without one the entry is appended. */
  readonly tag?: string | undefined
  /** That of the image's config unless given. */
  readonly platform?: Platform | undefined
  /** Annotations of the entry. */
  readonly annotations?: Annotations | undefined
}

/** Options of `writeImage`. */
export interface WriteImageOptions extends ProgressOptions {
  readonly tag?: string | undefined
  /** `new` leaves the base's layers where they are; `all`, the default, fetches those that this layout lacks. */
  readonly layers?: 'all' | 'new' | undefined
}

type Writable = Layout<StorageAdapter>
type Change = (index: ImageIndex, entry: Descriptor) => ImageIndex

/** Writes a draft's config and manifest and lists it in index.json, as one. */
export async function writeImage(
  layout: Writable,
  image: Draft,
  options: WriteImageOptions = {},
): Promise<Image> {
  const { tag, layers = 'all', signal } = options
  const config = await makeDocument(image.config, mediaTypes.config, layout.engine.native)
  checkDocument(config, layout)
  const value = { ...image.manifest, config: configDescriptor(image.manifest.config, config.descriptor) }
  layersOf({ manifest: { ...config, value }, config })
  const platform = platformOfConfig(image.config)
  const ofBase = new Set<string>(image.base?.manifest.value.layers.map(layer => layer.digest))
  const manifest = await publish(layout, value, {
    documents: [config],
    required: layers === 'new' ? value.layers.filter(layer => !ofBase.has(layer.digest)) : value.layers,
    ...(layers === 'all' && {
      fetched: ofBase,
      fetch: () => atSteadyPace(options, paced => fetchBaseLayers(layout, image, paced)),
    }),
    signal,
    change: (index, entry) => withEntry(index, { ...entry, ...(platform && { platform }) }, tag),
    tag,
  })
  const entry = { ...entryOf(manifest), ...(platform && { platform }) }
  const descriptor = tag === undefined ? entry : named(entry, tag)
  return { layout, descriptor, manifest, config, index: undefined, tag }
}

/** Writes a manifest and appends an entry for it to index.json. */
export async function insertManifest(
  layout: Writable,
  manifest: ImageManifest,
  options: InsertOptions = {},
): Promise<Descriptor> {
  const { tag, signal } = options
  const described = await describing(layout, manifest, options)
  const written = await publish(layout, manifest, {
    documents: await emptyConfigOf(manifest, layout),
    required: [manifest.config, ...manifest.layers],
    signal,
    change: (index, entry) => withEntry(index, described(entry), tag),
    tag,
  })
  const entry = described(entryOf(written))
  return tag === undefined ? entry : named(entry, tag)
}

/** Writes a manifest and makes it the only entry of index.json; nothing of the old index is kept. */
export async function replaceWithSingleManifest(
  layout: Writable,
  manifest: ImageManifest,
  options: Omit<InsertOptions, 'tag'> = {},
): Promise<Descriptor> {
  const described = await describing(layout, manifest, options)
  const written = await publish(layout, manifest, {
    documents: await emptyConfigOf(manifest, layout),
    required: [manifest.config, ...manifest.layers],
    signal: options.signal,
    change: (_, entry) => ({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [described(entry)],
    }),
    tag: undefined,
  })
  return described(entryOf(written))
}

/** Gives what is in the layout further names; nothing of what is here now may be gone when they stand there. */
export async function tagEntry(
  layout: Writable,
  descriptor: Descriptor,
  tags: readonly string[],
): Promise<void> {
  const requires = await presentBelow(layout, descriptor)
  await editIndex(layout, index => tags.reduce((edited, tag) => withEntry(edited, descriptor, tag), index), {
    requires,
  })
}

/** Writes any value as a JSON blob, in canonical JSON. Throws `DOCUMENT_INVALID`, `LIMIT_EXCEEDED` before writing. */
export async function writeDocument<Value extends object>(
  layout: Writable,
  value: Value,
  options: AbortOptions & { readonly mediaType: string },
): Promise<Document<Value>> {
  const document = await makeDocument(value, options.mediaType, layout.engine.native)
  checkDocument(document, layout)
  await store(layout, document, options)
  return document
}

/** A manifest on its way, and what it needs. */
interface Writing extends AbortOptions {
  /** Documents that the manifest needs, not yet stored. */
  readonly documents: readonly Document<object>[]
  /** Blobs that the manifest needs, stored before. */
  readonly required: readonly Descriptor[]
  readonly change: Change
  readonly tag: string | undefined
  /** Brings blobs that may lie elsewhere; called again when one of `fetched` was taken away. */
  readonly fetch?: () => Promise<void>
  readonly fetched?: ReadonlySet<string>
}

async function publish(
  layout: Writable,
  value: ImageManifest,
  { documents, required, change, tag, signal, fetch, fetched }: Writing,
): Promise<Document<ImageManifest>> {
  if (tag !== undefined) checkTag(tag)
  const manifest = await makeDocument(value, value.mediaType || mediaTypes.manifest, layout.engine.native)
  checkDocument(manifest, layout)
  const own = [...documents, manifest]
  // Foreign layers needn't be here at all.
  const blobs = required.filter(({ mediaType }) => !layerType(mediaType)?.foreign)
  const requires = [
    ...(await ownPaths(layout, blobs, { signal })),
    ...own.map(document => blobPath(document.descriptor.digest)),
  ]
  await publishAll({
    brings: new Set<string>([...(fetched ?? []), ...own.map(document => document.descriptor.digest)]),
    async bring() {
      await fetch?.()
      for (const document of own) await store(layout, document, { signal })
    },
    name: () => editIndex(layout, index => change(index, entryOf(manifest)), { requires, signal }),
  })
  return manifest
}

async function store(layout: Writable, document: Document<object>, options: AbortOptions): Promise<void> {
  const { bytes, descriptor } = document
  const present = await layout.storage.open(blobPath(descriptor.digest), options)
  if (present?.size === descriptor.size) return
  const { mediaType } = descriptor
  const writer = await BlobWriter.create(layout.storage, layout.engine, {
    ...options,
    mediaType,
    expected: descriptor,
  })
  await writeBlob(writer, chunksOf(bytes, options))
}

/**
 * The entry of a manifest: with its artifactType, for which the config's type stands in (D8, M9), and, for a referrer,
 * its annotations, as the crate has them.
 */
function entryOf({ descriptor, value }: Document<ImageManifest>): Descriptor {
  const { config, subject, annotations } = value
  const saysNothing = isImageConfigType(config.mediaType) || config.mediaType === mediaTypes.empty
  const artifactType = value.artifactType || (saysNothing ? undefined : config.mediaType)
  return {
    ...descriptor,
    ...(artifactType && { artifactType }),
    ...(subject && annotations && { annotations }),
  }
}

/** The blob of an entry, and those that it reaches here: a sparse image may be tagged, a vanishing one may not. */
async function presentBelow(layout: Writable, { mediaType, digest, size }: Descriptor): Promise<BlobPath[]> {
  await openBlob(layout.places, { digest, size })
  const paths = new Set<BlobPath>()
  const { limits } = layout.engine
  const read = async (node: Node): Promise<JsonObject | undefined> => {
    const value = await readUnlessFaulty(layout, node.descriptor)
    // What is broken may have further names, and fsck says what is wrong with it; what is ambiguous may not.
    if (value !== undefined) refuse(ambiguitiesOf(value, node.descriptor.mediaType), node.descriptor.digest)
    return value
  }
  for await (const { descriptor, role } of walk(
    { manifests: [{ mediaType, digest, size }] },
    { limits, read },
  )) {
    if (role !== 'subject' && (await layout.storage.open(blobPath(descriptor.digest)))) {
      paths.add(blobPath(descriptor.digest))
    }
  }
  return [...paths]
}

async function readUnlessFaulty(layout: Layout, descriptor: Descriptor): Promise<JsonObject | undefined> {
  try {
    return (await readDocument(layout, descriptor)).value
  } catch (error) {
    if (isContentFault(error)) return undefined
    throw error
  }
}

async function fetchBaseLayers(layout: Writable, { base }: Draft, options: WriteImageOptions): Promise<void> {
  if (base === undefined) return
  const layers = base.manifest.value.layers.filter(layer => !layerType(layer.mediaType)?.foreign)
  const total = layers.reduce((sum, layer) => sum + layer.size, 0)
  let before = 0
  for (const layer of layers) {
    const onProgress = ({ bytes }: Progress): void => options.onProgress?.({ bytes: before + bytes, total })
    await copyBlob({ from: base.layout, to: layout }, layer, { signal: options.signal, onProgress })
    before += layer.size
  }
}

function checkDocument(document: Document<object>, layout: Writable): void {
  const { mediaType } = document.descriptor
  refuse(problemsOf(mediaType, readBack(document, layout.engine.limits)), mediaType)
}

function problemsOf(mediaType: string, fields: JsonObject): Problem[] {
  switch (mediaType) {
    case mediaTypes.manifest:
    case mediaTypes.dockerManifest:
      return [...problemsOfManifest(fields), ...ambiguitiesOf(fields, mediaType)]
    case mediaTypes.index:
    case mediaTypes.dockerManifestList:
      return [...problemsOfIndex(fields), ...ambiguitiesOf(fields, mediaType)]
    case mediaTypes.config:
    case mediaTypes.dockerConfig:
      return problemsOfConfig(fields)
    default:
      return []
  }
}

/** The new config's descriptor, with what else the old one said (annotations, unknown fields) but its `data`. */
function configDescriptor(old: Descriptor, next: Descriptor): Descriptor {
  const { data: _data, urls: _urls, ...kept } = old
  return { ...kept, ...next }
}

async function emptyConfigOf(manifest: ImageManifest, layout: Writable): Promise<Document<object>[]> {
  if (manifest.config.digest !== emptyDescriptor.digest) return []
  return [await makeDocument({}, mediaTypes.empty, layout.engine.native)]
}

/** What an entry says beside its manifest: the annotations given, and the platform given or else its config's (C10). */
async function describing(
  layout: Writable,
  { config }: ImageManifest,
  { annotations, signal, platform: given }: InsertOptions,
): Promise<(entry: Descriptor) => Descriptor> {
  const isJudged = given === undefined && isImageConfigType(config.mediaType)
  const platform = isJudged ? platformOfConfig((await readConfig(layout, config, { signal })).value) : given
  return entry => ({ ...entry, ...(annotations && { annotations }), ...(platform && { platform }) })
}
