/** A layout to be copied, and what tests ask of a target. */

import type { OciDir } from '../../../src/oci-dir.ts'
import type { ReadableStorage, StorageAdapter } from '../../../src/storage.ts'
import { RawStorage } from './raw-storage.ts'
import { addImage, addIndex, amd64, arm64, named, rawLayout } from './samples.ts'

export const textAt = async (storage: ReadableStorage, path: 'index.json' | 'oci-layout'): Promise<string> =>
  new TextDecoder().decode(await (await storage.open(path))?.bytes())

/** Names that a storage holds, staged ones too. */
export async function namesIn(storage: StorageAdapter): Promise<string[]> {
  const names: string[] = []
  for await (const { path } of storage.list()) names.push(path)
  return names.sort()
}

export const tagsIn = async (dir: OciDir): Promise<string[]> => (await dir.tags()).map(({ tag }) => tag)

/** A layout with a multi-platform index `multi`, an image `one`, and an unnamed image. */
export async function library(): Promise<RawStorage> {
  const storage = new RawStorage()
  const children = [
    { ...(await addImage(storage, amd64, 'multi amd64')), platform: amd64 },
    { ...(await addImage(storage, arm64, 'multi arm64')), platform: arm64, 'x-own': null },
  ]
  return rawLayout(storage, [
    named(await addIndex(storage, children), 'multi'),
    { ...named(await addImage(storage, amd64, 'one'), 'one'), 'x-own': { b: 1, a: [null] } },
    await addImage(storage, amd64, 'unnamed'),
  ])
}
