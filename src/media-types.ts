/** What a media type stands for: Docker's types are read as their OCI twins. */

import { mediaTypes } from './spec.ts'

/** The kinds of document that a descriptor in an index can name. */
export type ManifestKind = 'manifest' | 'index'

/** A known layer type, taken apart. */
export interface LayerType {
  /** What the tar is wrapped in. */
  readonly compression: 'none' | 'gzip' | 'zstd'
  /** Deprecated `nondistributable` and Docker's `foreign` layers (T7). */
  readonly foreign: boolean
  /** The OCI media type that says the same. */
  readonly oci: string
}

/** `manifest` or `index` for OCI's and Docker's types, else `undefined`. */
export function manifestKind(mediaType: string): ManifestKind | undefined {
  switch (mediaType) {
    case mediaTypes.manifest:
    case mediaTypes.dockerManifest:
      return 'manifest'
    case mediaTypes.index:
    case mediaTypes.dockerManifestList:
      return 'index'
    default:
      return undefined
  }
}

/** Tells whether a config of this type makes its manifest an image; `artifactType` doesn't decide it. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === mediaTypes.dockerConfig
}

/** What a layer's media type says, or `undefined` for a type that isn't a layer's. */
export function layerType(mediaType: string): LayerType | undefined {
  return Object.hasOwn(layerTypes, mediaType) ? layerTypes[mediaType] : undefined
}

const layerTypes: Readonly<Record<string, LayerType>> = {
  [mediaTypes.layer]: { compression: 'none', foreign: false, oci: mediaTypes.layer },
  [mediaTypes.layerGzip]: { compression: 'gzip', foreign: false, oci: mediaTypes.layerGzip },
  [mediaTypes.layerZstd]: { compression: 'zstd', foreign: false, oci: mediaTypes.layerZstd },
  [mediaTypes.foreignLayer]: { compression: 'none', foreign: true, oci: mediaTypes.foreignLayer },
  [mediaTypes.foreignLayerGzip]: { compression: 'gzip', foreign: true, oci: mediaTypes.foreignLayerGzip },
  [mediaTypes.foreignLayerZstd]: { compression: 'zstd', foreign: true, oci: mediaTypes.foreignLayerZstd },
  [mediaTypes.dockerLayer]: { compression: 'none', foreign: false, oci: mediaTypes.layer },
  [mediaTypes.dockerLayerGzip]: { compression: 'gzip', foreign: false, oci: mediaTypes.layerGzip },
  [mediaTypes.dockerForeignLayerGzip]: {
    compression: 'gzip',
    foreign: true,
    oci: mediaTypes.foreignLayerGzip,
  },
}
