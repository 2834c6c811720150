/** Names: the crate's `find_manifest_with_tag` and `find_manifest_descriptor_with_tag`. */

import { mediaTypes } from '../../../src/spec.ts'
import { fails, same } from '../assert.ts'
import { arm64, emptyDir, sameJson, writeImage, writeIndex } from '../layout-material.ts'
import type { StorageCase } from '../storage-case.ts'

const named = (tag: string): object => ({ annotations: { 'org.opencontainers.image.ref.name': tag } })

export const tagCases: readonly StorageCase[] = [
  {
    name: 'find_manifest_with_tag: gives the manifest that was written, nothing for another name',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      same(await dir.find({ tag: 'latest' }), undefined, 'in an empty layout')
      const image = await writeImage(dir, { tag: 'latest' })
      sameJson((await dir.openImage('latest')).manifest.value, image.manifest.value)
      same(await dir.find({ tag: 'noent' }), undefined)
      same(await dir.find({ tag: 'lates' }), undefined)
    },
  },
  {
    name: 'find_manifest_descriptor_with_tag: gives the entry as it stands, the first of its name',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = await writeImage(dir, { tag: 'latest' })
      sameJson(await dir.find({ tag: 'latest' }), image.descriptor)
      sameJson(await dir.resolve('latest'), image.descriptor)
      const second = { ...image.descriptor, 'x-own': 1 }
      await writeIndex(dir, [image.descriptor, second])
      sameJson(await dir.find({ tag: 'latest' }), image.descriptor)
      await fails(() => dir.resolve('noent'), { code: 'TAG_NOT_FOUND' })
    },
  },
  {
    name: 'find_manifest_with_tag: a name on an index is followed, where the crate fails to parse it',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const [amd, arm] = [await writeImage(dir), await writeImage(dir, { content: 'other', platform: arm64 })]
      const nested = await dir.writeDocument(
        { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [arm.descriptor, amd.descriptor] },
        { mediaType: mediaTypes.index },
      )
      const entry = { ...nested.descriptor, ...named('multi') }
      await writeIndex(dir, [entry])
      sameJson(await dir.find({ tag: 'multi' }), entry)
      sameJson((await dir.openImage('multi')).manifest.value, amd.manifest.value)
      sameJson((await dir.openImage('multi', { platform: 'linux/arm64' })).descriptor, arm.descriptor)
      sameJson(await dir.find('multi', { platform: 'linux/arm64' }), arm.descriptor)
      same(await dir.find('multi', { platform: 'linux/s390x' }), undefined)
    },
  },
]
