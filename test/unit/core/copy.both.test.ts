/** copy: an image, or parts of a layout, into another layout, in memory. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { copy } from '../../../src/copy/copy.ts'
import { blobPath } from '../../../src/digest.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, mediaTypes } from '../../../src/spec.ts'
import { forwarding } from '../../suites/index.ts'
import { library, namesIn, tagsIn, textAt } from './library.ts'
import { RawStorage } from './raw-storage.ts'
import {
  addBlob,
  addImage,
  addIndex,
  amd64,
  arm64,
  emptyDir,
  failsWith,
  named,
  rawLayout,
  text,
  writeSample,
} from './samples.ts'

describe('copy of an image', () => {
  it('brings its blobs and lists it by the name asked for', async () => {
    const image = await writeSample(await emptyDir(), { tag: 'app:1' })
    const target = await emptyDir()
    const result = await copy(image, target, { as: 'base' })
    expect(result).toMatchObject({ copied: 4, present: 0, unverified: [], absent: [] })
    expect(await tagsIn(target)).toEqual(['base'])
    expect((await target.openImage('base')).manifest.bytes).toEqual(image.manifest.bytes)
    expect(await fsck(target.storage)).toMatchObject({ ok: true, validated: 4, findings: [] })
  })

  it('keeps its own name and entry where none is asked for', async () => {
    const image = await writeSample(await emptyDir(), { tag: 'app:1' })
    const target = await emptyDir()
    expect((await copy(image, target)).entries).toEqual([image.descriptor])
    expect((await target.readIndex()).value.manifests).toEqual([image.descriptor])
  })

  it('of a nested index lists the image itself, by the tag that led to it', async () => {
    const storage = new RawStorage()
    const images = [await addImage(storage, amd64, 'a'), await addImage(storage, arm64, 'b')]
    const children = images.map((image, i) => named({ ...image, platform: [amd64, arm64][i] }, 'inner'))
    rawLayout(storage, [named(await addIndex(storage, children), 'app:1')])
    const source = await OciDir.open(storage)
    const target = await emptyDir()
    await copy(await source.openImage('app:1', { platform: 'linux/arm64' }), target)
    expect(await tagsIn(target)).toEqual(['app:1'])
    expect((await target.resolve('app:1')).digest).toBe(images[1]?.digest)
    // By a digest no name is asked, and what a nested index calls it is none (A4).
    const byDigest = await emptyDir()
    await copy(source, byDigest, { refs: [images[0]?.digest ?? ''] })
    expect((await byDigest.readIndex()).value.manifests).toEqual([
      { ...images[0], platform: amd64, annotations: {} },
    ])
  })

  it('refuses options that make no sense', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'a' })
    const target = await emptyDir()
    for (const call of [
      () => copy(image, target, { refs: ['a'] }),
      () => copy(image, target, { platform: 'linux/amd64' }),
      () => copy(dir, target, { as: 'x' }),
      () => copy(dir, target, { as: 'x', refs: ['a', 'b'] }),
      () => copy(dir, target, { platform: 'linux/amd64' }),
    ])
      await expect(call).rejects.toThrow(TypeError)
    await expect(copy(image, target, { as: '' })).rejects.toThrow(RangeError)
    for (const concurrency of [0, -1, 1.5, 1e9])
      await expect(copy(image, target, { concurrency })).rejects.toThrow(RangeError)
    expect(await namesIn(target.storage)).toEqual(['index.json', 'oci-layout'])
  })
})

describe('copy of a layout', () => {
  it('brings everything that index.json lists, in its order, entries as they stand', async () => {
    const source = await OciDir.open(await library())
    const target = await emptyDir()
    const { copied } = await copy(source, target)
    const entries = (await source.readIndex()).value.manifests
    expect((await target.readIndex()).value.manifests).toEqual(entries)
    expect(copied).toBe(13)
    expect(await fsck(target.storage)).toMatchObject({ ok: true, validated: 13 })
  })

  it('brings the references asked for, an index whole', async () => {
    const source = await OciDir.open(await library())
    const target = await emptyDir()
    expect((await copy(source, target, { refs: [{ tag: 'multi' }] })).copied).toBe(7)
    expect(await tagsIn(target)).toEqual(['multi'])
    for (const platform of ['linux/amd64', 'linux/arm64']) await target.openImage('multi', { platform })
    await copy(source, target, { refs: [{ tag: 'one' }], as: 'two' })
    expect(await tagsIn(target)).toEqual(['multi', 'two'])
    await expect(copy(source, target, { refs: ['none'] })).rejects.toEqual(failsWith('TAG_NOT_FOUND'))
  })

  it('of an index lists the image of one platform alone, when that is asked', async () => {
    const source = await OciDir.open(await library())
    const target = await emptyDir()
    await copy(source, target, { refs: ['multi'], platform: 'linux/arm64' })
    const { manifests } = (await target.readIndex()).value
    expect(manifests).toMatchObject([{ mediaType: mediaTypes.manifest, platform: arm64, 'x-own': null }])
    expect(await tagsIn(target)).toEqual(['multi'])
    expect(await fsck(target.storage)).toMatchObject({ ok: true, validated: 3 })
  })

  it('brings every entry of a name that several platforms have', async () => {
    const storage = new RawStorage()
    const images = [await addImage(storage, amd64, 'a'), await addImage(storage, arm64, 'b')]
    rawLayout(
      storage,
      images.map((image, i) => named({ ...image, platform: [amd64, arm64][i] }, 'both')),
    )
    const target = await emptyDir()
    await writeSample(target, { tag: 'both' })
    await copy(await OciDir.open(storage), target, { refs: ['both'], as: 'both' })
    const { manifests } = (await target.readIndex()).value
    expect(manifests.map(({ digest }) => digest)).toEqual(images.map(({ digest }) => digest))
  })

  it('drops every entry of a name in the target, and leaves the others', async () => {
    const source = await OciDir.open(await library())
    const target = await emptyDir()
    await writeSample(target, { tag: 'one', layers: ['old'] })
    await writeSample(target, { tag: 'other' })
    await copy(source, target, { refs: ['one'] })
    expect(await tagsIn(target)).toEqual(['other', 'one'])
    expect((await target.resolve('one')).digest).toBe((await source.resolve('one')).digest)
  })

  it('adds nothing twice, and P7: writes nothing where all is there', async () => {
    const source = await OciDir.open(await library())
    const place = memory()
    await copy(source, await OciDir.ensure(place))
    // Another program's form of the same index stays as it is, too.
    await place.update('index.json', now => text(`${new TextDecoder().decode(now)}\n`))
    const before = await textAt(place, 'index.json')
    let stages = 0
    let edits = 0
    const counting = forwarding(place, {
      stage: options => {
        stages += 1
        return place.stage(options)
      },
      adopt: async () => {
        stages += 1
        return undefined
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
    const reports: number[] = []
    const result = await copy(source, await OciDir.open(counting), {
      onProgress: ({ bytes }) => reports.push(bytes),
    })
    expect(result).toMatchObject({ copied: 0, present: 13, bytes: 0 })
    expect({ stages, edits, reports }).toEqual({ stages: 0, edits: 0, reports: [] })
    expect(await textAt(place, 'index.json')).toBe(before)
    // The counters count: a new name is one edit, and one blob less is one stage more.
    await copy(source, await OciDir.open(counting), { refs: ['one'], as: 'new' })
    expect({ stages, edits }).toEqual({ stages: 0, edits: 1 })
  })

  it('goes on where it was ended: what is there is not moved again', async () => {
    const source = await OciDir.open(await library())
    const target = await emptyDir()
    await copy(source, target, { refs: ['one'] })
    expect(await copy(source, target)).toMatchObject({ copied: 10, present: 3 })
  })

  it('within one storage moves no bytes', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    expect(await copy(dir, dir, { refs: ['a'], as: 'b' })).toMatchObject({ copied: 0, present: 4, bytes: 0 })
    expect(await tagsIn(dir)).toEqual(['a', 'b'])
  })

  it('between two memories shares bytes, and over any other storage streams the same', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    const shared = await copy(dir, await emptyDir())
    const raw = await OciDir.open(await RawStorage.copyOf(dir.storage))
    const streamed = await copy(raw, await emptyDir())
    expect(shared).toMatchObject({ copied: 4, shared: 4 })
    expect(streamed).toEqual({ ...shared, shared: 0 })
  })

  it('tells its progress once a chunk, never backwards, up to the whole', async () => {
    const source = await OciDir.open(await library())
    for (const concurrency of [1, 3, 16]) {
      const reports: { bytes: number; total?: number | undefined }[] = []
      const { bytes } = await copy(source, await emptyDir(), {
        concurrency,
        onProgress: progress => reports.push(progress),
      })
      expect(reports.map(report => report.bytes)).toEqual(
        reports.map(report => report.bytes).sort((a, b) => a - b),
      )
      expect(new Set(reports.map(({ total }) => total))).toEqual(new Set([bytes]))
      expect(reports.at(-1)).toMatchObject({ bytes, total: bytes })
    }
  })

  it('keeps to its bound on what is under way at once', async () => {
    const raw = await library()
    let open = 0
    let most = 0
    const place = memory()
    const watching = forwarding(place, {
      adopt: async () => undefined,
      async stage(options) {
        most = Math.max(most, ++open)
        const staged = await place.stage(options)
        await new Promise(resolve => setTimeout(resolve, 2))
        return {
          writable: staged.writable,
          discard: () => staged.discard(),
          commit: path => {
            open -= 1
            return staged.commit(path)
          },
        }
      },
    })
    await copy(await OciDir.open(raw), await OciDir.ensure(watching), { concurrency: 3 })
    expect(most).toBe(3)
  })

  it('stores children before the documents that name them', async () => {
    const raw = await library()
    const place = memory()
    const order: string[] = []
    const watching = forwarding(place, {
      adopt: async () => undefined,
      async stage(options) {
        const staged = await place.stage(options)
        const commit: typeof staged.commit = async path => {
          const outcome = await staged.commit(path)
          order.push(path)
          return outcome
        }
        return { writable: staged.writable, discard: () => staged.discard(), commit }
      },
    })
    await copy(await OciDir.open(raw), await OciDir.ensure(watching), { concurrency: 8 })
    expect(order).toHaveLength(13)
    for (const [path, bytes] of raw.files) {
      if (!path.startsWith('blobs/')) continue
      const named = new TextDecoder().decode(bytes).match(/sha256:[0-9a-f]{64}/g) ?? []
      // A config names diffIDs, which are the layers' own digests here.
      for (const digest of named) {
        const child = order.indexOf(blobPath(digest))
        if (JSON.parse(new TextDecoder().decode(bytes)).rootfs === undefined)
          expect(child).toBeLessThan(order.indexOf(path))
      }
    }
  })

  it('reads blobs of an external place on both sides, and writes to neither', async () => {
    const raw = await library()
    const blobs = new RawStorage([...raw.files].filter(([path]) => path.startsWith('blobs/')))
    const split = new RawStorage([...raw.files].filter(([path]) => !path.startsWith('blobs/')))
    const source = await OciDir.open(split, { blobs })
    const whole = await emptyDir()
    expect(await copy(source, whole)).toMatchObject({ copied: 13 })
    const thin = await OciDir.ensure(memory(), { blobs })
    expect(await copy(source, thin)).toMatchObject({ copied: 0, present: 13 })
    expect((await namesIn(thin.storage)).filter(name => name.startsWith('blobs/'))).toEqual([])
    expect(await tagsIn(thin)).toEqual(['multi', 'one'])
  })
})

describe('what copy takes as it is', () => {
  const sha512 = `sha512:${'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f'}`

  it('M6, D6: artifacts, unknown types, sha512, data and empty blobs', async () => {
    const storage = new RawStorage()
    const config = { ...(await addBlob(storage, '{}', mediaTypes.empty)), data: 'e30=' }
    const empty = await addBlob(storage, '', 'application/x-empty')
    const strange = await addBlob(storage, 'whatever', 'application/vnd.nobody.knows+thing')
    storage.files.set(blobPath(sha512), text('abc'))
    const long = { mediaType: 'text/plain', digest: sha512, size: 3 }
    const manifest = {
      schemaVersion: 2,
      artifactType: 'a/b',
      config,
      layers: [empty, strange, long],
      x: null,
    }
    const artifact = await addBlob(storage, manifest, mediaTypes.manifest)
    rawLayout(storage, [named(artifact, 'artifact'), strange, named(long, 'long')])
    const target = await emptyDir()
    expect(await copy(await OciDir.open(storage), target)).toMatchObject({ copied: 5, unverified: [] })
    for (const [path, bytes] of storage.files) {
      if (path.startsWith('blobs/'))
        expect(await (await target.storage.open(path as 'index.json'))?.bytes()).toEqual(bytes)
    }
  })

  it('D5: digests that nobody here can verify: by their size, told in the result, what they name verified', async () => {
    const storage = new RawStorage()
    const layer = await addBlob(storage, 'layer', mediaTypes.layer)
    const odd: Descriptor = { mediaType: 'text/plain', digest: `blake3:${'ab'.repeat(32)}`, size: 3 }
    storage.files.set(blobPath(odd.digest), text('odd'))
    const config = await addBlob(storage, '{}', mediaTypes.empty)
    const bytes = text(JSON.stringify({ schemaVersion: 2, config, layers: [layer, odd] }))
    const manifest = {
      mediaType: mediaTypes.manifest,
      digest: `blake3:${'cd'.repeat(32)}`,
      size: bytes.length,
    }
    storage.files.set(blobPath(manifest.digest), bytes)
    rawLayout(storage, [named(manifest, 'odd')])
    const target = await emptyDir()
    const { copied, unverified } = await copy(await OciDir.open(storage), target)
    expect(copied).toBe(4)
    expect(unverified.map(({ digest }) => digest).sort()).toEqual([odd.digest, manifest.digest])
    storage.files.set(blobPath(odd.digest), text('od'))
    const other = await emptyDir()
    await expect(copy(await OciDir.open(storage), other)).rejects.toEqual(failsWith('SIZE_MISMATCH'))
    expect(await tagsIn(other)).toEqual([])
  })

  it('sparse indexes and foreign layers that are not there, told in the result', async () => {
    const storage = new RawStorage()
    const here = await addImage(storage, amd64, 'here')
    const gone = { mediaType: mediaTypes.manifest, digest: `sha256:${'0'.repeat(64)}`, size: 7 } as const
    const config = await addBlob(storage, '{}', mediaTypes.empty)
    const foreign = {
      ...gone,
      mediaType: mediaTypes.foreignLayerGzip,
      size: 8,
      urls: ['https://example.com/l'],
    }
    const withForeign = await addBlob(
      storage,
      { schemaVersion: 2, config, layers: [foreign] },
      mediaTypes.manifest,
    )
    rawLayout(storage, [named(await addIndex(storage, [here, gone, withForeign]), 'sparse')])
    const target = await emptyDir()
    const { absent, copied } = await copy(await OciDir.open(storage), target)
    expect(copied).toBe(6)
    expect(absent.map(({ size }) => size)).toEqual([7, 8])
    // The same child as an entry of its own must be there.
    rawLayout(storage, [named(gone, 'gone')])
    await expect(copy(await OciDir.open(storage), target)).rejects.toEqual(failsWith('BLOB_MISSING'))
  })

  it('what the source lacks where the target has it: a thin image meets its base', async () => {
    const base = await writeSample(await emptyDir(), { tag: 'base' })
    const raw = await RawStorage.copyOf(base.layout.storage)
    for (const { digest } of base.manifest.value.layers) raw.files.delete(blobPath(digest))
    const target = await emptyDir()
    await expect(copy(await OciDir.open(raw), target)).rejects.toEqual(failsWith('BLOB_MISSING'))
    await copy(base, target)
    await copy(await OciDir.open(raw), target, { refs: ['base'], as: 'thin' })
    expect(await tagsIn(target)).toEqual(['base', 'thin'])
  })
})

describe('copy with referrers', () => {
  /** An artifact that refers to a subject. */
  async function addReferrer(storage: RawStorage, subject: Descriptor, kind: string): Promise<Descriptor> {
    const config = await addBlob(storage, '{}', mediaTypes.empty)
    const layer = await addBlob(storage, kind, 'text/plain')
    const manifest = { schemaVersion: 2, artifactType: 'a/b', config, layers: [layer], subject }
    return addBlob(storage, manifest, mediaTypes.manifest)
  }

  it('brings those of the image and of what its index holds, their own too, and no others', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage, amd64, 'image')
    const other = await addImage(storage, amd64, 'other')
    const index = await addIndex(storage, [{ ...image, platform: amd64 }])
    const sbom = await addReferrer(storage, image, 'sbom of the image')
    const signature = await addReferrer(storage, sbom, 'signature of the sbom')
    const fallback = await addIndex(storage, [await addReferrer(storage, index, 'in a fallback index')])
    const ofOther = await addReferrer(storage, other, 'sbom of the other')
    const cosign = await addReferrer(storage, other, 'cosign')
    rawLayout(storage, [
      named(index, 'app'),
      named(other, 'other'),
      ofOther,
      signature,
      sbom,
      named(fallback, index.digest.replace(':', '-')),
      named(cosign, `${image.digest.replace(':', '-')}.sig`),
    ])
    const source = await OciDir.open(storage)
    const target = await emptyDir()
    await copy(source, target, { refs: ['app'], referrers: true })
    const digests = (await target.readIndex()).value.manifests.map(({ digest }) => digest)
    expect(digests[0]).toBe(index.digest)
    expect(digests.slice(1).sort()).toEqual(
      [signature, sbom, fallback, cosign].map(({ digest }) => digest).sort(),
    )
    expect((await fsck(target.storage)).ok).toBe(true)
    const without = await emptyDir()
    await copy(source, without, { refs: ['app'] })
    expect((await without.readIndex()).value.manifests).toHaveLength(1)
  })

  it('reads nothing twice for a long line of referrers, each of the one before', async () => {
    const raw = new RawStorage()
    const line = [await addImage(raw, amd64, 'image')]
    for (let i = 0; i < 100; i++) line.push(await addReferrer(raw, line[i] as Descriptor, `referrer ${i}`))
    rawLayout(raw, [named(line[0] as Descriptor, 'app'), ...line.slice(1).reverse()])
    const options = { refs: ['app'], referrers: true }
    expect((await copy(await OciDir.open(raw), await emptyDir(), options)).entries).toHaveLength(101)
    // Whether it refers to something, what it names, its bytes.
    const times = raw.opened.filter(path => path === blobPath((line[50] as Descriptor).digest)).length
    expect(times).toBe(3)
  })
})
