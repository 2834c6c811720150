/** What index.json lists: the crate's `insert_manifest`, `insert_manifest_and_config`, `replace_with_single_manifest`. */

import { draft, pushLayer } from '../../../src/image.ts'
import { annotationKeys, type Descriptor, emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import type { StorageTraits } from '../../../src/storage.ts'
import { fails, same, sameNames } from '../assert.ts'
import {
  arm64,
  blobsIn,
  configFor,
  type Dir,
  emptyDir,
  emptyManifest,
  gzipLayer,
  here,
  pathOf,
  sameJson,
  writeImage,
} from '../layout-material.ts'
import { read, textOf, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const excludes = {
  trait: 'exclusion',
  has: (traits: StorageTraits) => traits.exclusion !== 'none' || traits.optimistic,
} as const

async function entriesOf(dir: Dir): Promise<readonly Descriptor[]> {
  return (await dir.readIndex()).value.manifests
}

const named = (tag: string): object => ({ annotations: { [annotationKeys.refName]: tag } })

export const manifestCases: readonly StorageCase[] = [
  {
    name: 'insert_manifest: untagged inserts always append, in order',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const first = await dir.insertManifest(emptyManifest, { platform: here })
      const again = await dir.insertManifest(emptyManifest, { platform: arm64 })
      sameJson(await entriesOf(dir), [first, again])
      sameJson(first, { ...again, platform: here })
      same(await dir.hasManifest(first), true)
    },
  },
  {
    name: 'insert_manifest: a tag given drops every entry of that name, whatever its platform, and appends one',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const entry = await dir.insertManifest(emptyManifest, { platform: here })
      const other = { ...entry, ...named('other') }
      const index = {
        schemaVersion: 2,
        manifests: [
          { ...entry, ...named('app') },
          other,
          { ...entry, ...named('app'), platform: arm64 },
          entry,
        ],
      }
      await storage.update('index.json', () => utf8(JSON.stringify(index)))
      const inserted = await dir.insertManifest(emptyManifest, { tag: 'app', platform: here })
      sameJson(inserted, { ...entry, ...named('app') })
      sameJson(await entriesOf(dir), [other, entry, inserted])
    },
  },
  {
    name: "insert_manifest: a new entry's platform comes from its config, unless one is given",
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const platform = { ...arm64, variant: 'v8', 'os.version': '1', 'os.features': ['x'] }
      const config = await dir.writeDocument(configFor(platform), { mediaType: mediaTypes.config })
      const manifest = { ...emptyManifest, config: config.descriptor }
      sameJson((await dir.insertManifest(manifest, { tag: 'a' })).platform, platform)
      sameJson((await dir.insertManifest(manifest, { tag: 'b', platform: here })).platform, here)
      await dir.replaceWithSingleManifest(manifest)
      sameJson(
        (await entriesOf(dir)).map(entry => entry.platform),
        [platform],
      )
      // A config that isn't an image's says nothing of a platform.
      same((await dir.insertManifest(emptyManifest)).platform, undefined)
    },
  },
  {
    name: 'insert_manifest: what it needs must be there, else nothing is listed',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = { mediaType: mediaTypes.layer, digest: `sha256:${'0'.repeat(64)}`, size: 1 } as const
      const lacking = { ...emptyManifest, layers: [layer] }
      await fails(() => dir.insertManifest(lacking, { tag: 'x' }), { code: 'BLOB_MISSING' })
      const config = { ...layer, mediaType: mediaTypes.config }
      await fails(() => dir.insertManifest({ ...emptyManifest, config }), { code: 'BLOB_MISSING' })
      sameJson(await entriesOf(dir), [])
    },
  },
  {
    name: 'insert_manifest: 64 writers at once lose nothing (the crate lost 53)',
    needs: excludes,
    async run({ storage, open }) {
      const other =
        storage.traits.persistent && storage.traits.exclusion !== 'instance' ? await open() : storage
      const dirs = await Promise.all([emptyDir(storage), emptyDir(other)])
      const tags = Array.from({ length: 64 }, (_, i) => `tag-${i}`)
      await Promise.all(
        tags.map((tag, i) => (dirs[i % 2] ?? dirs[0]).insertManifest(emptyManifest, { tag, platform: here })),
      )
      sameNames(
        (await dirs[0].tags()).map(({ tag }) => tag),
        tags,
      )
    },
  },
  {
    name: 'insert_manifest_and_config: config and manifest are written and listed as one',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = await dir.writeImage({ manifest: emptyManifest, config: configFor(here) }, { tag: 'app' })
      sameNames(await blobsIn(storage), [pathOf(image.descriptor), pathOf(image.config.descriptor)])
      sameJson(await entriesOf(dir), [image.descriptor])
      sameJson(image.descriptor.platform, here)
      sameJson((await dir.openImage('app')).manifest.value, {
        ...emptyManifest,
        config: image.config.descriptor,
      })
    },
  },
  {
    name: "insert_manifest_and_config: a config's own bytes stay as they are",
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const text = `{ "os": "linux", "rootfs": {"type":"layers","diff_ids":[]}, "architecture": "arm64", "big": 9007199254740993 }`
      const config = await dir.writeBlob(text, { mediaType: mediaTypes.config })
      const entry = await dir.insertManifest({ ...emptyManifest, config }, { tag: 'own' })
      sameJson(entry.platform, arm64)
      same(textOf(await read(storage, pathOf(config))), text)
      same(textOf((await dir.openImage('own')).config.bytes), text)
    },
  },
  {
    name: 'replace_with_single_manifest: keeps nothing of the old index',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const old = '{"schemaVersion":2,"manifests":[],"annotations":{"a":"b"},"x":1}'
      await storage.update('index.json', () => utf8(old))
      await dir.insertManifest(emptyManifest, { tag: 'old', platform: here })
      const entry = await dir.replaceWithSingleManifest(emptyManifest, { platform: arm64 })
      sameJson((await dir.readIndex()).value, {
        schemaVersion: 2,
        mediaType: mediaTypes.index,
        manifests: [entry],
      })
      sameJson(entry.platform, arm64)
    },
  },
  {
    name: 'has_manifest: tells whether index.json lists a digest',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = await writeImage(dir)
      same(await dir.hasManifest(image.descriptor), true)
      same(await dir.hasManifest(image.config.descriptor), false, 'a blob that is there, but is not listed')
    },
  },
  {
    name: "new_empty_manifest: the empty config's blob is written once, and only without a config of its own",
    async run({ storage }) {
      const dir = await emptyDir(storage)
      await writeImage(dir)
      same(await dir.hasBlob(emptyDescriptor), false, 'with a config of its own')
      for (let i = 0; i < 2; i++) await dir.insertManifest(emptyManifest)
      same(await dir.hasBlob(emptyDescriptor), true)
      same((await blobsIn(storage)).length, 5)
    },
  },
  {
    name: "insert_manifest: a referrer's artifactType and annotations stand in its entry too",
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = await gzipLayer(dir)
      const image = await dir.writeImage(pushLayer(draft(here), layer))
      const { mediaType, digest, size } = image.descriptor
      const manifest = { ...emptyManifest, artifactType: 'text/x', annotations: { a: 'b' } }
      const plain = await dir.insertManifest(manifest)
      sameJson([plain.artifactType, plain.annotations ?? null], ['text/x', null])
      const referrer = await dir.insertManifest({ ...manifest, subject: { mediaType, digest, size } })
      sameJson([referrer.artifactType, referrer.annotations], ['text/x', { a: 'b' }])
    },
  },
]
