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

/** The OCI type that says the same as one of Docker's; any other type is its own. */
export function ociTwin(mediaType: string): string {
  return documentTwins.get(mediaType) ?? layerType(mediaType)?.oci ?? mediaType
}

/** Tells whether a type is one of Docker's, not of OCI's. */
export function isDockerType(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.docker.')
}

/**
 * Docker's type of a layer in this compression. There is none of zstd: BuildKit and regctl write one of their own, which
 * skopeo and older containerds refuse.
 */
export function dockerLayerType(suffix: '' | '+gzip' | '+zstd'): string | undefined {
  return { '': mediaTypes.dockerLayer, '+gzip': mediaTypes.dockerLayerGzip, '+zstd': undefined }[suffix]
}

const documentTwins: ReadonlyMap<string, string> = new Map([
  [mediaTypes.dockerManifest, mediaTypes.manifest],
  [mediaTypes.dockerManifestList, mediaTypes.index],
  [mediaTypes.dockerConfig, mediaTypes.config],
])

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
