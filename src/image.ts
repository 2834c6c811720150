/** An image being made: pure values, manifest and config kept in step. */

import type { Document } from './document.ts'
import { OciError } from './errors.ts'
import type { Layer } from './layer.ts'
import { ociTwin } from './media-types.ts'
import type { Image } from './resolve.ts'
import {
  type Annotations,
  annotationKeys,
  type ContainerConfig,
  type Descriptor,
  emptyDescriptor,
  type History,
  type ImageConfig,
  type ImageManifest,
  mediaTypes,
  type Platform,
} from './spec.ts'

/** An image not yet written. A value: every change gives a new one. */
export interface Draft {
  readonly manifest: ImageManifest
  readonly config: ImageConfig
  /** Where the layers below may have to be fetched from when it is written. */
  readonly base?: Image
}

/** What is said of a pushed layer. */
export interface PushOptions {
  /** The whole history entry; else one is made of the fields below, `{}` if there are none. */
  readonly history?: History
  /** The command that made the layer. */
  readonly createdBy?: string
  /** RFC 3339; absent unless given: the library has no clock. */
  readonly created?: string
  readonly comment?: string
  /** Annotations of the layer's descriptor. */
  readonly annotations?: Annotations
}

/** Fields of the config's `config`; `null` removes one, `undefined` leaves it. */
export type ContainerChanges = {
  readonly [Field in keyof ContainerConfig]?: ContainerConfig[Field] | undefined
}

/** Changes outside of the config's `config`. */
export interface ImageChanges {
  /** RFC 3339. */
  readonly created?: string | undefined
  readonly author?: string | undefined
  /** Added to the manifest's annotations. */
  readonly annotations?: Annotations | undefined
}

/**
 * Begins an image: an empty one for a platform, or one on top of another image.
 *
 * On a base everything is kept, also fields that this library doesn't know; Docker's media types become their
 * OCI twins, and the manifest says where it came from (`org.opencontainers.image.base.*`). Throws
 * `DOCUMENT_INVALID` for a base whose config lists more or fewer diffIDs than the manifest lists layers.
 */
export function draft(from: Platform | Image): Draft {
  return 'manifest' in from ? draftOn(from) : emptyDraft(from)
}

/**
 * Puts a layer on top. A history entry always comes with it; a base's short history is padded first (C6).
 *
 * @example
 * const next = pushLayer(draft(base), layer, { createdBy: 'COPY . /app' })
 */
export function pushLayer(image: Draft, layer: Layer, options: PushOptions = {}): Draft {
  const { manifest, config } = image
  const { annotations } = options
  const descriptor: Descriptor = annotations ? { ...layer.descriptor, annotations } : layer.descriptor
  return {
    ...image,
    manifest: { ...manifest, layers: [...manifest.layers, descriptor] },
    config: {
      ...config,
      rootfs: { ...config.rootfs, diff_ids: [...(config.rootfs.diff_ids ?? []), layer.diffId] },
      history: [...paddedHistory(image), options.history ?? historyOf(options)],
    },
  }
}

/**
 * Changes what a container runs (`Cmd`, `Env`, …); fields not named stay as they are.
 *
 * The third argument changes the image's own date, author and annotations.
 *
 * @example
 * configure(image, { Entrypoint: ['/app/run'], Env: ['MODE=fast'] }, { created: '2026-01-01T00:00:00Z' })
 */
export function configure(image: Draft, changes: ContainerChanges, outside: ImageChanges = {}): Draft {
  const { created, author, annotations } = outside
  const { config } = image.config
  const container = changed({ ...config }, changes)
  return {
    ...image,
    config: {
      ...image.config,
      ...((config || Object.keys(container).length > 0) && { config: container }),
      ...(created !== undefined && { created }),
      ...(author !== undefined && { author }),
    },
    manifest: annotations
      ? { ...image.manifest, annotations: { ...image.manifest.annotations, ...annotations } }
      : image.manifest,
  }
}

/** The layers of an image with their diffIDs, the base first. Throws `DOCUMENT_INVALID` when the two lists differ. */
export function layersOf(image: Pick<Image, 'manifest' | 'config'>): Layer[] {
  const { layers } = image.manifest.value
  const diffIds = image.config.value.rootfs.diff_ids ?? []
  if (layers.length !== diffIds.length) throw wrongCount(image.config, layers.length, diffIds.length)
  return layers.flatMap((descriptor, i) => {
    const diffId = diffIds[i]
    return diffId === undefined ? [] : [{ descriptor, diffId }]
  })
}

function emptyDraft(platform: Platform): Draft {
  return {
    manifest: { schemaVersion: 2, mediaType: mediaTypes.manifest, config: emptyDescriptor, layers: [] },
    config: { ...platform, rootfs: { type: 'layers', diff_ids: [] }, history: [] },
  }
}

function draftOn(base: Image): Draft {
  const { value } = base.manifest
  const layers = layersOf(base).map(({ descriptor }) => asOci(descriptor))
  return {
    base,
    manifest: {
      ...value,
      mediaType: mediaTypes.manifest,
      config: { ...value.config, mediaType: mediaTypes.config },
      layers,
      annotations: { ...value.annotations, ...originOf(base) },
    },
    config: base.config.value,
  }
}

function asOci(layer: Descriptor): Descriptor {
  const mediaType = ociTwin(layer.mediaType)
  return mediaType === layer.mediaType ? layer : { ...layer, mediaType }
}

function originOf({ descriptor, tag }: Image): Annotations {
  return {
    ...(tag !== undefined && { [annotationKeys.baseName]: tag }),
    [annotationKeys.baseDigest]: descriptor.digest,
  }
}

function paddedHistory({ manifest, config }: Draft): readonly History[] {
  const history = config.history ?? []
  const described = history.filter(entry => entry.empty_layer !== true).length
  const missing = Math.max(0, manifest.layers.length - described)
  return [...history, ...Array.from({ length: missing }, () => ({}))]
}

function historyOf({ createdBy, created, comment }: PushOptions): History {
  return {
    ...(created !== undefined && { created }),
    ...(createdBy !== undefined && { created_by: createdBy }),
    ...(comment !== undefined && { comment }),
  }
}

function changed(container: Record<string, unknown>, changes: ContainerChanges): ContainerConfig {
  for (const [field, value] of Object.entries(changes)) {
    if (value === null) delete container[field]
    else if (value !== undefined) container[field] = value
  }
  return container
}

function wrongCount(config: Document<ImageConfig>, layers: number, diffIds: number): OciError {
  return new OciError('DOCUMENT_INVALID', {
    where: config.descriptor.digest,
    at: '/rootfs/diff_ids',
    expected: `${layers} diffIDs, as the manifest has layers`,
    found: String(diffIds),
  })
}
