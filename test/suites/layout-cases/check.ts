/** The check of a whole layout: the crate's `fsck`, with the figures of its own tests. */

import { type FsckResult, fsck } from '../../../src/fsck.ts'
import { mediaTypes } from '../../../src/spec.ts'
import { same } from '../assert.ts'
import {
  arm64,
  changed,
  configFor,
  emptyDir,
  emptyManifest,
  here,
  pathOf,
  sameJson,
  writeImage,
  writeIndex,
} from '../layout-material.ts'
import type { StorageCase } from '../storage-case.ts'

const figures = ({ ok, validated }: FsckResult): string => `${ok ? 'ok' : 'not ok'} ${validated}`
const codes = ({ findings }: FsckResult): string[] =>
  findings.map(({ code, severity }) => `${severity} ${code}`)

export const checkCases: readonly StorageCase[] = [
  {
    name: 'fsck: test_build: 1 entry and 3 blobs, a byte more and fewer, 2 entries and 3, 2 entries and 6',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      // The crate writes these two bytes with every new manifest; unreferenced, they count for nothing.
      await dir.writeBlob('{}')
      const a = await writeImage(dir)
      await dir.replaceWithSingleManifest(a.manifest.value)
      const entries = async (): Promise<number> => (await dir.readIndex()).value.manifests.length
      same(await entries(), 1)
      same(figures(await fsck(storage)), 'ok 3')
      const [layer] = a.manifest.value.layers
      const longer = await changed(storage, layer ? pathOf(layer) : '', bytes => Uint8Array.of(...bytes, 0))
      same((await fsck(longer)).ok, false, 'with a byte more')
      const cutBack = await changed(storage, layer ? pathOf(layer) : '', bytes => bytes)
      same(figures(await fsck(cutBack)), 'ok 3')
      const entry = await dir.insertManifest(a.manifest.value, { tag: 'latest' })
      same(await dir.hasManifest(entry), true)
      same(await entries(), 2)
      same(figures(await fsck(storage)), 'ok 3')
      await writeImage(dir, { tag: 'latest', content: 'pretend this is an updated tarball' })
      same(await entries(), 2)
      same(figures(await fsck(storage)), 'ok 6')
    },
  },
  {
    name: 'fsck: a missing index.json is reported',
    async run({ storage }) {
      await writeImage(await emptyDir(storage))
      const result = await fsck(await changed(storage, 'index.json', () => undefined))
      same(result.ok, false)
      same(codes(result).includes('error INDEX_MISSING'), true)
    },
  },
  {
    name: 'fsck: test_new_empty_manifest: the manifest and the empty config are 2',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const entry = await dir.insertManifest(emptyManifest, { tag: 'latest', platform: here })
      same(await dir.hasManifest(entry), true)
      same(figures(await fsck(storage)), 'ok 2')
    },
  },
  {
    name: 'fsck: hashes manifests, configs, index children and layers alike, and goes on after the first fault',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = await writeImage(dir)
      const nested = await dir.writeDocument(
        { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [image.descriptor] },
        { mediaType: mediaTypes.index },
      )
      await writeIndex(dir, [nested.descriptor])
      same(figures(await fsck(storage)), 'ok 4')
      const all = [
        nested.descriptor,
        image.descriptor,
        image.config.descriptor,
        ...image.manifest.value.layers,
      ]
      for (const descriptor of all) {
        const result = await fsck(await changed(storage, pathOf(descriptor), flipLast))
        same(codes(result).includes('error DIGEST_MISMATCH'), true, `${descriptor.mediaType} flipped`)
      }
      await writeImage(dir, { content: 'other', platform: arm64 })
      const broken = await fsck(await changed(storage, pathOf(nested.descriptor), flipLast))
      same(broken.validated >= 3, true, 'the image beside it is checked')
    },
  },
  {
    name: 'fsck: works where open would throw',
    async run({ storage }) {
      const result = await fsck(storage)
      same(result.ok, false)
      same(codes(result).includes('error LAYOUT_MISSING'), true)
    },
  },
  {
    name: 'fsck: a blob that two images share is validated once',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const one = await writeImage(dir, { tag: 'one' })
      const { config } = one
      await dir.writeImage(
        { manifest: one.manifest.value, config: { ...config.value, author: 'b' } },
        { tag: 'two' },
      )
      same(figures(await fsck(storage)), 'ok 5')
      sameJson((await dir.openImage('two')).manifest.value.layers, one.manifest.value.layers)
      same((await fsck(storage)).counts.errors, 0)
      await dir.writeImage({ manifest: emptyManifest, config: configFor(arm64) })
      same(figures(await fsck(storage)), 'ok 7')
    },
  },
]

function flipLast(bytes: Uint8Array): Uint8Array {
  const last = bytes.length - 1
  return bytes.map((byte, at) => (at === last ? byte ^ 1 : byte))
}
