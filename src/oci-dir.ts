/** A layout, opened: a thin class over the rooms below. */

import { type Artifact, insertArtifactManifest } from './artifact.ts'
import {
  type BlobOptions,
  BlobWriter,
  findBlob,
  openBlob,
  readVerified,
  streamPart,
  writeBlob,
} from './blob.ts'
import { canonicalBytes } from './canonical-json.ts'
import { blobPath, isVerifiable } from './digest.ts'
import { type Document, emptyIndexBytes } from './document.ts'
import { type Engine, engineFor } from './engine.ts'
import { OciError } from './errors.ts'
import type { Draft } from './image.ts'
import { editIndex, type Tag, tagsOf, withoutTags } from './index-json.ts'
import {
  type Layer,
  type LayerOptions,
  type LayerSource,
  LayerWriter,
  type ReadLayerOptions,
  readLayer,
  writeLayer,
} from './layer.ts'
import { checkMarker, type Layout, layoutVersion, readDocument, readIndexJson } from './layout.ts'
import { atSteadyPace } from './progress.ts'
import { checkTag, type Ref } from './reference.ts'
import { type Image, images, openImage, type ResolveOptions, resolveEntry } from './resolve.ts'
import type { Descriptor, ImageIndex, ImageManifest, LayoutMarker } from './spec.ts'
import type { AbortOptions, RangeOptions, ReadableStorage, StorageAdapter } from './storage.ts'
import { abandon, type ByteSource, lentChunksOf } from './streams.ts'
import {
  type InsertOptions,
  insertManifest,
  replaceWithSingleManifest,
  tagEntry,
  type WriteImageOptions,
  writeDocument,
  writeImage,
} from './write-image.ts'

/** Options of `OciDir.open` and `OciDir.ensure`. */
export interface OpenOptions extends AbortOptions {
  readonly engine?: Engine | undefined
  /** A second place for blobs: read after the layout's own, never written. */
  readonly blobs?: ReadableStorage | undefined
}

/**
 * An OCI image layout (image-layout.md) on any storage. Writing is there only where the storage can be written:
 * elsewhere it doesn't compile.
 *
 * @example
 * const dir = await OciDir.ensure(memory())
 * const layer = await dir.writeLayer(tar, { codec: gzip() })
 * await dir.writeImage(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer), { tag: 'app:1' })
 */
export class OciDir<S extends ReadableStorage = ReadableStorage> implements Layout<S> {
  readonly storage: S
  readonly engine: Engine
  /** The second place for blobs, if it was opened with one. What is written goes into `storage`. */
  readonly blobs: ReadableStorage | undefined
  /** Where blobs are looked for, in this order; the first is `storage`. */
  readonly places: readonly ReadableStorage[]

  private constructor(storage: S, { engine, blobs }: OpenOptions) {
    this.storage = storage
    this.engine = engineFor(storage, engine)
    this.blobs = blobs
    this.places = blobs === undefined ? [storage] : [storage, blobs]
  }

  /**
   * Opens a layout. Throws `LAYOUT_MISSING`, `STORAGE_LOST`, `LAYOUT_INVALID`; a missing index.json is for `readIndex`
   * to say.
   */
  static async open<S extends ReadableStorage>(storage: S, options: OpenOptions = {}): Promise<OciDir<S>> {
    const dir = new OciDir(storage, options)
    await checkMarker(dir, options)
    return dir
  }

  /** Opens a layout, made first where there is none: `oci-layout`, `blobs/sha256`, an empty index.json (L1). */
  static async ensure<S extends StorageAdapter>(storage: S, options: OpenOptions = {}): Promise<OciDir<S>> {
    const { signal } = options
    const marker: LayoutMarker = { imageLayoutVersion: layoutVersion }
    await storage.update('oci-layout', now => now ?? canonicalBytes(marker), { signal })
    const dir = await OciDir.open(storage, options)
    await storage.update('index.json', now => now ?? emptyIndexBytes(), { signal })
    return dir
  }

  /** index.json. Throws `INDEX_MISSING`, `DOCUMENT_INVALID`, `LIMIT_EXCEEDED`. */
  readIndex(options: AbortOptions = {}): Promise<Document<ImageIndex>> {
    return readIndexJson(this, options)
  }

  /** The named entries of index.json, in document order. */
  async tags(options: AbortOptions = {}): Promise<Tag[]> {
    return tagsOf((await this.readIndex(options)).value)
  }

  /** The descriptor that a reference names, or `undefined`. */
  async find(ref: Ref, options: ResolveOptions = {}): Promise<Descriptor | undefined> {
    try {
      return await this.resolve(ref, options)
    } catch (error) {
      if (error instanceof OciError && absences.has(error.code)) return undefined
      throw error
    }
  }

  /**
   * The descriptor that a reference names: an image's manifest when a platform is asked, else the entry itself,
   * which may be an index. Throws `TAG_NOT_FOUND`, `REFERENCE_NOT_FOUND`, `NO_MATCHING_PLATFORM`.
   */
  async resolve(ref: Ref, options: ResolveOptions = {}): Promise<Descriptor> {
    if (options.platform !== undefined) return (await this.openImage(ref, options)).descriptor
    return (await resolveEntry(this, ref, options)).descriptor
  }

  /**
   * An image with its manifest and config, verified. Without a reference the only image; without a platform the
   * only one that fits, else linux/amd64.
   *
   * Throws `TAG_NOT_FOUND`, `REFERENCE_NOT_FOUND`, `INDEX_EMPTY`, `NO_MATCHING_PLATFORM`, `NOT_AN_IMAGE`,
   * `BLOB_MISSING`.
   *
   * @example
   * const image = await dir.openImage('app:1', { platform: 'linux/arm64' })
   */
  openImage(ref?: Ref, options: ResolveOptions = {}): Promise<Image> {
    return openImage(this, ref, options)
  }

  /** Every image of the layout, or below a reference, once each; artifacts and attestations are left out. */
  images(ref?: Ref, options: AbortOptions = {}): AsyncGenerator<Image> {
    return images(this, ref, options)
  }

  /** Tells whether the blob is there, with the right size. */
  async hasBlob(
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    options: AbortOptions = {},
  ): Promise<boolean> {
    const file = await findBlob(this.places, descriptor.digest, options)
    return file?.size === descriptor.size
  }

  /** Tells whether index.json lists this digest. */
  async hasManifest(descriptor: Pick<Descriptor, 'digest'>, options: AbortOptions = {}): Promise<boolean> {
    const { value } = await this.readIndex(options)
    return value.manifests.some(entry => entry.digest === descriptor.digest)
  }

  /**
   * A blob's bytes, verified as they stream: the stream fails before its end unless they hash to the digest.
   *
   * Throws `BLOB_MISSING`, `SIZE_MISMATCH`, `DIGEST_UNSUPPORTED` before anything is read.
   */
  async readBlob(descriptor: Descriptor, options: AbortOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const file = await openBlob(this.places, descriptor, options)
    return readVerified(file, descriptor, { ...options, engine: this.engine })
  }

  /**
   * A part of a blob. A part can't be verified, only the size of the whole is and that all of the part comes; a range
   * that is the whole blob is, if its digest's algorithm is known.
   */
  async readBlobRange(descriptor: Descriptor, range: RangeOptions): Promise<ReadableStream<Uint8Array>> {
    const file = await openBlob(this.places, descriptor, range)
    const { start = 0, end = file.size, signal } = range
    if (start === 0 && end === file.size && isVerifiable(descriptor.digest)) {
      return readVerified(file, descriptor, { signal, engine: this.engine })
    }
    return streamPart(file, { storage: this.storage.name, path: blobPath(descriptor.digest) }, range)
  }

  /** A JSON document, verified; any kind. Throws `DOCUMENT_INVALID`, `LIMIT_EXCEEDED` and what `readBlob` throws. */
  readDocument(descriptor: Descriptor, options: AbortOptions = {}): Promise<Document> {
    return readDocument(this, descriptor, options)
  }

  /** The uncompressed tar of a layer, verified as it streams. Throws `CODEC_MISSING` and what `readBlob` throws. */
  readLayer(layer: Layer | Descriptor, options: ReadLayerOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return readLayer(this, layer, options)
  }

  /** Begins a blob that is written piece by piece; `onProgress` is called for each. */
  createBlob(this: OciDir<StorageAdapter>, options: BlobOptions = {}): Promise<BlobWriter> {
    return BlobWriter.create(this.storage, this.engine, options)
  }

  /**
   * Stores a blob in one pass and gives its descriptor. With `expected`, nothing is committed but the bytes
   * expected: `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
   *
   * @example
   * const descriptor = await dir.writeBlob(stream, { mediaType: 'text/plain' })
   */
  async writeBlob(
    this: OciDir<StorageAdapter>,
    source: ByteSource,
    options: BlobOptions = {},
  ): Promise<Descriptor> {
    try {
      return await atSteadyPace(options, async paced =>
        writeBlob(await this.createBlob(paced), lentChunksOf(source, options)),
      )
    } catch (error) {
      abandon(source, error)
      throw error
    }
  }

  /** Stores a value as canonical JSON. Throws `DOCUMENT_INVALID` for a manifest, index or config that isn't one. */
  writeDocument<Value extends object>(
    this: OciDir<StorageAdapter>,
    value: Value,
    options: AbortOptions & { readonly mediaType: string },
  ): Promise<Document<Value>> {
    return writeDocument(this, value, options)
  }

  /**
   * Stores a layer: diffID, compression, digest and storage in one streaming pass.
   *
   * @example
   * const layer = await dir.writeLayer(entriesOf(files, { prefix: 'app/' }), { codec: gzip({ level: 6 }) })
   */
  writeLayer(this: OciDir<StorageAdapter>, source: LayerSource, options: LayerOptions = {}): Promise<Layer> {
    return writeLayer(this, source, options)
  }

  /** Begins a layer that is written piece by piece. */
  createLayer(this: OciDir<StorageAdapter>, options: LayerOptions = {}): LayerWriter {
    return new LayerWriter(this, options)
  }

  /** Stores a manifest and lists it; a tag given drops every entry of that name first. Gives the new entry. */
  insertManifest(
    this: OciDir<StorageAdapter>,
    manifest: ImageManifest,
    options: InsertOptions = {},
  ): Promise<Descriptor> {
    return insertManifest(this, manifest, options)
  }

  /**
   * Stores an artifact's manifest and lists it, untagged. Gives the new entry; `referrers` finds it by its subject.
   *
   * Throws `BLOB_MISSING` when a layer isn't there, `TypeError` without a media type as `artifactType`.
   *
   * @example
   * const sbom = await dir.writeBlob(json, { mediaType: 'application/spdx+json' })
   * await dir.insertArtifactManifest({ subject, artifactType: sbom.mediaType, layers: [sbom] })
   */
  insertArtifactManifest(
    this: OciDir<StorageAdapter>,
    artifact: Artifact,
    options: AbortOptions = {},
  ): Promise<Descriptor> {
    return insertArtifactManifest(this, artifact, options)
  }

  /** Stores a manifest and makes it the only entry of index.json; nothing of the old one is kept. */
  replaceWithSingleManifest(
    this: OciDir<StorageAdapter>,
    manifest: ImageManifest,
    options: Omit<InsertOptions, 'tag'> = {},
  ): Promise<Descriptor> {
    return replaceWithSingleManifest(this, manifest, options)
  }

  /**
   * Stores a draft's config and manifest and lists it, as one; layers of a base in another layout are fetched.
   *
   * Throws `BLOB_MISSING` when a layer isn't there, `DOCUMENT_INVALID`, `LIMIT_EXCEEDED` before it writes.
   *
   * @example
   * const image = await dir.writeImage(pushLayer(draft(base), layer), { tag: 'app:1' })
   */
  writeImage(this: OciDir<StorageAdapter>, image: Draft, options: WriteImageOptions = {}): Promise<Image> {
    return writeImage(this, image, options)
  }

  /**
   * Gives what a reference names further names; each drops every entry that had it. Gives the descriptor.
   *
   * Throws `BLOB_MISSING` when it isn't here, or what it reaches goes meanwhile; `SIZE_MISMATCH`, and what `resolve`
   * throws.
   */
  async tag(
    this: OciDir<StorageAdapter>,
    ref: Ref,
    ...tags: readonly [string, ...string[]]
  ): Promise<Descriptor> {
    for (const tag of tags) checkTag(tag)
    const descriptor = await this.resolve(ref)
    await tagEntry(this, descriptor, tags)
    return descriptor
  }

  /** Removes every entry of these names; their blobs stay for `gc`. Throws `TAG_NOT_FOUND` and removes none. */
  async untag(this: OciDir<StorageAdapter>, ...tags: readonly [string, ...string[]]): Promise<void> {
    await editIndex(this, index => withoutTags(index, tags))
  }
}

const absences: ReadonlySet<string> = new Set([
  'TAG_NOT_FOUND',
  'REFERENCE_NOT_FOUND',
  'NO_MATCHING_PLATFORM',
  'INDEX_EMPTY',
  'INDEX_MISSING',
])
