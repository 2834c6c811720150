/** One layer in another compression: read and verified, then written as every layer is. */

import type { Codec } from '../codec/codec.ts'
import type { Route } from '../copy/blob.ts'
import { createHasher } from '../digest.ts'
import { OciError } from '../errors.ts'
import { type Layer, type ReadLayerOptions, readLayer, writeLayer } from '../layer.ts'
import type { Layout } from '../layout.ts'
import { dockerLayerType, isDockerType, layerType } from '../media-types.ts'
import type { ProgressOptions } from '../progress.ts'
import { type Descriptor, type Digest, mediaTypes } from '../spec.ts'
import type { StorageAdapter } from '../storage.ts'
import { chunksOf } from '../streams.ts'

/** What layers are read by, and what they become. */
export interface Recompression extends ReadLayerOptions, ProgressOptions {
  /** The new compression: `gzip()`, or `identity` for none. It reads its own kind: `codecs` needn't hold it. */
  readonly codec: Codec
  /**
   * Also compresses anew what has this compression already: to make it canonical, or of another level. Unless given, such
   * layers stay as they are: bytes that have a digest are never rebuilt without need.
   */
  readonly recompress?: boolean | undefined
}

/** Options of `transcodeLayer`. */
export interface TranscodeLayerOptions extends Recompression {
  /** Unless given the type of the same layer in the new compression: Docker's of Docker's, where there is one. */
  readonly mediaType?: string | undefined
}

/**
 * Gives a layer another compression. The tar stays byte for byte, and with it the diffID; the old blob stays, too.
 *
 * It is verified on its way: the old blob's digest, the compression's own checks and, of a `Layer`, the diffID. What the
 * old descriptor says beside is kept (annotations, fields of others), but for what is true of the old bytes alone.
 * `onProgress` counts uncompressed bytes.
 *
 * Throws `DIFF_ID_MISMATCH`, and what `readLayer` and `writeLayer` throw.
 *
 * @example
 * const plain = await transcodeLayer(dir, layer, { codec: identity, codecs: [gzip(), zstd()] })
 */
export function transcodeLayer(
  layout: Layout<StorageAdapter>,
  layer: Layer | Descriptor,
  options: TranscodeLayerOptions,
): Promise<Layer> {
  return transcodeOn({ from: layout, to: layout }, layer, options)
}

/** `transcodeLayer` from one layout into another. A layer that stays as it is isn't brought. */
export async function transcodeOn(
  { from, to }: Route,
  layer: Layer | Descriptor,
  options: TranscodeLayerOptions,
): Promise<Layer> {
  const { codec, signal, onProgress } = options
  const { descriptor, diffId } = 'descriptor' in layer ? layer : { descriptor: layer, diffId: undefined }
  const reading = { ...options, codecs: [...(options.codecs ?? []), codec] }
  if (!isToChange(descriptor, options))
    return { descriptor, diffId: diffId ?? (await diffIdOf(from, descriptor, reading)) }
  // The writer makes a SHA-256 diffID in any case; one of another kind the reader has to check.
  const made = diffId?.startsWith('sha256:') ? diffId : undefined
  const tar = await readLayer(from, made === undefined ? layer : descriptor, reading)
  const mediaType = options.mediaType ?? typeIn(codec, descriptor.mediaType)
  const written = await writeLayer(to, tar, { codec, mediaType, signal, onProgress })
  if (made !== undefined && written.diffId !== made) {
    const found = written.diffId
    throw new OciError('DIFF_ID_MISMATCH', { expected: made, found, layer: descriptor.digest })
  }
  return { descriptor: inNewBytes(descriptor, written.descriptor), diffId: diffId ?? written.diffId }
}

/** Tells whether a layer isn't yet what it is to be. */
export function isToChange({ mediaType }: Descriptor, { codec, recompress = false }: Recompression): boolean {
  return recompress || suffixOf(mediaType) !== codec.suffix
}

/** What an old descriptor says, of new bytes: `data`, `urls` and annotations that describe the old ones go. */
export function inNewBytes(old: Descriptor, { mediaType, digest, size }: Descriptor): Descriptor {
  const { data: _data, urls: _urls, annotations, ...kept } = old
  return {
    ...kept,
    ...(annotations !== undefined && { annotations: annotations && ofAnyBytes(annotations) }),
    mediaType,
    digest,
    size,
  }
}

/** The type of a layer in another compression, as `TranscodeLayerOptions.mediaType` has it. */
function typeIn({ suffix }: Codec, mediaType: string): string {
  if (layerType(mediaType)?.foreign) return `${mediaTypes.foreignLayer}${suffix}`
  const docker = isDockerType(mediaType) ? dockerLayerType(suffix) : undefined
  return docker ?? `${mediaTypes.layer}${suffix}`
}

function suffixOf(mediaType: string): string | undefined {
  const compression = layerType(mediaType)?.compression
  return compression === 'none' ? '' : compression && `+${compression}`
}

async function diffIdOf(layout: Layout, layer: Descriptor, options: ReadLayerOptions): Promise<Digest> {
  const hasher = await createHasher('sha256', layout.engine.native)
  const tar = await readLayer(layout, layer, options)
  for await (const chunk of chunksOf(tar, { signal: options.signal })) hasher.update(chunk)
  return `sha256:${hasher.hex()}`
}

type Annotations = NonNullable<Descriptor['annotations']>

function ofAnyBytes(annotations: Annotations): Annotations {
  const kept = Object.entries(annotations).filter(([key]) => !ofBytes.test(key))
  return Object.fromEntries(kept)
}

/**
 * Where in the compressed blob zstd:chunked and eStargz have their tables, by which Podman and stargz-snapshotter read
 * parts of it. In other bytes there are none (containers/storage, issue 2053, is about a gzip layer that says so).
 */
const ofBytes = /^io\.(?:github\.)?containers\.zstd-chunked\.|^containerd\.io\/snapshot\/stargz\/toc\.digest$/
