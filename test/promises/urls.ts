/** P13 over every verb: a layout whose descriptors all have `urls`, which nobody may ask. */

import { archive } from '../../src/archive/index.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { blobPath } from '../../src/digest.ts'
import { isOciError, type OciErrorCode } from '../../src/errors.ts'
import { files } from '../../src/files/index.ts'
import {
  cloneTo,
  copy,
  draft,
  fsck,
  gc,
  identity,
  pushLayer,
  referrers,
  repair,
  transcode,
} from '../../src/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { type Descriptor, type Digest, mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { collect } from '../../src/streams.ts'
import { tarSource, writeTar } from '../../src/tar/index.ts'
import { configFor, filesIn, here, writeIndex } from '../suites/layout-material.ts'
import { bytesOf as joined } from '../suites/tar-bytes.ts'
import { RawStorage } from '../unit/core/raw-storage.ts'

type Dir = OciDir<StorageAdapter>

/** A layout, what in it isn't there, and another one on an empty place. */
interface World {
  readonly dir: Dir
  readonly missing: Descriptor
  readonly there: Descriptor
  readonly image: Descriptor
  readonly elsewhere: Dir
}

const max = 1 << 20

/** Everything that is done with a layout; what fails for the missing blob fails, and asks nobody for it. */
const verbs: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  readBlob: async ({ dir, missing }) => collect(await dir.readBlob(missing), { max }),
  readBlobRange: async ({ dir, missing }) => collect(await dir.readBlobRange(missing, { end: 1 }), { max }),
  readDocument: ({ dir, missing }) => dir.readDocument({ ...missing, mediaType: mediaTypes.manifest }),
  readLayer: async ({ dir, missing }) => collect(await dir.readLayer(missing, { codecs: [gzip()] }), { max }),
  hasBlob: ({ dir, missing }) => dir.hasBlob(missing),
  openImage: ({ dir }) => dir.openImage('app'),
  images: async ({ dir }) => {
    for await (const image of dir.images()) await image.layout.storage.open('index.json')
  },
  files: async ({ dir }) => files(await dir.openImage('app')),
  copy: ({ dir, elsewhere }) => copy(dir, elsewhere, { referrers: true, refs: ['app'] }),
  'copy of an image': async ({ dir, elsewhere }) => copy(await dir.openImage('app'), elsewhere, { as: 'b' }),
  transcode: ({ dir, elsewhere }) =>
    transcode(dir, elsewhere, { refs: ['app'], codec: identity, codecs: [gzip()] }),
  cloneTo: ({ dir, elsewhere }) => cloneTo(dir, elsewhere.storage),
  referrers: ({ dir }) => referrers(dir, 'app'),
  tag: ({ dir }) => dir.tag('app', 'other'),
  'tag by descriptor': ({ dir, image }) => dir.tag(image, 'other'),
  fsck: ({ dir }) => fsck(dir.storage),
  'fsck that looks inside': ({ dir }) => fsck(dir.storage, { deep: layerCheck() }),
  repair: async ({ dir, there, elsewhere }) => {
    const from = [elsewhere.storage, await RawStorage.copyOf(dir.storage)]
    await dir.storage.remove(() => [blobPath(there.digest)])
    const { actions } = await repair(dir.storage, { from, deep: layerCheck(), quarantine: true })
    if (!actions.some(({ kind }) => kind === 'fetched')) throw new Error('nothing was fetched of the copy')
  },
  gc: ({ dir }) => gc(dir),
  'writeImage on it': async ({ dir, elsewhere }) => {
    const layer = await elsewhere.writeLayer(tarSource([{ path: 'b', body: 'b' }]))
    return elsewhere.writeImage(pushLayer(draft(await dir.openImage('app')), layer), { tag: 'on' })
  },
  insertManifest: async ({ dir }) =>
    dir.insertManifest((await dir.openImage('app')).manifest.value, { tag: 'again' }),
  'an archive of it': async ({ dir }) => {
    const stored = await filesIn(dir.storage)
    const tar = await joined(writeTar(Array.from(stored, ([path, body]) => ({ path, body }))))
    const opened = await OciDir.open(await archive(tar))
    return files(await opened.openImage('app'))
  },
}

/** What a verb's end is: those that need the blob which isn't there say so, all others do what they are asked. */
const ends: Readonly<Record<string, OciErrorCode>> = {
  readBlob: 'BLOB_MISSING',
  readBlobRange: 'BLOB_MISSING',
  readDocument: 'BLOB_MISSING',
  readLayer: 'BLOB_MISSING',
  files: 'BLOB_MISSING',
  cloneTo: 'BLOB_MISSING',
  'an archive of it': 'BLOB_MISSING',
}

/** How many verbs there were, how many came as far as they can, and how the others ended. */
export interface Done {
  readonly attempts: number
  readonly fired: number
  readonly otherwise: readonly string[]
}

/** Does everything, once. A verb that ends early asks nobody either: it doesn't count. */
export async function doEverything(url: string, place: () => Promise<StorageAdapter>): Promise<Done> {
  const otherwise: string[] = []
  for (const [name, verb] of Object.entries(verbs)) {
    const world = await worldWith(url, place)
    const end = await verb(world).then(() => 'done', endOf)
    if (end !== (ends[name] ?? 'done')) otherwise.push(`${name}: ${end}`)
    await world.dir.storage.close()
    await world.elsewhere.storage.close()
  }
  const attempts = Object.keys(verbs).length
  return { attempts, fired: attempts - otherwise.length, otherwise }
}

const endOf = (error: unknown): string => (isOciError(error) ? error.code : String(error))

/** A reader as obliging as others': what the layout lacks it fetches. */
export async function obliging(url: string, place: () => Promise<StorageAdapter>): Promise<void> {
  const { dir, missing } = await worldWith(url, place)
  if (!(await dir.hasBlob(missing))) await fetch(missing.urls?.[0] ?? url).catch(() => {})
}

async function worldWith(url: string, place: () => Promise<StorageAdapter>): Promise<World> {
  const urls = [`${url}/layer`, `${url}/again`]
  const dir = await OciDir.ensure(await place())
  const there = await dir.writeLayer(tarSource([{ path: 'a', body: 'a' }]), { codec: gzip({ level: 1 }) })
  const digest: Digest = `sha256:${'1'.repeat(64)}`
  const missing = { mediaType: mediaTypes.foreignLayerGzip, digest, size: 9, urls }
  const value = { ...configFor(here), rootfs: { type: 'layers', diff_ids: [there.diffId, digest] } }
  const config = (await dir.writeDocument(value, { mediaType: mediaTypes.config })).descriptor
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { ...config, urls },
    layers: [{ ...there.descriptor, urls }, missing],
    subject: { mediaType: mediaTypes.manifest, digest, size: 9, urls },
    annotations: { 'org.opencontainers.image.url': url },
  }
  const image = (await dir.writeDocument(manifest, { mediaType: mediaTypes.manifest })).descriptor
  const name = { 'org.opencontainers.image.ref.name': 'app' }
  await writeIndex(dir, [
    { ...image, urls, annotations: name, platform: here },
    { ...missing, mediaType: mediaTypes.index },
  ])
  return { dir, missing, there: there.descriptor, image, elsewhere: await OciDir.ensure(await place()) }
}
