/** Manifests and indexes around layers in another compression: what isn't about these stays as it was. */

import type { Decoder } from '../codec/codec.ts'
import type { Document } from '../document.ts'
import type { Layer } from '../layer.ts'
import { dockerLayerType, isDockerType, ociTwin } from '../media-types.ts'
import { type Descriptor, type ImageIndex, type ImageManifest, mediaTypes } from '../spec.ts'
import { keyOf } from '../walk.ts'
import { inNewBytes } from './layer.ts'

/** A document to be written, and the type of its descriptor. */
export interface NewDocument {
  readonly mediaType: string
  readonly value: ImageManifest | ImageIndex
}

/**
 * The manifest with its new layers; `undefined` where they are the very blobs that they were.
 *
 * Docker has no type of zstd layers, so there a Docker manifest becomes OCI's, as skopeo has it (containers/image, pull
 * request 2204) and nerdctl asks its users to say (`--oci`). Regctl keeps it, with a layer type that skopeo refuses.
 */
export function manifestWith(
  { descriptor, value }: Document<ImageManifest>,
  renewed: readonly (Layer | undefined)[],
  { suffix }: Decoder,
): NewDocument | undefined {
  const isDocker = isDockerType(descriptor.mediaType)
  const dockerType = isDocker ? dockerLayerType(suffix) : undefined
  const layers = value.layers.map((layer, i) => {
    const blob = renewed[i]?.descriptor
    if (blob === undefined || blob.digest === layer.digest) return layer
    return inNewBytes(layer, { ...blob, mediaType: dockerType ?? `${mediaTypes.layer}${suffix}` })
  })
  if (layers.every((layer, i) => layer === value.layers[i])) return undefined
  const changed = { ...value, layers }
  const { mediaType } = descriptor
  if (!isDocker || dockerType !== undefined) return { mediaType, value: changed }
  return asOci(changed, mediaType)
}

/** The index with its new children; `undefined` where none is new. A Docker list can't hold manifests of OCI's. */
export function indexWith(
  { descriptor, value }: Document<ImageIndex>,
  renewed: ReadonlyMap<string, Descriptor>,
): NewDocument | undefined {
  const manifests = value.manifests.map(child => renewedEntry(child, renewed))
  if (manifests.every((child, i) => child === value.manifests[i])) return undefined
  const becomesOci = manifests.some(
    ({ mediaType }, i) => !isDockerType(mediaType) && isDockerType(value.manifests[i]?.mediaType ?? ''),
  )
  const mediaType = becomesOci ? ociTwin(descriptor.mediaType) : descriptor.mediaType
  return { mediaType, value: { ...value, manifests, ...(becomesOci && { mediaType }) } }
}

/** The entry of the document that this one's became, or the very entry. */
export function renewedEntry(entry: Descriptor, renewed: ReadonlyMap<string, Descriptor>): Descriptor {
  const next = renewed.get(keyOf(entry))
  return next === undefined ? entry : inNewBytes(entry, next)
}

function asOci(value: ImageManifest, mediaType: string): NewDocument {
  const twin = (descriptor: Descriptor): Descriptor => ({
    ...descriptor,
    mediaType: ociTwin(descriptor.mediaType),
  })
  const { config, layers } = value
  const oci = ociTwin(mediaType)
  return {
    mediaType: oci,
    value: { ...value, mediaType: oci, config: twin(config), layers: layers.map(twin) },
  }
}
