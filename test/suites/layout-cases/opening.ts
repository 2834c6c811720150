/** Opening a layout, and making one: the crate's `ensure`, `open`, `open_with_external_blobs`. */

import { fsck } from '../../../src/fsck.ts'
import { draft, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { fails, ok, same, sameNames } from '../assert.ts'
import {
  blobsElsewhere,
  blobsIn,
  changed,
  emptyDir,
  emptyManifest,
  here,
  pathOf,
  sameJson,
  textIn,
  writeImage,
} from '../layout-material.ts'
import { namesIn, read, textOf, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const marker = '{"imageLayoutVersion":"1.0.0"}'
const emptyIndex = '{"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}'

export const openingCases: readonly StorageCase[] = [
  {
    name: 'ensure: makes the marker and the empty index.json that the specification requires',
    async run({ storage }) {
      await OciDir.ensure(storage)
      sameNames(await namesIn(storage), ['index.json', 'oci-layout'])
      same(textOf(await read(storage, 'oci-layout')), marker)
      same(textOf(await read(storage, 'index.json')), emptyIndex)
    },
  },
  {
    name: 'ensure: is idempotent, and what stands there stays, byte for byte',
    async run({ storage }) {
      const texts = [
        '{ "imageLayoutVersion": "1.0.0", "x": 9007199254740993 }',
        '{"schemaVersion":2,"manifests":[ ]}',
      ]
      await storage.update('oci-layout', () => utf8(texts[0] ?? ''))
      await storage.update('index.json', () => utf8(texts[1] ?? ''))
      for (let i = 0; i < 2; i++) await OciDir.ensure(storage)
      same(textOf(await read(storage, 'oci-layout')), texts[0])
      same(textOf(await read(storage, 'index.json')), texts[1])
    },
  },
  {
    name: 'ensure: is safe when two race, and a tag written beside it stays',
    async run({ storage, open }) {
      const other = storage.traits.persistent ? await open() : storage
      const racers = Array.from({ length: 16 }, async (_, i) => {
        const dir = await OciDir.ensure(i % 2 === 0 ? storage : other)
        await dir.insertManifest(emptyManifest, { tag: `racer-${i}` })
        await OciDir.ensure(i % 2 === 0 ? other : storage)
      })
      await Promise.all(racers)
      same(textOf(await read(storage, 'oci-layout')), marker)
      same((await (await OciDir.open(storage)).tags()).length, racers.length, 'tags')
    },
  },
  {
    name: 'ensure: refuses a place that holds something else, and leaves it as it is',
    async run({ storage }) {
      await storage.update('oci-layout', () => utf8('{"imageLayoutVersion":"2.0.0"}'))
      await fails(() => OciDir.ensure(storage), { code: 'LAYOUT_INVALID' })
      sameNames(await namesIn(storage), ['oci-layout'])
    },
  },
  {
    name: 'open: a missing or wrong oci-layout is a typed error',
    async run({ storage }) {
      await fails(() => OciDir.open(storage), { code: 'LAYOUT_MISSING' })
      for (const wrong of ['', 'x', '[]', '{}', '{"imageLayoutVersion":1}', '{"imageLayoutVersion":"1.0"}']) {
        await storage.update('oci-layout', () => utf8(wrong))
        await fails(() => OciDir.open(storage), { code: 'LAYOUT_INVALID' }, wrong)
      }
      await storage.update('oci-layout', () => utf8(marker))
      await OciDir.open(storage)
    },
  },
  {
    name: 'open: a layout without index.json opens, reading it is INDEX_MISSING, and the first entry makes it',
    async run({ storage }) {
      await storage.update('oci-layout', () => utf8(marker))
      const dir = await OciDir.open(storage)
      await fails(() => dir.readIndex(), { code: 'INDEX_MISSING' })
      await dir.insertManifest(emptyManifest)
      same((await dir.readIndex()).value.manifests.length, 1)
    },
  },
  {
    name: 'open_with_external_blobs: blobs are read here first, then there, and written here',
    async run({ storage }) {
      const inner = await emptyDir(storage)
      const { storage: blobs, descriptors } = await blobsElsewhere(inner, ['there', 'both'])
      const dir = await OciDir.open(storage, { blobs })
      const [there, both] = descriptors
      ok(there && both, 'two blobs elsewhere')
      same(await textIn(await dir.readBlob(there)), 'there')
      same(await dir.hasBlob(there), true)
      await dir.writeBlob('both')
      const written = await dir.writeBlob('here')
      sameNames(await blobsIn(storage), [pathOf(both), pathOf(written)])
      // The same name there with other bytes would be noticed: it is the one here that is read.
      const broken = await changed(storage, pathOf(both), () => utf8('BOTH'))
      const shadowed = await OciDir.open(storage, { blobs: broken })
      same(await textIn(await shadowed.readBlob(both)), 'both')
    },
  },
  {
    name: 'open_with_external_blobs: an image whose layer lies there is listed, opened and checked here',
    async run({ storage }) {
      const { storage: blobs, descriptors } = await blobsElsewhere(await emptyDir(storage), ['layer'])
      const dir = await OciDir.open(storage, { blobs })
      const [descriptor] = descriptors
      ok(descriptor, 'a blob elsewhere')
      const layer = { descriptor, diffId: descriptor.digest }
      const written = await dir.writeImage(pushLayer(draft(here), layer), { tag: 'app' })
      sameNames(await blobsIn(storage), [pathOf(written.descriptor), pathOf(written.config.descriptor)])
      const opened = await dir.openImage('app')
      same(await textIn(await dir.readLayer(layer)), 'layer')
      sameJson(opened.manifest.value.layers, [descriptor])
      const { ok: isSound, validated } = await fsck(storage, { blobs })
      same(`${isSound} ${validated}`, 'true 3', 'with the external blobs')
      same((await fsck(storage)).ok, false, 'without them')
    },
  },
  {
    name: 'dir, blobs_dir: the storage that was given, and the external place',
    async run({ storage }) {
      const dir = await OciDir.ensure(storage)
      same(dir.storage, storage)
      same(dir.blobs, undefined)
      const { storage: blobs } = await blobsElsewhere(dir, [])
      same((await OciDir.open(storage, { blobs })).blobs, blobs)
      same((await OciDir.ensure(storage, { blobs })).blobs, blobs)
    },
  },
  {
    name: 'open: a second storage on the place sees what the first wrote',
    needs: { trait: 'persistent', has: traits => traits.persistent },
    async run({ storage, open }) {
      const written = await writeImage(await emptyDir(storage), { tag: 'app' })
      const again = await (await OciDir.open(await open())).openImage('app')
      sameJson(again.descriptor, written.descriptor)
      sameJson(again.config.value, written.config.value)
    },
  },
]
