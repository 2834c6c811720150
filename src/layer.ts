/** Layers: bytes -> diffID -> codec -> digest -> store in one pass, and back. */

import { type BlobOptions, BlobWriter, openBlob, readVerified } from './blob.ts'
import { type Codec, type CodecOptions, type Decoder, identity } from './codec/codec.ts'
import { createHasher, verifiableAlgorithm } from './digest.ts'
import { isOciError, OciError } from './errors.ts'
import type { Layout } from './layout.ts'
import { layerType } from './media-types.ts'
import { atSteadyPace, type ProgressOptions } from './progress.ts'
import { type Descriptor, type Digest, mediaTypes } from './spec.ts'
import type { AbortOptions, Hasher, StorageAdapter, TarSource } from './storage.ts'
import { abandon, atMost, type ByteSource, chunksOf, lentChunksOf, streamOf, unended } from './streams.ts'

/** A layer that is stored: what a manifest lists, and what its config lists (C8). */
export interface Layer {
  readonly descriptor: Descriptor
  /** The digest of the uncompressed tar. */
  readonly diffId: Digest
}

/** Where a layer's tar comes from: bytes, or something that can make a tar (`entriesOf`). */
export type LayerSource = ByteSource | TarSource

/** Options of a new layer. */
export interface LayerOptions extends ProgressOptions {
  /** How it is compressed; `identity` unless given. */
  readonly codec?: Codec
  /** Bytes of the tar, for a progress with a total, where they can't be seen of the source. */
  readonly size?: number | undefined
  /** The OCI layer type of the codec unless given. */
  readonly mediaType?: string
}

/** Options of `readLayer`. */
export interface ReadLayerOptions extends AbortOptions {
  /** What a compressed layer may need to be read: `[gzip(), zstd()]`. */
  readonly codecs?: readonly Decoder[]
  /** Uncompressed bytes that the layer may have, beyond which it is `LIMIT_EXCEEDED`; unbounded unless given. */
  readonly maxBytes?: number | undefined
}

/**
 * Stores a layer: hashes the tar, compresses, hashes again and stages in one streaming pass, then commits.
 *
 * Bytes are stored as they are given: whether they are a tar isn't asked. `onProgress` counts uncompressed bytes.
 */
export async function writeLayer(
  layout: Layout<StorageAdapter>,
  source: LayerSource,
  options: LayerOptions = {},
): Promise<Layer> {
  const bytes = isTarSource(source) ? source.tar({ signal: options.signal }) : source
  try {
    return await atSteadyPace(options, paced => storeLayer(layout, bytes, paced))
  } catch (error) {
    // It failed before the first byte was asked for.
    abandon(bytes, error)
    throw error
  }
}

/**
 * A layer that is written piece by piece; `writeLayer` is simpler where the bytes can be pulled.
 *
 * @example
 * const writer = dir.createLayer({ codec: gzip() })
 * await tarStream.pipeTo(writer.writable)
 * const layer = await writer.complete()
 */
export class LayerWriter {
  /** Takes the tar; close it before `complete`. Aborting it discards the layer. */
  readonly writable: WritableStream<Uint8Array>
  readonly #layer: Promise<Layer>
  /** Ends the writing, also while somebody holds `writable`. */
  readonly #ended = new AbortController()

  constructor(layout: Layout<StorageAdapter>, options: LayerOptions = {}) {
    const { signal } = options
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    this.writable = writable
    const onAbort = (): void => this.#ended.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    this.#layer = writeLayer(layout, readable, { ...options, signal: this.#ended.signal }).finally(() =>
      signal?.removeEventListener('abort', onAbort),
    )
    // The failure is given by `complete`; until then it must not count as unhandled.
    this.#layer.catch(() => {})
  }

  /** The stored layer, once `writable` is closed. Throws what the writing threw. */
  complete(): Promise<Layer> {
    return this.#layer
  }

  /** Drops what was written; `complete` then rejects with an `AbortError`. Does nothing once the layer is stored. */
  async discard(): Promise<void> {
    this.#ended.abort(new DOMException('the layer was discarded', 'AbortError'))
    await this.#layer.catch(() => {})
  }
}

/**
 * The uncompressed tar of a layer, verified as it streams: the blob's digest, the compression's own checks and,
 * for a `Layer`, its diffID. It fails before its end when any is wrong.
 *
 * Throws `CODEC_MISSING` when the compression isn't among `codecs`, `BLOB_MISSING`, `SIZE_MISMATCH`. A layer may unpack to
 * a thousand times its size and be honest (zeros do): `maxBytes` is for who can't take so much.
 */
export async function readLayer(
  layout: Layout,
  layer: Layer | Descriptor,
  options: ReadLayerOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const { descriptor, diffId } = 'descriptor' in layer ? layer : { descriptor: layer, diffId: undefined }
  const { engine, places } = layout
  const decoder = decoderFor(descriptor.mediaType, options.codecs ?? [])
  const file = await openBlob(places, descriptor, options)
  const blob = chunksOf(await readVerified(file, descriptor, { ...options, engine }), options)
  const plain = atMost(
    decoded(decoder, blob, { descriptor, signal: options.signal, native: engine.native }),
    {
      max: options.maxBytes,
      where: descriptor.digest,
    },
  )
  if (diffId === undefined || diffId === descriptor.digest) return streamOf(plain)
  const hasher = await createHasher(verifiableAlgorithm(diffId), engine.native)
  return streamOf(checked(plain, hasher, { diffId, digest: descriptor.digest }))
}

/** Where the blob isn't what its digest says, that is what is thrown: then the publisher is not to blame. */
async function* decoded(
  decoder: Decoder,
  blob: AsyncGenerator<Uint8Array, void, undefined>,
  { descriptor, ...options }: CodecOptions & { readonly descriptor: Descriptor },
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* decoder.decode(unended(blob), options)
  } catch (error) {
    if (isOciError(error, 'GZIP_INVALID') || isOciError(error, 'ZSTD_INVALID')) {
      // The rest of it is read, and verified.
      while (!(await blob.next()).done);
      throw new OciError(error.code, { ...error.data, where: descriptor.digest }, { cause: error })
    }
    throw error
  } finally {
    await blob.return()
  }
}

async function storeLayer(
  layout: Layout<StorageAdapter>,
  bytes: ByteSource,
  options: LayerOptions,
): Promise<Layer> {
  const { codec = identity, mediaType = `${mediaTypes.layer}${codec.suffix}`, signal, onProgress } = options
  const { native, pool } = layout.engine
  const blobOptions: BlobOptions = { mediaType, signal }
  const writer = await BlobWriter.create(layout.storage, layout.engine, blobOptions)
  try {
    // What passes uncompressed is hashed once: the blob's digest is the diffID.
    const hasher = codec.suffix === '' ? undefined : await createHasher('sha256', native)
    const total = options.size ?? sizeOf(bytes)
    const given = codec.borrows ? lentChunksOf : chunksOf
    const plain = counted(given(bytes, { signal }), { hasher, total, onProgress })
    for await (const chunk of codec.encode(plain, { signal, native, pool, lend: codec.borrows === true }))
      await writer.write(chunk)
    const descriptor = await writer.complete()
    return { descriptor, diffId: hasher === undefined ? descriptor.digest : `sha256:${hasher.hex()}` }
  } catch (error) {
    await writer.discard()
    throw error
  }
}

function decoderFor(mediaType: string, codecs: readonly Decoder[]): Decoder {
  const type = layerType(mediaType)
  if (type?.compression === 'none') return identity
  const decoder = codecs.find(({ suffix }) => suffix === `+${type?.compression}`)
  if (decoder !== undefined) return decoder
  throw new OciError('CODEC_MISSING', { mediaType, available: codecs.map(({ name }) => name) })
}

interface Counting extends Pick<ProgressOptions, 'onProgress'> {
  readonly hasher: Hasher | undefined
  readonly total: number | undefined
}

/** Bytes of a source that has them all. */
function sizeOf(source: ByteSource): number | undefined {
  if (source instanceof Uint8Array) return source.length
  return typeof source === 'object' && 'size' in source && typeof source.size === 'number'
    ? source.size
    : undefined
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  { hasher, total, onProgress }: Counting,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0
  for await (const chunk of source) {
    hasher?.update(chunk)
    bytes += chunk.length
    onProgress?.({ bytes, total })
    yield chunk
  }
}

async function* checked(
  source: AsyncIterable<Uint8Array>,
  hasher: Hasher,
  { diffId, digest }: { diffId: Digest; digest: Digest },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    hasher.update(chunk)
    yield chunk
  }
  const found = `${verifiableAlgorithm(diffId)}:${hasher.hex()}`
  if (found !== diffId) throw new OciError('DIFF_ID_MISMATCH', { expected: diffId, found, layer: digest })
}

function isTarSource(source: LayerSource): source is TarSource {
  return typeof source === 'object' && 'tar' in source && typeof source.tar === 'function'
}
