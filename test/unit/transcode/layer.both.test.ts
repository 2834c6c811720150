/** transcodeLayer: one layer from each compression to each, and what is refused. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { type Codec, identity } from '../../../src/codec/codec.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { copy } from '../../../src/copy/copy.ts'
import { digestOf } from '../../../src/digest.ts'
import { layersOf } from '../../../src/image.ts'
import type { Layer } from '../../../src/layer.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, type Digest, mediaTypes } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { transcodeLayer } from '../../../src/transcode/layer.ts'
import { forwarding } from '../../suites/index.ts'
import { bytesOf } from '../../suites/material.ts'
import { namesIn } from '../core/library.ts'
import { emptyDir, failsWith } from '../core/samples.ts'
import { codecs, counting, fixture, storingZstd } from './samples.ts'

type Dir = OciDir<StorageAdapter>

const max = 1 << 24
const targets: readonly (readonly [string, Codec])[] = [
  ['plain', identity],
  ['gzip', gzip({ level: 1 })],
  ['zstd', storingZstd],
]

/** A fixture in memory, and the layers of its only image. */
async function copied(name: string): Promise<{ dir: Dir; layers: Layer[] }> {
  const dir = await emptyDir()
  await copy(await fixture(name), dir)
  return { dir, layers: layersOf(await dir.openImage()) }
}

const tarOf = async (dir: Dir, layer: Layer): Promise<Uint8Array> =>
  collect(await dir.readLayer(layer, { codecs }), { max })

/** A layer of some bytes, which need be no tar. */
async function sample(dir: Dir, codec: Codec = identity): Promise<Layer> {
  return dir.writeLayer(bytesOf(5000, 1), { codec })
}

describe.each([
  ['rs-none/rs-none', ''],
  ['rs-gzip/rs-gzip', '+gzip'],
  ['rs-zstd/rs-zstd', '+zstd'],
  ['skopeo-zstd/skopeo-zstd', '+zstd'],
])('layers of %s', (name, suffix) => {
  it.each(targets)('become %s, with the same tar and diffID', async (_, codec) => {
    const { dir, layers } = await copied(name)
    expect(layers.length).toBeGreaterThan(1)
    for (const layer of layers) {
      const tar = await tarOf(dir, layer)
      const next = await transcodeLayer(dir, layer, { codec, codecs })
      expect(next.diffId).toBe(layer.diffId)
      expect(next.descriptor.mediaType).toBe(`${mediaTypes.layer}${codec.suffix}`)
      expect(next.descriptor.digest === layer.descriptor.digest).toBe(codec.suffix === suffix)
      expect(equalBytes(await tarOf(dir, next), tar)).toBe(true)
      // By its descriptor alone it has the same diffID, which then is found.
      expect(await transcodeLayer(dir, layer.descriptor, { codec, codecs })).toEqual(next)
    }
  })

  it('compressed anew by a canonical codec are what this makes of their tars', async () => {
    const { dir, layers } = await copied(name)
    for (const layer of layers) {
      const codec = gzip({ level: 1 })
      const next = await transcodeLayer(dir, layer, { codec, codecs, recompress: true })
      expect(next).toEqual(await (await emptyDir()).writeLayer(await tarOf(dir, layer), { codec }))
    }
  })
})

describe('a layer that has the compression already', () => {
  it('stays as it is, and nothing is read or written', async () => {
    const place = memory()
    const written = await sample(await OciDir.ensure(place), gzip())
    let calls = 0
    const counted = forwarding(place, {
      open: (path, options) => {
        calls += 1
        return place.open(path, options)
      },
      stage: options => {
        calls += 1
        return place.stage(options)
      },
    })
    const dir = await OciDir.open(counted)
    calls = 0
    const { codec, encoded } = counting(gzip())
    expect(await transcodeLayer(dir, written, { codec })).toEqual(written)
    expect({ calls, encoded: encoded() }).toEqual({ calls: 0, encoded: 0 })
    // The counters count.
    await transcodeLayer(dir, written, { codec, recompress: true })
    expect(calls).toBeGreaterThan(1)
    expect(encoded()).toBe(1)
  })

  it('of another level is compressed anew when that is asked', async () => {
    const dir = await emptyDir()
    const stored = await dir.writeLayer('a'.repeat(10_000), { codec: gzip({ level: 0 }) })
    const next = await transcodeLayer(dir, stored, { codec: gzip({ level: 6 }), recompress: true })
    expect(next.diffId).toBe(stored.diffId)
    expect(next.descriptor.size).toBeLessThan(stored.descriptor.size / 10)
  })
})

describe('the new descriptor', () => {
  const types: readonly (readonly [string, Codec, string])[] = [
    [mediaTypes.dockerLayerGzip, identity, mediaTypes.dockerLayer],
    [mediaTypes.dockerLayerGzip, storingZstd, mediaTypes.layerZstd],
    [mediaTypes.foreignLayerGzip, identity, mediaTypes.foreignLayer],
    [mediaTypes.foreignLayerGzip, storingZstd, mediaTypes.foreignLayerZstd],
    [mediaTypes.dockerForeignLayerGzip, identity, mediaTypes.foreignLayer],
    [mediaTypes.layerGzip, storingZstd, mediaTypes.layerZstd],
  ]
  it.each(types)('of a layer of type %s is of the same family', async (mediaType, codec, expected) => {
    const dir = await emptyDir()
    const { descriptor, diffId } = await sample(dir, gzip())
    const next = await transcodeLayer(
      dir,
      { descriptor: { ...descriptor, mediaType }, diffId },
      { codec, codecs },
    )
    expect(next.descriptor.mediaType).toBe(expected)
    expect(next.diffId).toBe(diffId)
  })

  it('has the type that is asked for', async () => {
    const dir = await emptyDir()
    const mediaType = 'application/vnd.example.layer'
    const { descriptor } = await transcodeLayer(dir, await sample(dir), { codec: gzip(), mediaType })
    expect(descriptor.mediaType).toBe(mediaType)
  })

  it('keeps what the old one says, but for what is true of the old bytes alone', async () => {
    const dir = await emptyDir()
    const { descriptor, diffId } = await sample(dir, gzip())
    const said = {
      annotations: { '': 'kept', ['__proto__']: 'kept', 'org.example.note': 'kept' },
      'x-own': { big: 2n ** 60n, none: null },
      artifactType: 'application/x.kept',
    }
    const gone = {
      'io.github.containers.zstd-chunked.manifest-position': '1:2:3:1',
      'io.containers.zstd-chunked.manifest-checksum': 'sha256:0',
      'containerd.io/snapshot/stargz/toc.digest': 'sha256:0',
    }
    const old = {
      ...descriptor,
      ...said,
      annotations: { ...said.annotations, ...gone },
      data: 'e30=',
      urls: ['https://example.org/'],
    }
    const plain = await transcodeLayer(dir, { descriptor: old, diffId }, { codec: identity, codecs })
    const { mediaType, digest, size, ...rest } = plain.descriptor
    expect(rest).toEqual(said)
    expect(Object.keys(rest.annotations ?? {})).toEqual(Object.keys(said.annotations))
    expect({ mediaType, digest, size }).toEqual({ mediaType: mediaTypes.layer, digest: diffId, size: 5000 })
    // Go writes an absent map as null.
    const bare = { ...descriptor, annotations: null } as unknown as Descriptor
    expect((await transcodeLayer(dir, bare, { codec: identity, codecs })).descriptor.annotations).toBeNull()
  })
})

describe('a layer is refused', () => {
  const refused = async (
    make: (dir: Dir) => Promise<Layer | Descriptor>,
    options: Partial<Parameters<typeof transcodeLayer>[2]> = {},
  ): Promise<unknown> => {
    const dir = await emptyDir()
    const layer = await make(dir)
    const call = transcodeLayer(dir, layer, { codec: identity, codecs, ...options })
    const thrown = await call.catch(error => error)
    expect((await namesIn(dir.storage)).filter(name => name.startsWith('.ocidir'))).toEqual([])
    return thrown
  }

  it.each([['sha256:'.padEnd(71, '1')], ['sha512:'.padEnd(135, '1')]])(
    'that unpacks to another diffID (%s)',
    async diffId => {
      const wrong = diffId as Digest
      const thrown = await refused(async dir => ({ ...(await sample(dir, gzip())), diffId: wrong }))
      expect(thrown).toEqual(failsWith('DIFF_ID_MISMATCH', { expected: wrong }))
    },
  )

  it('of a SHA-512 diffID only when that is wrong', async () => {
    const dir = await emptyDir()
    const { descriptor } = await sample(dir, gzip())
    const diffId = await digestOf(bytesOf(5000, 1), { algorithm: 'sha512' })
    expect(await transcodeLayer(dir, { descriptor, diffId }, { codec: identity, codecs })).toMatchObject({
      diffId,
    })
  })

  it('that is not what its type says', async () => {
    const mediaType = mediaTypes.layerGzip
    const thrown = await refused(async dir => ({ ...(await sample(dir)).descriptor, mediaType }))
    expect(thrown).toMatchObject({ code: 'GZIP_INVALID', data: { where: expect.stringMatching(/^sha256:/) } })
  })

  it('that nobody here can read', async () => {
    const zstdLayer = (dir: Dir): Promise<Layer> => sample(dir, storingZstd)
    expect(await refused(zstdLayer, { codec: gzip(), codecs: [] })).toEqual(failsWith('CODEC_MISSING'))
    const odd = { mediaType: 'application/x.odd' }
    const thrown = await refused(async dir => ({ ...(await sample(dir)).descriptor, ...odd }))
    expect(thrown).toEqual(failsWith('CODEC_MISSING', odd))
  })

  it('that unpacks to more than it may', async () => {
    const thrown = await refused(dir => sample(dir, gzip()), { maxBytes: 4999 })
    expect(thrown).toEqual(failsWith('LIMIT_EXCEEDED', { limit: 'maxBytes', max: 4999 }))
  })

  it('that is not there, or not the size that it should be', async () => {
    const digest: Digest = `sha256:${'0'.repeat(64)}`
    const missing = { mediaType: mediaTypes.layerGzip, digest, size: 1 }
    expect(await refused(async () => missing)).toEqual(failsWith('BLOB_MISSING', { digest }))
    const thrown = await refused(async dir => ({ ...(await sample(dir, gzip())).descriptor, size: 1 }))
    expect(thrown).toEqual(failsWith('SIZE_MISMATCH'))
  })
})
