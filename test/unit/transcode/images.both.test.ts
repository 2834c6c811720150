/** transcode: images and indexes of other tools and of ours, into the same layout and into others. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { type Codec, identity } from '../../../src/codec/codec.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { copy } from '../../../src/copy/copy.ts'
import { blobPath } from '../../../src/digest.ts'
import { configure, draft, layersOf, pushLayer } from '../../../src/image.ts'
import { readIndex } from '../../../src/layout.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { Image } from '../../../src/resolve.ts'
import { type Descriptor, type Digest, mediaTypes } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { tarSource } from '../../../src/tar/index.ts'
import { transcode } from '../../../src/transcode/transcode.ts'
import { forwarding } from '../../suites/index.ts'
import { namesIn, tagsIn } from '../core/library.ts'
import { amd64, arm64, emptyDir, failsWith } from '../core/samples.ts'
import { codecs, counting, faultsIn, fixture, restOf, storingZstd } from './samples.ts'

type Dir = OciDir<StorageAdapter>

const suffixes = (image: Image): string[] =>
  image.manifest.value.layers.map(({ mediaType }) => mediaType.replace(mediaTypes.layer, ''))

/** Two images of tars that share a layer, in an index `multi`; the second alone is `one`. */
async function writeMulti(dir: Dir, codec: Codec = gzip({ level: 1 })): Promise<Descriptor> {
  const shared = await dir.writeLayer(tarSource([{ path: 'shared', body: 'both' }]), { codec })
  const children: Descriptor[] = []
  for (const platform of [amd64, arm64]) {
    const own = await dir.writeLayer(tarSource([{ path: 'own', body: platform.architecture }]), { codec })
    const image = pushLayer(pushLayer(configure(draft(platform), { Cmd: ['/own'] }), shared), own)
    const tag = platform === arm64 ? 'one' : undefined
    const { descriptor } = await dir.writeImage(image, { tag })
    const { annotations: _name, ...child } = descriptor
    children.push({ ...child, 'x-child': [null] } as Descriptor)
  }
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: children,
    'x-index': { a: 2n ** 60n },
  }
  const { descriptor } = await dir.writeDocument(index, { mediaType: mediaTypes.index })
  await dir.tag(descriptor, 'multi')
  return descriptor
}

async function imagesOf(dir: OciDir, ref: string | Descriptor): Promise<Image[]> {
  const found: Image[] = []
  for await (const image of dir.images(ref)) found.push(image)
  return found
}

describe.each([
  ['rs-zstd/rs-zstd', 1],
  ['skopeo-zstd/skopeo-zstd', 1],
  ['rs-gzip/rs-gzip', 1],
  ['rs-none/rs-none', 1],
  ['crane-multiarch/crane-multiarch', 2],
  ['regctl-multiarch/regctl-multiarch', 2],
  ['oras-multiarch/oras-multiarch', 2],
])('images of %s', (name, count) => {
  it.each([
    ['plain', identity],
    ['gzip', gzip({ level: 1 })],
    ['zstd', storingZstd],
  ])('become %s: same configs, same diffIDs, all else as it was', async (_, codec) => {
    const source = await fixture(name)
    const target = await emptyDir()
    const { entries } = await transcode(source, target, { codec, codecs })
    const before: Image[] = []
    for await (const image of source.images()) before.push(image)
    expect(before.length).toBe(count)
    const after: Image[] = []
    for await (const image of target.images()) after.push(image)
    expect(after.map(({ config }) => config.bytes)).toEqual(before.map(({ config }) => config.bytes))
    for (const [i, image] of after.entries()) {
      const old = before[i] as Image
      expect(suffixes(image)).toEqual(layersOf(old).map(() => codec.suffix))
      expect(layersOf(image).map(({ diffId }) => diffId)).toEqual(layersOf(old).map(({ diffId }) => diffId))
      expect(restOf(image.manifest.value)).toBe(restOf(old.manifest.value))
      expect(image.descriptor.platform).toEqual(old.descriptor.platform)
    }
    const index = (await target.readIndex()).value
    expect(index.manifests).toEqual(entries)
    expect(restOf(index)).toBe(restOf({ ...(await source.readIndex()).value, mediaType: mediaTypes.index }))
    expect(await faultsIn(target.storage)).toEqual(await faultsIn(source.storage))
  })

  it('that have the compression already are copied, byte for byte', async () => {
    const source = await fixture(name)
    const [first] = (await source.openImage(undefined, { platform: amd64 })).manifest.value.layers
    const compression = first?.mediaType.split('+')[1]
    const codec = compression === 'zstd' ? storingZstd : compression === 'gzip' ? gzip() : identity
    const [ours, theirs] = [await emptyDir(), await emptyDir()]
    const { layers, ...result } = await transcode(source, ours, { codec })
    expect({ layers, result }).toEqual({ layers: [], result: { ...(await copy(source, theirs)) } })
    expect(await namesIn(ours.storage)).toEqual(await namesIn(theirs.storage))
  })
})

describe('an image', () => {
  it('goes from gzip to plain and back, and to the same digest again', async () => {
    const dir = await emptyDir()
    await writeMulti(dir)
    await transcode(dir, dir, { refs: ['one'], as: 'plain', codec: identity, codecs })
    await transcode(dir, dir, { refs: ['plain'], as: 'packed', codec: gzip({ level: 1 }) })
    expect((await dir.resolve('packed')).digest).toBe((await dir.resolve('one')).digest)
    expect((await dir.resolve('plain')).digest).not.toBe((await dir.resolve('one')).digest)
    expect(await faultsIn(dir.storage)).toEqual([])
  })

  it('that was opened is one, too, and gets the name asked for', async () => {
    const source = await emptyDir()
    await writeMulti(source)
    const target = await emptyDir()
    const image = await source.openImage('multi', { platform: 'linux/arm64' })
    const { entries } = await transcode(image, target, { codec: identity, codecs, as: 'arm' })
    expect(entries).toMatchObject([{ mediaType: mediaTypes.manifest, platform: arm64, 'x-child': [null] }])
    expect(await tagsIn(target)).toEqual(['arm'])
    expect(suffixes(await target.openImage('arm'))).toEqual(['', ''])
    expect(await faultsIn(target.storage)).toEqual([])
  })

  it('compressed anew by a canonical codec is what was built so', async () => {
    const [source, ours] = [await emptyDir(), await emptyDir()]
    await writeMulti(source, gzip({ level: 0 }))
    await writeMulti(ours, gzip({ level: 1 }))
    const target = await emptyDir()
    const codec = gzip({ level: 1 })
    await transcode(source, target, { refs: ['multi', 'one'], codec, recompress: true })
    for (const tag of ['multi', 'one'])
      expect((await target.resolve(tag)).digest).toBe((await ours.resolve(tag)).digest)
    // What is canonical already comes out as it was, and no document is written again in another form.
    const again = await transcode(target, await emptyDir(), { codec, recompress: true })
    expect(again.entries).toEqual((await target.readIndex()).value.manifests)
    expect(again.layers.map(({ before, after }) => before.digest === after.descriptor.digest)).toEqual([
      true,
      true,
      true,
    ])
  })

  it('keeps a form of its manifest that is not ours where its layers come out as they were', async () => {
    const dir = await emptyDir()
    await writeMulti(dir)
    const { manifest } = await dir.openImage('one')
    const text = JSON.stringify(JSON.parse(new TextDecoder().decode(manifest.bytes)), undefined, 2)
    const spaced = await dir.writeBlob(text, { mediaType: mediaTypes.manifest })
    await dir.tag(spaced, 'spaced')
    const target = await emptyDir()
    await transcode(dir, target, { refs: ['spaced'], codec: gzip({ level: 1 }), recompress: true })
    expect((await target.openImage('spaced')).manifest.bytes).toEqual(new TextEncoder().encode(text))
    expect(await faultsIn(target.storage)).toEqual([])
  })
})

describe('what stays', () => {
  it('is a document whose digest nobody can verify, with all below it, beside others that change', async () => {
    const dir = await emptyDir()
    await writeMulti(dir)
    const { manifest } = await dir.openImage('one')
    const odd: Descriptor = { ...manifest.descriptor, digest: `blake3:${'cd'.repeat(32)}` }
    const staged = await dir.storage.stage()
    const sink = staged.writable.getWriter()
    await sink.write(manifest.bytes)
    await sink.close()
    await staged.commit(blobPath(odd.digest))
    await dir.tag(odd, 'odd')
    const target = await emptyDir()
    const { unverified, layers } = await transcode(dir, target, { codec: identity, codecs })
    expect([unverified.map(({ digest }) => digest), layers.length]).toEqual([[odd.digest], 3])
    expect((await tagsIn(target)).sort()).toEqual(['multi', 'odd', 'one'])
    const bytes = await (await target.storage.open(blobPath(odd.digest)))?.bytes()
    expect(bytes).toEqual(manifest.bytes)
    for (const { digest } of manifest.value.layers)
      expect(await target.storage.open(blobPath(digest))).toBeDefined()
    expect(suffixes(await target.openImage('one'))).toEqual(['', ''])
  })

  it('is not a layer for its type: one by Docker and by OCI is compressed once', async () => {
    const dir = await emptyDir()
    await writeMulti(dir)
    const { manifest } = await dir.openImage('one')
    const docker = {
      ...manifest.value,
      mediaType: mediaTypes.dockerManifest,
      config: { ...manifest.value.config, mediaType: mediaTypes.dockerConfig },
      layers: manifest.value.layers.map(layer => ({ ...layer, mediaType: mediaTypes.dockerLayerGzip })),
    }
    const { descriptor } = await dir.writeDocument(docker, { mediaType: mediaTypes.dockerManifest })
    await dir.tag(descriptor, 'docker')
    const { codec, encoded } = counting(gzip({ level: 6 }))
    const refs = ['one', 'docker']
    const { layers } = await transcode(dir, await emptyDir(), { refs, codec, recompress: true })
    expect([encoded(), layers.length]).toEqual([2, 2])
  })
})

describe('an index', () => {
  it('keeps its order and fields, and a layer of two images is compressed once', async () => {
    const source = await emptyDir()
    const old = await writeMulti(source)
    const target = await emptyDir()
    const { codec, encoded } = counting(gzip({ level: 6 }))
    const { layers } = await transcode(source, target, { refs: ['multi'], codec, recompress: true })
    expect({ encoded: encoded(), layers: layers.length }).toEqual({ encoded: 3, layers: 3 })
    const before = await source.readDocument(old)
    const after = await target.readDocument(await target.resolve('multi'))
    expect(after.descriptor.digest).not.toBe(old.digest)
    expect(restOf(after.value)).toBe(restOf(before.value))
    expect((await imagesOf(target, 'multi')).map(({ descriptor }) => descriptor.platform)).toEqual([
      amd64,
      arm64,
    ])
  })

  it('inside of indexes changes with all that are around it', async () => {
    const dir = await emptyDir()
    let inner = await writeMulti(dir)
    for (let depth = 0; depth < 3; depth++) {
      const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [inner], 'x-depth': depth }
      inner = (await dir.writeDocument(index, { mediaType: mediaTypes.index })).descriptor
    }
    await dir.tag(inner, 'deep')
    await transcode(dir, dir, { refs: ['deep'], as: 'deep-plain', codec: identity, codecs })
    for (const image of await imagesOf(dir, 'deep-plain')) expect(suffixes(image)).toEqual(['', ''])
    const top = await dir.readDocument(await dir.resolve('deep-plain'))
    expect(top.value).toMatchObject({ 'x-depth': 2 })
    expect(await faultsIn(dir.storage)).toEqual([])
  })

  it('keeps children that are not here, artifacts, and what is no image', async () => {
    const source = await emptyDir()
    const { value: multi } = await readIndex(source, await writeMulti(source))
    const blob = await source.writeBlob('text', { mediaType: mediaTypes.layer })
    const { descriptor: artifact } = await source.writeDocument(
      {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        artifactType: 'application/x.files',
        config: await source.writeBlob('{}', { mediaType: mediaTypes.empty }),
        layers: [blob],
      },
      { mediaType: mediaTypes.manifest },
    )
    const digest: Digest = `sha256:${'9'.repeat(64)}`
    const absent = { mediaType: mediaTypes.manifest, digest, size: 9 }
    const odd = await source.writeBlob('odd', { mediaType: 'text/plain' })
    const others = [artifact, absent, odd]
    const index = { ...multi, manifests: [...multi.manifests, ...others] }
    const { descriptor } = await source.writeDocument(index, { mediaType: mediaTypes.index })
    await source.tag(descriptor, 'mixed')
    const target = await emptyDir()
    const result = await transcode(source, target, {
      refs: ['mixed'],
      codec: gzip({ level: 9 }),
      recompress: true,
    })
    expect(result.absent).toEqual([absent])
    const { value } = await readIndex(target, await target.resolve('mixed'))
    expect(value.manifests.slice(2)).toEqual(others)
    expect(await target.hasBlob(blob)).toBe(true)
    expect(await target.hasBlob(odd)).toBe(true)
  })
})

describe('what is not to change', () => {
  it('of an image are foreign layers and such of no layer type', async () => {
    const source = await emptyDir()
    const own = await source.writeLayer(tarSource([{ path: 'a', body: 'a' }]), { codec: gzip() })
    const digest: Digest = `sha256:${'1'.repeat(64)}`
    const foreign = {
      mediaType: mediaTypes.foreignLayerGzip,
      digest,
      size: 9,
      urls: ['https://example.org/'],
    }
    const odd = await source.writeBlob('odd', { mediaType: 'application/vnd.in-toto+json' })
    let image = draft(amd64)
    for (const layer of [
      own,
      { descriptor: foreign, diffId: digest },
      { descriptor: odd, diffId: odd.digest },
    ])
      image = pushLayer(image, layer)
    await source.writeImage(image, { tag: 'app' })
    const target = await emptyDir()
    const result = await transcode(source, target, { codec: identity, codecs })
    expect(result.absent).toMatchObject([{ digest }])
    const [first, ...others] = (await target.openImage('app')).manifest.value.layers
    expect(first?.mediaType).toBe(mediaTypes.layer)
    expect(others).toEqual([foreign, odd])
  })

  it('is a layout of artifacts', async () => {
    for (const name of ['oras-artifact/oras-artifact', 'odd-valid/55-foreign-layer-urls-valid']) {
      const source = await fixture(name)
      const target = await emptyDir()
      const { entries } = await transcode(source, target, { codec: gzip(), codecs })
      expect(entries).toEqual((await source.readIndex()).value.manifests)
    }
  })

  it('is who refers to whom: subjects stay, and referrers stay with the old image', async () => {
    const source = await fixture('rs-referrers/rs-referrers')
    const target = await emptyDir()
    await transcode(source, target, { codec: gzip(), codecs })
    const subjects = async (dir: OciDir): Promise<unknown[]> => {
      const found: unknown[] = []
      for (const entry of (await dir.readIndex()).value.manifests)
        found.push((await dir.readDocument(entry)).value.subject)
      return found
    }
    const before = await subjects(source)
    expect(before.filter(Boolean).length).toBeGreaterThan(0)
    expect(await subjects(target)).toEqual(before)
  })

  it('P7: nothing is written where all is as it should be', async () => {
    const place = memory()
    await writeMulti(await OciDir.ensure(place))
    let [stages, edits] = [0, 0]
    const counted = forwarding(place, {
      stage: options => {
        stages += 1
        return place.stage(options)
      },
      update: (path, edit, options) =>
        place.update(
          path,
          now => {
            const next = edit(now)
            if (next !== undefined) edits += 1
            return next
          },
          options,
        ),
    })
    const dir = await OciDir.open(counted)
    expect((await transcode(dir, dir, { codec: gzip() })).layers).toEqual([])
    expect({ stages, edits }).toEqual({ stages: 0, edits: 0 })
    await transcode(dir, dir, { codec: identity, codecs })
    expect(stages).toBeGreaterThan(3)
    expect(edits).toBe(1)
  })
})

describe("Docker's types", () => {
  /** A list of one Docker image, as registries have them. */
  async function writeDocker(dir: Dir): Promise<void> {
    const layer = await dir.writeLayer(tarSource([{ path: 'a', body: 'a' }]), { codec: gzip() })
    const { descriptor: config } = await dir.writeDocument(
      { ...amd64, container_config: {}, rootfs: { type: 'layers', diff_ids: [layer.diffId, layer.diffId] } },
      { mediaType: mediaTypes.dockerConfig },
    )
    const digest: Digest = `sha256:${'1'.repeat(64)}`
    const urls = ['https://example.org/']
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config,
      layers: [
        { mediaType: mediaTypes.dockerForeignLayerGzip, digest, size: 9, urls },
        { ...layer.descriptor, mediaType: mediaTypes.dockerLayerGzip },
      ],
    }
    const { descriptor } = await dir.writeDocument(manifest, { mediaType: mediaTypes.dockerManifest })
    const list = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifestList,
      manifests: [{ ...descriptor, platform: amd64 }],
    }
    const written = await dir.writeDocument(list, { mediaType: mediaTypes.dockerManifestList })
    await dir.tag(written.descriptor, 'app')
  }

  it.each([
    ['kept where Docker has such layers', identity, 'docker'],
    ["become OCI's, all of them, where it has none", storingZstd, 'oci'],
  ] as const)('are %s', async (_, codec, family) => {
    const source = await emptyDir()
    await writeDocker(source)
    const target = await emptyDir()
    const { entries } = await transcode(source, target, { codec, codecs })
    const { descriptor, manifest, config } = await target.openImage('app')
    const [foreign, layer] = manifest.value.layers
    const index = await target.readDocument(entries[0] as Descriptor)
    expect({
      entry: entries[0]?.mediaType,
      index: index.value.mediaType,
      child: descriptor.mediaType,
      manifest: manifest.value.mediaType,
      config: manifest.value.config.mediaType,
      foreign: foreign?.mediaType,
      layer: layer?.mediaType,
    }).toEqual(
      family === 'docker'
        ? {
            entry: mediaTypes.dockerManifestList,
            index: mediaTypes.dockerManifestList,
            child: mediaTypes.dockerManifest,
            manifest: mediaTypes.dockerManifest,
            config: mediaTypes.dockerConfig,
            foreign: mediaTypes.dockerForeignLayerGzip,
            layer: mediaTypes.dockerLayer,
          }
        : {
            entry: mediaTypes.index,
            index: mediaTypes.index,
            child: mediaTypes.manifest,
            manifest: mediaTypes.manifest,
            config: mediaTypes.config,
            foreign: mediaTypes.foreignLayerGzip,
            layer: mediaTypes.layerZstd,
          },
    )
    expect(foreign?.urls).toEqual(['https://example.org/'])
    expect(config.bytes).toEqual((await source.openImage('app')).config.bytes)
    expect(await faultsIn(target.storage)).toEqual([])
  })
})

describe('names', () => {
  it('within one layout stay where they are, and the new image is listed without one', async () => {
    const dir = await emptyDir()
    await writeMulti(dir)
    const before = (await dir.readIndex()).value.manifests
    const options = { codec: identity, codecs }
    const { entries } = await transcode(dir, dir, { ...options, refs: ['one'] })
    expect(entries).toMatchObject([{ platform: arm64, annotations: {} }])
    expect((await dir.readIndex()).value.manifests).toEqual([...before, ...entries])
    // Not again, and not of a nested image that needs no change either.
    await transcode(dir, dir, { ...options, refs: ['one'] })
    await transcode(dir, dir, { codec: gzip(), refs: ['multi'], platform: 'linux/arm64' })
    expect(await tagsIn(dir)).toEqual(['one', 'multi'])
    expect((await dir.resolve('multi')).mediaType).toBe(mediaTypes.index)
  })

  it('are those asked for, which then leave their old image', async () => {
    const dir = await emptyDir()
    await writeMulti(dir)
    await transcode(dir, dir, { refs: ['one'], as: 'one', codec: identity, codecs })
    expect(await tagsIn(dir)).toEqual(['multi', 'one'])
    expect(suffixes(await dir.openImage('one'))).toEqual(['', ''])
    await expect(transcode(dir, dir, { refs: ['none'], codec: identity, codecs })).rejects.toEqual(
      failsWith('TAG_NOT_FOUND'),
    )
  })

  it('go along into another layout, where they drop what had them', async () => {
    const [source, target] = [await emptyDir(), await emptyDir()]
    await writeMulti(source)
    await writeMulti(target)
    await transcode(source, target, { refs: ['one'], codec: identity, codecs })
    expect(await tagsIn(target)).toEqual(['multi', 'one'])
    expect(suffixes(await target.openImage('one'))).toEqual(['', ''])
  })

  it('go with options as in a copy', async () => {
    const dir = await emptyDir()
    await writeMulti(dir)
    const image = await dir.openImage('one')
    const codec = gzip()
    for (const call of [
      () => transcode(image, dir, { codec, refs: ['a'] }),
      () => transcode(dir, dir, { codec, as: 'x' }),
      () => transcode(dir, dir, { codec, platform: 'linux/amd64' }),
    ])
      await expect(call).rejects.toThrow(TypeError)
    await expect(transcode(image, dir, { codec, as: '' })).rejects.toThrow(RangeError)
    await expect(transcode(image, dir, { codec, concurrency: 0 })).rejects.toThrow(RangeError)
  })
})
