/** Images put together by hand of layers that are sound, to be made wrong in one point. */

import { gzip } from '../../../src/codec/gzip.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, mediaTypes } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addBlob, emptyDir } from '../core/samples.ts'
import { member, tar } from '../tar/samples.ts'

/** How an image is put together. */
export interface Parts {
  readonly layers: readonly Descriptor[]
  readonly diffIds: readonly string[]
}

/** Layers of which a sound image is made, the upper one a hard link to what is in the lower one. */
export interface Sound {
  readonly raw: RawStorage
  readonly parts: Parts
  /** Others, in which there isn't what the upper layer links to. */
  readonly bases: readonly { readonly descriptor: Descriptor; readonly diffId: string }[]
}

export async function soundParts({ isPlain = true } = {}): Promise<Sound> {
  const codec = isPlain ? {} : { codec: gzip() }
  const dir = await emptyDir()
  const layerOf = (name: string, fields = {}): ReturnType<typeof dir.writeLayer> =>
    dir.writeLayer(tar(member({ name, ...fields }, Object.keys(fields).length > 0 ? '' : 'content')), codec)
  const below = await layerOf('f')
  const top = await layerOf('x', { type: '1', linkname: 'f' })
  const bases = [await layerOf('g'), await layerOf('h')]
  const parts = { layers: [below.descriptor, top.descriptor], diffIds: [below.diffId, top.diffId] }
  return { raw: await RawStorage.copyOf(dir.storage), parts, bases }
}

/** Adds a config and a manifest; layers that aren't packed are their own diffIDs. */
export async function imageOf(
  raw: RawStorage,
  { layers, diffIds, author }: Partial<Parts> & Pick<Parts, 'layers'> & { readonly author?: string },
): Promise<Descriptor> {
  const rootfs = { type: 'layers', diff_ids: diffIds ?? layers.map(({ digest }) => digest) }
  const config = await addBlob(raw, { os: 'linux', architecture: 'amd64', author, rootfs }, mediaTypes.config)
  return addBlob(raw, { schemaVersion: 2, config, layers }, mediaTypes.manifest)
}

export async function tagsOf(storage: StorageAdapter): Promise<string[]> {
  return (await (await OciDir.open(storage)).tags()).map(({ tag }) => tag)
}

/** How often a storage is listed from now on, which each check does once. */
export function checksOf(storage: StorageAdapter): { readonly count: () => number } {
  const list = storage.list.bind(storage)
  let checks = 0
  storage.list = given => {
    checks++
    return list(given)
  }
  return { count: () => checks }
}
