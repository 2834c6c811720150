/** Artifacts: manifests of anything that isn't an image, most often about one (manifest.md, "Artifact Usage"). */

import type { Layout } from './layout.ts'
import { type Annotations, type Descriptor, emptyDescriptor, type ImageManifest, mediaTypes } from './spec.ts'
import type { AbortOptions, StorageAdapter } from './storage.ts'
import { isMediaType } from './validate.ts'
import { insertManifest } from './write-image.ts'

/** An artifact to be written. */
export interface Artifact {
  /** What it is, as a media type (M4). */
  readonly artifactType: string
  /** What it belongs to. A weak link: it need not be in the layout, and isn't kept by this (M8). */
  readonly subject?: Descriptor | undefined
  /** Its content, stored before; the empty blob where there is none (M7). */
  readonly layers?: readonly Descriptor[] | undefined
  /** Of the manifest, and of its entry where there is a subject. */
  readonly annotations?: Annotations | undefined
}

/** Writes an artifact's manifest and lists it, untagged, with its artifactType and annotations (D8). */
export async function insertArtifactManifest(
  layout: Layout<StorageAdapter>,
  artifact: Artifact,
  options: AbortOptions = {},
): Promise<Descriptor> {
  const { artifactType, subject, layers = [], annotations } = artifact
  if (!isMediaType(artifactType)) throw new TypeError('artifactType is a media type: type/subtype')
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType,
    config: emptyDescriptor,
    layers: layers.length > 0 ? layers : [emptyDescriptor],
    ...(subject && { subject: bare(subject) }),
    ...(annotations && { annotations }),
  }
  return insertManifest(layout, manifest, options)
}

/** The name that the subject has today is none of the artifact's business: its digest would change with it. */
function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}
