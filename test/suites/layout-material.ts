/** What the layout cases are made of: images, views of a layout with something changed, and the usual deeds. */

import { canonicalBytes, canonicalJson } from '../../src/canonical-json.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { blobPath, digestOf } from '../../src/digest.ts'
import { draft, pushLayer } from '../../src/image.ts'
import type { Layer } from '../../src/layer.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Image } from '../../src/resolve.ts'
import {
  type Descriptor,
  emptyDescriptor,
  type ImageConfig,
  type ImageManifest,
  mediaTypes,
  type Platform,
} from '../../src/spec.ts'
import {
  type BlobPath,
  type ReadableStorage,
  readOnlyTraits,
  type StorageAdapter,
  type StorageEntry,
  type StoredFile,
} from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { same } from './assert.ts'
import { drain, entriesIn, textOf, utf8 } from './material.ts'

/** A layout that can be written. */
export type Dir = OciDir<StorageAdapter>

/** What stands for "this platform" in the crate's tests. */
export const here: Platform = { os: 'linux', architecture: 'amd64' }

/** Another one. */
export const arm64: Platform = { os: 'linux', architecture: 'arm64' }

/** The layer that the crate's own tests push, and its diffID there. */
export const tarball = 'pretend this is a tarball'
export const tarballDiffId = 'sha256:349438e5faf763e8875b43de4d7101540ef4d865190336c2cc549a11f33f8d7c'

/** The crate's `new_empty_manifest`. */
export const emptyManifest: ImageManifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.manifest,
  config: emptyDescriptor,
  layers: [],
}

/** A config without layers. */
export function configFor(platform: Platform): ImageConfig {
  return { ...platform, rootfs: { type: 'layers', diff_ids: [] } }
}

/** Stores a layer as the crate's `create_gzip_layer` does. */
export function gzipLayer(dir: Dir, content: string = tarball): Promise<Layer> {
  return dir.writeLayer(content, { codec: gzip() })
}

/** An image of one layer. */
export async function writeImage(
  dir: Dir,
  { tag, content = tarball, platform = here }: { tag?: string; content?: string; platform?: Platform } = {},
): Promise<Image> {
  const layer = await gzipLayer(dir, content)
  return dir.writeImage(pushLayer(draft(platform), layer, { createdBy: 'root' }), { tag })
}

/** Replaces the entries of index.json, as the crate's tests write one. */
export function writeIndex(dir: Dir, manifests: readonly Descriptor[]): Promise<void> {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return dir.storage.update('index.json', () => canonicalBytes(index))
}

/** Where a descriptor's blob lies. */
export function pathOf({ digest }: Pick<Descriptor, 'digest'>): BlobPath {
  return blobPath(digest)
}

/** The names of the blobs that are there, staged bytes left out. */
export async function blobsIn(storage: StorageAdapter): Promise<string[]> {
  return (await entriesIn(storage))
    .filter(entry => entry.kind !== 'staged')
    .map(entry => entry.path)
    .filter(path => path.startsWith('blobs/'))
}

/** The text of a stream. */
export async function textIn(stream: ReadableStream<Uint8Array>): Promise<string> {
  return textOf(await drain(stream))
}

/** Fails unless both values have the same canonical JSON. */
export function sameJson(found: unknown, expected: unknown, message = 'value'): void {
  same(canonicalJson(found), canonicalJson(expected), message)
}

/** A read-only medium over bytes by their names. */
export function readOnly(files: ReadonlyMap<string, Uint8Array>): ReadableStorage {
  return {
    name: 'read-only',
    traits: readOnlyTraits,
    async open(path): Promise<StoredFile | undefined> {
      const bytes = files.get(path)
      return bytes && storedBytes(bytes)
    },
    async *list(): AsyncGenerator<StorageEntry> {
      for (const [path, bytes] of files) yield { path, kind: 'file', size: bytes.length }
    },
  }
}

/** All that a storage holds, now. */
export async function filesIn(storage: StorageAdapter): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const { path, kind } of await entriesIn(storage)) {
    if (kind !== 'file') continue
    const file = await storage.open(path as BlobPath)
    if (file !== undefined) files.set(path, await file.bytes())
  }
  return files
}

/** What a storage holds with one file changed, or left out: nobody can break a layout through its adapter. */
export async function changed(
  storage: StorageAdapter,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array | undefined,
): Promise<ReadableStorage> {
  const files = await filesIn(storage)
  const next = change(files.get(path) ?? new Uint8Array())
  if (next === undefined) files.delete(path)
  else files.set(path, next)
  return readOnly(files)
}

/** A layout of its own on a read-only medium, with one blob per text, and the descriptors. */
export async function blobsElsewhere(
  dir: Dir,
  texts: readonly string[],
): Promise<{ storage: ReadableStorage; descriptors: Descriptor[] }> {
  const files = new Map<string, Uint8Array>()
  const descriptors: Descriptor[] = []
  for (const text of texts) {
    const bytes = utf8(text)
    const digest = await digestOf(bytes, { native: dir.engine.native })
    files.set(blobPath(digest), bytes)
    descriptors.push({ mediaType: mediaTypes.layer, digest, size: bytes.length })
  }
  return { storage: readOnly(files), descriptors }
}

/** An empty layout on a storage. */
export function emptyDir(storage: StorageAdapter): Promise<Dir> {
  return OciDir.ensure(storage)
}
