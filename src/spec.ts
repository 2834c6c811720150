/** The nouns of the OCI image specification, with its own JSON names. Data only: no behaviour, no imports. */

/** A content identifier, `algorithm:encoded` (image-spec, descriptor.md "Digests"). */
export type Digest = `${string}:${string}`

/** String to string, unknown keys allowed (annotations.md). */
export type Annotations = Readonly<Record<string, string>>

/** A JSON value, with integers beyond 2^53 kept exactly as `bigint`. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined }

/** A JSON object: what every document of a layout is. */
export type JsonObject = { readonly [name: string]: JsonValue | undefined }

/** Where an image runs (image-index.md, "platform"). */
export interface Platform {
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

/** Names a blob: its type, digest and size in bytes (descriptor.md). */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly urls?: readonly string[]
  readonly annotations?: Annotations
  /** The blob itself in base64, checked against digest and size before use. */
  readonly data?: string
  readonly artifactType?: string
  readonly platform?: Platform
}

/** `oci-layout` (image-layout.md). */
export interface LayoutMarker {
  readonly imageLayoutVersion: string
}

/** An image index: `index.json` itself, or a nested one (image-index.md). */
export interface ImageIndex {
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly artifactType?: string
  readonly manifests: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Annotations
}

/** An image manifest (manifest.md). */
export interface ImageManifest {
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly artifactType?: string
  readonly config: Descriptor
  /** The base layer first. */
  readonly layers: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Annotations
}

/** What a container runs by default (config.md, "config"); any field may be `null`, which means absent. */
export interface ContainerConfig {
  readonly User?: string | null
  readonly ExposedPorts?: Readonly<Record<string, JsonObject>> | null
  readonly Env?: readonly string[] | null
  readonly Entrypoint?: readonly string[] | null
  readonly Cmd?: readonly string[] | null
  readonly Volumes?: Readonly<Record<string, JsonObject>> | null
  readonly WorkingDir?: string | null
  readonly Labels?: Annotations | null
  readonly StopSignal?: string | null
}

/** One step of an image's making (config.md, "history"). */
export interface History {
  readonly created?: string | null
  readonly created_by?: string | null
  readonly author?: string | null
  readonly comment?: string | null
  readonly empty_layer?: boolean | null
}

/** An image's config (config.md). `created` stays a string: a `Date` would lose its nanoseconds. */
export interface ImageConfig {
  readonly created?: string | null
  readonly author?: string | null
  readonly architecture: string
  readonly os: string
  readonly 'os.version'?: string | null
  readonly 'os.features'?: readonly string[] | null
  readonly variant?: string | null
  readonly config?: ContainerConfig | null
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly Digest[] }
  readonly history?: readonly History[] | null
}

/** The media types that this library knows by name. */
export const mediaTypes = {
  layoutMarker: 'application/vnd.oci.layout.header.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  foreignLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  foreignLayerGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  foreignLayerZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const

/** Annotation keys that this library reads or writes. */
export const annotationKeys = {
  /** A tag: the name of an entry of index.json (annotations.md). */
  refName: 'org.opencontainers.image.ref.name',
  /** The full name that Docker, containerd and BuildKit write beside the tag. */
  containerdName: 'io.containerd.image.name',
  baseName: 'org.opencontainers.image.base.name',
  baseDigest: 'org.opencontainers.image.base.digest',
} as const

/** The descriptor of the two bytes `{}` (manifest.md, "Guidance for an Empty Descriptor"). */
export const emptyDescriptor: Descriptor = {
  mediaType: mediaTypes.empty,
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
  data: 'e30=',
}
