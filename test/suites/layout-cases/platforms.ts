/** Choosing an image: the crate's `open_image_this_platform`, its eight cases, and what it can't do. */

import { isOciError } from '../../../src/errors.ts'
import type { ResolveOptions } from '../../../src/resolve.ts'
import { type Descriptor, mediaTypes, type Platform } from '../../../src/spec.ts'
import { fails, ok, same } from '../assert.ts'
import {
  arm64,
  configFor,
  type Dir,
  emptyDir,
  emptyManifest,
  here,
  sameJson,
  writeImage,
  writeIndex,
} from '../layout-material.ts'
import type { StorageCase } from '../storage-case.ts'

const asked: ResolveOptions = { platform: here }
const unknown = { os: 'unknown', architecture: 'unknown' }

/** A manifest with an image's config, not yet listed. */
async function imageFor(dir: Dir, platform: Platform = here): Promise<Descriptor> {
  const config = await dir.writeDocument(configFor(platform), { mediaType: mediaTypes.config })
  return manifestOf(dir, { ...emptyManifest, config: config.descriptor })
}

async function manifestOf(dir: Dir, manifest: object): Promise<Descriptor> {
  return (await dir.writeDocument(manifest, { mediaType: mediaTypes.manifest })).descriptor
}

async function indexOf(dir: Dir, manifests: readonly Descriptor[]): Promise<Descriptor> {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return (await dir.writeDocument(index, { mediaType: mediaTypes.index })).descriptor
}

/** The platforms that the error lists. */
async function available(dir: Dir, options: ResolveOptions = asked): Promise<readonly string[]> {
  const error = await fails(() => dir.openImage(undefined, options), { code: 'NO_MATCHING_PLATFORM' })
  ok(isOciError(error, 'NO_MATCHING_PLATFORM'), 'NO_MATCHING_PLATFORM')
  return error.data.available
}

export const platformCases: readonly StorageCase[] = [
  {
    name: 'open_image_this_platform: single manifest with platform',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const config = await dir.writeDocument(configFor(here), { mediaType: mediaTypes.config })
      const entry = await dir.replaceWithSingleManifest({ ...emptyManifest, config: config.descriptor })
      const image = await dir.openImage(undefined, asked)
      sameJson(image.descriptor, entry)
      // The crate gives no source index here; ours is index.json itself.
      same(image.index?.descriptor.digest, (await dir.readIndex()).descriptor.digest)
    },
  },
  {
    name: 'open_image_this_platform: single manifest without platform info',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      await dir.writeBlob('{}')
      await writeIndex(dir, [await manifestOf(dir, emptyManifest)])
      sameJson(await available(dir), [])
      // 0.7.2 judges an entry without a platform by its config.
      await writeIndex(dir, [await imageFor(dir)])
      sameJson((await dir.openImage(undefined, asked)).config.value, configFor(here))
    },
  },
  {
    name: 'open_image_this_platform: insert with native platform',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = await dir.writeImage({ manifest: emptyManifest, config: configFor(here) })
      sameJson((await dir.openImage(undefined, asked)).descriptor, image.descriptor)
    },
  },
  {
    name: 'open_image_this_platform: find by tag',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = await dir.writeImage(
        { manifest: emptyManifest, config: configFor(here) },
        { tag: 'v1.0' },
      )
      const found = await dir.openImage('v1.0', asked)
      sameJson(found.descriptor, image.descriptor)
      same(found.tag, 'v1.0')
    },
  },
  {
    name: 'open_image_this_platform: missing tag',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      await writeImage(dir, { tag: 'v1.0' })
      const error = await fails(() => dir.openImage('nonexistent', asked), { code: 'TAG_NOT_FOUND' })
      ok(isOciError(error, 'TAG_NOT_FOUND'), 'TAG_NOT_FOUND')
      sameJson(error.data, { tag: 'nonexistent', available: ['v1.0'] })
    },
  },
  {
    name: 'open_image_this_platform: empty index',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      await fails(() => dir.openImage(undefined, asked), { code: 'INDEX_EMPTY' })
    },
  },
  {
    name: 'open_image_this_platform: no matching platform (foreign arches only)',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const manifest = await manifestOf(dir, emptyManifest)
      const arm = { os: 'linux', architecture: 'arm' }
      await writeIndex(dir, [
        { ...manifest, platform: arm64 },
        { ...manifest, platform: arm },
      ])
      sameJson(await available(dir), ['linux/arm64', 'linux/arm'])
    },
  },
  {
    name: 'open_image_this_platform: nested index (manifest list peeling), at any depth',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const manifest = { ...(await imageFor(dir)), platform: here }
      const inner = await indexOf(dir, [manifest])
      for (const entry of [inner, await indexOf(dir, [await indexOf(dir, [inner])])]) {
        await writeIndex(dir, [entry])
        const image = await dir.openImage(undefined, asked)
        sameJson(image.descriptor, manifest)
        same(image.index?.descriptor.digest, inner.digest)
        sameJson(image.index?.value.manifests, [manifest])
      }
    },
  },
  {
    name: 'open_image_this_platform: more than variant defaults: os.version, os.features, the first match',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const windows = {
        os: 'windows',
        architecture: 'amd64',
        'os.version': '10.0.1',
        'os.features': ['win32k'],
      }
      const entries = [
        { ...(await imageFor(dir, arm64)), platform: { ...arm64, variant: 'v8' } },
        { ...(await imageFor(dir, { ...arm64, variant: 'v9' })), platform: { ...arm64, variant: 'v9' } },
        { ...(await imageFor(dir, windows)), platform: windows },
      ]
      await writeIndex(dir, entries)
      const opened = async (platform: Partial<Platform>): Promise<unknown> =>
        (await dir.openImage(undefined, { platform })).descriptor
      sameJson(await opened(arm64), entries[0])
      sameJson(await opened({ ...arm64, variant: 'v9' }), entries[1])
      sameJson(await opened({ 'os.version': '10.0.1' }), entries[2])
      sameJson(await opened({ os: 'windows', 'os.features': ['win32k'] }), entries[2])
      await available(dir, { platform: { os: 'windows', 'os.version': '10.0.2' } })
    },
  },
  {
    name: 'open_image_this_platform: attestations are passed over, and are no platform found',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = { ...(await imageFor(dir, arm64)), platform: arm64 }
      const attestation = { ...(await imageFor(dir, unknown)), platform: unknown }
      await writeIndex(dir, [attestation, image])
      sameJson((await dir.openImage()).descriptor, image)
      sameJson(await available(dir), ['linux/arm64'])
    },
  },
  {
    name: 'open_image_this_platform: the error lists at most 10 of the platforms found',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const manifest = await manifestOf(dir, emptyManifest)
      const entries = Array.from({ length: 12 }, (_, i) => ({
        ...manifest,
        platform: { os: 'linux', architecture: `cpu${i}` },
      }))
      await writeIndex(dir, entries)
      const listed = await available(dir)
      same(listed.length, 10)
      same(listed[9], 'linux/cpu9')
    },
  },
]
