/** What a layout of another tool must give, checked against what Python's tarfile and umoci say is in it. */

import { expect } from 'vitest'
import { gzip } from '../../src/codec/gzip.ts'
import { zstd } from '../../src/codec/zstd.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { createHasher } from '../../src/digest.ts'
import { files } from '../../src/files/index.ts'
import { rowOf } from '../../src/files/row.ts'
import { fsck } from '../../src/fsck.ts'
import { layersOf } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Descriptor } from '../../src/spec.ts'
import type { ReadableStorage } from '../../src/storage.ts'
import { chunksOf } from '../../src/streams.ts'
import type { Expected, ExpectedEntry, ExpectedFile, ExpectedImage } from './fixture-layouts.ts'

/** How much of each was compared. */
export interface Compared {
  readonly tags: number
  readonly manifests: number
  readonly layers: number
  readonly files: number
  /** Blobs that fsck hashed. */
  readonly blobs: number
}

/** Compares all of a layout: tags, documents, layers, files, and that fsck has nothing against it, inside of layers neither. */
export async function expectLayout(storage: ReadableStorage, fixture: Expected): Promise<Compared> {
  const dir = await OciDir.open(storage)
  await expectIndex(dir, fixture)
  let layers = 0
  let compared = 0
  for (const image of fixture.images) {
    await expectManifest(dir, image)
    layers += image.layers.length
    if (image.files !== undefined) compared += await expectFiles(dir, image)
  }
  const blobs = await expectClean(storage, fixture)
  return { tags: fixture.tags.length, manifests: fixture.images.length, layers, files: compared, blobs }
}

async function expectIndex(dir: OciDir, { tags, index }: Expected): Promise<void> {
  expect((await dir.tags()).map(({ tag }) => tag)).toEqual(tags)
  const { value } = await dir.readIndex()
  await expectEntries(dir, value.manifests, index)
}

async function expectEntries(
  dir: OciDir,
  found: readonly Descriptor[],
  entries: readonly ExpectedEntry[],
): Promise<void> {
  expect(found.map(({ digest, mediaType }) => ({ digest, mediaType }))).toEqual(
    entries.map(({ digest, mediaType }) => ({ digest, mediaType })),
  )
  for (const [i, { platform, artifactType, children }] of entries.entries()) {
    const descriptor = found[i] as Descriptor
    if (platform !== undefined) expect(descriptor.platform).toEqual(platform)
    expect(descriptor.artifactType).toBe(artifactType)
    if (children === undefined) continue
    const { value } = await dir.readDocument(descriptor)
    await expectEntries(dir, value.manifests as unknown as Descriptor[], children)
  }
}

async function expectManifest(dir: OciDir, image: ExpectedImage): Promise<void> {
  const descriptor = await dir.resolve(image.manifest)
  const { value } = await dir.readDocument(descriptor)
  expect(value).toMatchObject({
    config: { digest: image.config, mediaType: image.configMediaType },
    layers: image.layers.map(({ digest, size, mediaType }) => ({ digest, size, mediaType })),
    ...(image.mediaType !== null && { mediaType: image.mediaType }),
    ...(image.artifactType !== undefined && { artifactType: image.artifactType }),
    ...(image.subject !== undefined && { subject: { digest: image.subject } }),
  })
  if (image.platform === undefined) return
  const { config } = await dir.openImage(image.manifest)
  expect(config.value).toMatchObject(image.platform)
}

async function expectFiles(dir: OciDir, expectedImage: ExpectedImage): Promise<number> {
  const image = await dir.openImage(expectedImage.manifest)
  for (const [i, { descriptor, diffId }] of layersOf(image).entries()) {
    const layer = expectedImage.layers[i]
    expect(diffId).toBe(layer?.diffID)
    // Hashed here, without the library's own check of the diffID.
    const hasher = await createHasher('sha256')
    for await (const chunk of chunksOf(await dir.readLayer(descriptor, { codecs: [gzip(), zstd()] })))
      hasher.update(chunk)
    expect(`sha256:${hasher.hex()}`).toBe(layer?.diffID)
  }
  const tree = await files(image, { digests: true })
  expect(tree.layers.map(({ size }) => size)).toEqual(
    expectedImage.layers.map(layer => layer.uncompressedSize),
  )
  expect(tree.layers.map(({ entries }) => entries)).toEqual(expectedImage.entriesPerLayer)
  const rows = Array.from(tree.entries(), rowOf).filter(({ implicit }) => implicit === undefined)
  const listed = Object.entries(expectedImage.files ?? {}).filter(([, file]) => file.implicit !== true)
  expect(Object.fromEntries(rows.map(row => [row.path, row]))).toEqual(
    Object.fromEntries(listed.map(([path, file]) => [path, rowOfExpected(path, file)])),
  )
  expect(rows.length).toBe(listed.length)
  await expectContents(tree, rows)
  return rows.length
}

/** What a stream gives is what the scan hashed. */
async function expectContents(
  tree: Awaited<ReturnType<typeof files>>,
  rows: readonly ReturnType<typeof rowOf>[],
): Promise<void> {
  for (const { path, sha256, size } of rows) {
    if (sha256 === undefined) continue
    const hasher = await createHasher('sha256')
    let found = 0
    for await (const chunk of chunksOf(tree.stream(path))) {
      hasher.update(chunk)
      found += chunk.length
    }
    expect([path, found, hasher.hex()]).toEqual([path, size, sha256])
  }
}

function rowOfExpected(path: string, { xattrsBase64, type, ...file }: ExpectedFile): object {
  return {
    path,
    ...file,
    type: type === 'dir' ? 'directory' : type,
    ...(xattrsBase64 && { xattrs: xattrsBase64 }),
  }
}

async function expectClean(storage: ReadableStorage, { blobCount }: Expected): Promise<number> {
  const { ok, findings, validated, counts } = await fsck(storage, { deep: layerCheck() })
  expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([])
  expect(ok).toBe(true)
  expect(validated + counts.unreferenced).toBe(blobCount)
  return blobCount
}
