/** Layouts that many tests begin with. */

import { memory } from '../../../adapters/memory.ts'
import { digestOf } from '../../../src/digest.ts'
import { configure, draft, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { Image } from '../../../src/resolve.ts'
import { type Descriptor, mediaTypes, type Platform } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import type { RawStorage } from './raw-storage.ts'

export const amd64: Platform = { os: 'linux', architecture: 'amd64' }
export const arm64: Platform = { os: 'linux', architecture: 'arm64' }

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

export function emptyDir(): Promise<OciDir<StorageAdapter>> {
  return OciDir.ensure(memory())
}

/** An image of plain layers with these contents (which need be no tars: nobody unpacks them here). */
export async function writeSample(
  dir: OciDir<StorageAdapter>,
  {
    tag,
    platform = amd64,
    layers = ['one', 'two'],
  }: { tag?: string; platform?: Platform; layers?: string[] } = {},
): Promise<Image> {
  let image = configure(draft(platform), { Cmd: ['/run'] })
  for (const layer of layers) image = pushLayer(image, await dir.writeLayer(layer), { createdBy: layer })
  return dir.writeImage(image, { tag })
}

/** Adds a blob to a raw layout and gives its descriptor. */
export async function addBlob(
  storage: RawStorage,
  content: string | object,
  mediaType: string,
): Promise<Descriptor> {
  const bytes = text(typeof content === 'string' ? content : JSON.stringify(content))
  const digest = await digestOf(bytes)
  storage.files.set(`blobs/${digest.replace(':', '/')}`, bytes)
  return { mediaType, digest, size: bytes.length }
}

/** Adds an image (config, one layer, manifest) to a raw layout. */
export async function addImage(
  storage: RawStorage,
  platform: Partial<Platform> = amd64,
  layer = 'layer',
): Promise<Descriptor> {
  const stored = await addBlob(storage, layer, mediaTypes.layer)
  const config = await addBlob(
    storage,
    { ...{ architecture: '', os: '' }, ...platform, rootfs: { type: 'layers', diff_ids: [stored.digest] } },
    mediaTypes.config,
  )
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [stored] }
  return addBlob(storage, manifest, mediaTypes.manifest)
}

export async function addIndex(storage: RawStorage, manifests: readonly object[]): Promise<Descriptor> {
  return addBlob(storage, { schemaVersion: 2, mediaType: mediaTypes.index, manifests }, mediaTypes.index)
}

/** A raw layout whose index.json lists these entries. */
export function rawLayout(storage: RawStorage, manifests: readonly object[]): RawStorage {
  storage.files.set('oci-layout', text('{"imageLayoutVersion":"1.0.0"}'))
  storage.files.set('index.json', text(JSON.stringify({ schemaVersion: 2, manifests })))
  return storage
}

export const named = (descriptor: object, tag: string): object => ({
  ...descriptor,
  annotations: { 'org.opencontainers.image.ref.name': tag },
})

export const failsWith = (code: string, data: object = {}): unknown =>
  expectObject({ name: 'OciError', code, data: expectObject(data) })

import { expect } from 'vitest'

function expectObject(fields: object): unknown {
  return expect.objectContaining(fields)
}
