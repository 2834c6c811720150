/** The specification's rules for layouts, indexes and annotations, each by its id. */

import { describe, expect, it } from 'vitest'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { matchesPlatform, parsePlatform } from '../../../src/platform.ts'
import type { Ref } from '../../../src/reference.ts'
import type { Image } from '../../../src/resolve.ts'
import { mediaTypes } from '../../../src/spec.ts'
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

const codesOf = async (storage: RawStorage): Promise<string[]> =>
  (await fsck(storage)).findings.map(({ severity, code }) => `${severity} ${code}`)

async function imagesOf(dir: OciDir, ref?: Ref): Promise<Image[]> {
  const found: Image[] = []
  for await (const image of dir.images(ref)) found.push(image)
  return found
}

/** A layout whose index.json is this value, as it stands. */
function withIndex(index: unknown): RawStorage {
  const storage = rawLayout(new RawStorage(), [])
  storage.files.set('index.json', text(JSON.stringify(index)))
  return storage
}

describe('image-layout.md', () => {
  it('L1: blobs may be empty, and oci-layout is an object that may say more', async () => {
    const storage = withIndex({ schemaVersion: 2, manifests: [] })
    storage.files.set('oci-layout', text('{"made by":["me"],"imageLayoutVersion":"1.0.0"}'))
    expect(await codesOf(storage)).toEqual([])
    expect(await (await OciDir.open(storage)).tags()).toEqual([])
    for (const marker of ['[]', '"1.0.0"', '{}', '{"imageLayoutVersion":1}', 'no JSON']) {
      storage.files.set('oci-layout', text(marker))
      await expect(OciDir.open(storage), marker).rejects.toEqual(failsWith('LAYOUT_INVALID'))
      expect(await codesOf(storage), marker).toEqual(['error LAYOUT_INVALID'])
    }
  })

  it('L2: files that no layout has lie beside it without harm', async () => {
    const storage = new RawStorage()
    rawLayout(storage, [await addImage(storage)])
    for (const path of ['manifest.json', 'repositories', 'README', 'ab12/layer.tar'])
      storage.files.set(path, text('[]'))
    expect((await (await OciDir.open(storage)).openImage()).config.value.os).toBe('linux')
    expect(new Set(await codesOf(storage))).toEqual(new Set(['info FILE_UNKNOWN']))
  })

  it('L3: a blob under any algorithm of the grammar is legal, and its name must be its content', async () => {
    const storage = rawLayout(new RawStorage(), [])
    const { digest } = await addBlob(storage, 'x', 'x/y')
    storage.files.set('blobs/sha512-of+mine/Ab_=', text('x'))
    expect((await codesOf(storage)).sort()).toEqual(['info BLOB_UNREFERENCED', 'info DIGEST_UNSUPPORTED'])
    storage.change(`blobs/${digest.replace(':', '/')}`, () => 'y')
    expect(await codesOf(storage)).toContain('warning BLOB_MISNAMED')
  })

  it('L4: corrupt, missing and unreferenced are three things, and a blob may lie elsewhere', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    rawLayout(storage, [image])
    const layer = await addBlob(storage, 'layer', mediaTypes.layer)
    const path = `blobs/${layer.digest.replace(':', '/')}`
    storage.change(path, () => 'LAYER')
    expect(await codesOf(storage)).toEqual(['error DIGEST_MISMATCH'])
    storage.change(path, () => undefined)
    expect(await codesOf(storage)).toEqual(['error BLOB_MISSING'])
    const elsewhere = new RawStorage()
    await addBlob(elsewhere, 'layer', mediaTypes.layer)
    expect((await fsck(storage, { blobs: elsewhere })).findings).toEqual([])
    await addBlob(storage, 'layer', mediaTypes.layer)
    await addBlob(storage, 'nobody names me', 'x/y')
    expect(await codesOf(storage)).toEqual(['info BLOB_UNREFERENCED'])
  })

  it('L5: entries may be of any type, under any names, shared names and none', async () => {
    const storage = new RawStorage()
    const [one, two] = [await addImage(storage, amd64, 'one'), await addImage(storage, arm64, 'two')]
    const odd = await addBlob(storage, '<html>', 'text/html; charset=utf-8')
    const tags = ['app', 'app', '../../x y\n', 'ünïcode', 'a//b@@c::d']
    const entries = [one, two, odd, odd, odd].map((entry, i) => named(entry, tags[i] ?? ''))
    const dir = await OciDir.open(rawLayout(storage, [...entries, odd, two]))
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(tags)
    expect((await dir.openImage('app', { platform: 'linux/arm64' })).descriptor.digest).toBe(two.digest)
    for (const tag of tags.slice(2)) expect((await dir.resolve({ tag })).digest).toBe(odd.digest)
    const found = await imagesOf(dir)
    expect(found.map(({ descriptor }) => descriptor.digest)).toEqual([one.digest, two.digest])
    expect((await fsck(storage)).ok).toBe(true)
  })

  it("L6: index.json's annotations, subject and artifactType stay through every edit", async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'a' })
    const own = { annotations: { who: 'me' }, subject: image.manifest.descriptor, artifactType: 'a/b' }
    await dir.storage.update('index.json', now => {
      return text(JSON.stringify({ ...JSON.parse(new TextDecoder().decode(now)), ...own }))
    })
    await dir.tag('a', 'b')
    await dir.untag('a')
    await writeSample(dir, { tag: 'c', layers: ['three'] })
    await dir.insertManifest({ ...image.manifest.value, annotations: { n: '1' } })
    expect((await dir.readIndex()).value).toMatchObject(own)
    expect((await fsck(dir.storage)).findings).toEqual([])
  })

  it('L7: the version is 1.0.0, then and now', async () => {
    const dir = await emptyDir()
    const marker = await (await dir.storage.open('oci-layout'))?.bytes()
    expect(new TextDecoder().decode(marker)).toBe('{"imageLayoutVersion":"1.0.0"}')
    const storage = rawLayout(new RawStorage(), [])
    storage.files.set('oci-layout', text('{"imageLayoutVersion":"1.1.0"}'))
    await expect(OciDir.open(storage)).rejects.toEqual(
      failsWith('LAYOUT_INVALID', { found: 'imageLayoutVersion "1.1.0"' }),
    )
  })
})

describe('image-index.md', () => {
  it.each([
    ['I1: a schemaVersion other than 2', { schemaVersion: 1, manifests: [] }, 'error DOCUMENT_INVALID'],
    ['I1: none', { manifests: [] }, 'error DOCUMENT_INVALID'],
    [
      'I2: the type of another',
      { schemaVersion: 2, mediaType: mediaTypes.manifest, manifests: [] },
      'error MEDIA_TYPE_UNEXPECTED',
    ],
    ['I3: no manifests', { schemaVersion: 2 }, 'error DOCUMENT_INVALID'],
    ['I3: manifests that are no list', { schemaVersion: 2, manifests: {} }, 'error DOCUMENT_INVALID'],
  ])('%s is refused', async (_, index, finding) => {
    const storage = withIndex(index)
    expect(await codesOf(storage)).toEqual([finding])
    const code = finding.replace('error ', '')
    await expect((await OciDir.open(storage)).readIndex()).rejects.toEqual(failsWith(code))
  })

  it('I1, I2, I3: the type may be left out and the list be empty; what is written has all three', async () => {
    expect(await codesOf(withIndex({ schemaVersion: 2, manifests: [] }))).toEqual([])
    expect((await (await emptyDir()).readIndex()).value).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [],
    })
  })

  it('I4: what is neither manifest nor index is passed over, not refused, in nested indexes too', async () => {
    const storage = new RawStorage()
    const [image, odd] = [await addImage(storage), await addBlob(storage, '{}', 'application/x-odd')]
    const dir = await OciDir.open(rawLayout(storage, [odd, await addIndex(storage, [odd, image])]))
    expect((await dir.openImage()).descriptor.digest).toBe(image.digest)
    expect(await codesOf(storage)).toEqual([])
  })

  it('I5: a platform has architecture and os; the rest is optional, what is reserved survives', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    for (const platform of [{ os: 'linux' }, { architecture: 'arm' }, { os: 1, architecture: 'arm' }]) {
      expect(await codesOf(rawLayout(storage, [{ ...image, platform }]))).toContain('error DOCUMENT_INVALID')
    }
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    const platform = { ...amd64, features: ['sse4'], 'os.version': '1', 'os.features': ['x'], variant: 'v2' }
    await dir.storage.update('index.json', now => {
      const index = JSON.parse(new TextDecoder().decode(now))
      return text(JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], platform }] }))
    })
    await dir.tag('a', 'b')
    expect((await dir.resolve('b')).platform).toEqual(platform)
  })

  it('I6: an index stands wherever an image may: in the root, nested, and as what is asked for', async () => {
    const storage = new RawStorage()
    const image = { ...(await addImage(storage)), platform: amd64 }
    const inner = await addIndex(storage, [image])
    const outer = await addIndex(storage, [inner])
    const dir = await OciDir.open(rawLayout(storage, [named(outer, 'multi')]))
    for (const ref of ['multi', outer.digest, inner.digest, inner, undefined]) {
      expect((await dir.openImage(ref, { platform: 'linux/amd64' })).descriptor.digest).toBe(image.digest)
      expect(await imagesOf(dir, ref)).toHaveLength(1)
    }
    expect((await dir.resolve('multi')).mediaType).toBe(mediaTypes.index)
  })

  it.each([
    ['arm', 'v7', ['v6', 'v8']],
    ['arm64', 'v8', ['v8.1', 'v9']],
    ['amd64', 'v1', ['v2', 'v3', 'v4']],
  ])('I7: %s without a variant is %s, and none of the others', (architecture, variant, others) => {
    const plain = { os: 'linux', architecture }
    expect(matchesPlatform(plain, { ...plain, variant })).toBe(true)
    expect(matchesPlatform({ ...plain, variant }, plain)).toBe(true)
    for (const other of others) {
      expect(matchesPlatform(plain, { ...plain, variant: other })).toBe(false)
      expect(matchesPlatform({ ...plain, variant: other }, { ...plain, variant })).toBe(false)
      expect(matchesPlatform({ ...plain, variant: other }, { ...plain, variant: other })).toBe(true)
    }
  })

  it('I7: other architectures have no variant by default, and two go by the names of the kernel too', () => {
    for (const [architecture, variant] of [
      ['ppc64le', 'power8'],
      ['riscv64', 'rva20u64'],
    ] as const) {
      expect(matchesPlatform({ os: 'linux', architecture }, { architecture, variant })).toBe(false)
      expect(matchesPlatform({ os: 'linux', architecture, variant }, { architecture, variant })).toBe(true)
    }
    expect(parsePlatform('linux/aarch64')).toEqual(arm64)
    expect(parsePlatform('x86_64')).toEqual(amd64)
  })
})

describe('annotations.md', () => {
  it('A1, A2: keys and values are strings, of any key, and a value may be empty', async () => {
    const dir = await emptyDir()
    const annotations = { 'com.example.unknown': 'kept', empty: '', __proto__x: '1' }
    const { manifest } = await writeSample(dir)
    const entry = await dir.insertManifest({ ...manifest.value, annotations }, { tag: 'a', annotations })
    expect((await dir.resolve('a')).annotations).toMatchObject(annotations)
    expect((await dir.readDocument(entry)).value.annotations).toEqual(annotations)
    expect((await fsck(dir.storage)).ok).toBe(true)
    for (const wrong of [{ a: 1 }, { a: null }, ['a'], 'a']) {
      const storage = withIndex({ schemaVersion: 2, manifests: [], annotations: wrong })
      expect(await codesOf(storage)).toEqual(['error DOCUMENT_INVALID'])
    }
  })

  it('A3: no annotations, {} and null are the same', async () => {
    for (const annotations of [undefined, {}, null]) {
      const storage = new RawStorage()
      const entry = { ...(await addImage(storage)), annotations }
      const dir = await OciDir.open(rawLayout(storage, [entry]))
      expect(await dir.tags()).toEqual([])
      expect((await fsck(storage)).findings).toEqual([])
    }
  })

  it('A4: a ref.name counts in index.json alone', async () => {
    const storage = new RawStorage()
    const image = named({ ...(await addImage(storage)), platform: amd64 }, 'inner')
    const dir = await OciDir.open(
      rawLayout(storage, [named(await addIndex(storage, [image, image]), 'outer')]),
    )
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(['outer'])
    await expect(dir.resolve({ tag: 'inner' })).rejects.toEqual(failsWith('TAG_NOT_FOUND'))
    expect((await fsck(storage)).findings).toEqual([])
  })

  it('A5: labels of org.label-schema are labels like any other, and mean nothing here', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    const annotations = { 'org.label-schema.version': '1', 'oci.opencontainers.image.created': 'a typo' }
    const dir = await OciDir.open(rawLayout(storage, [{ ...image, annotations }]))
    expect((await dir.openImage()).descriptor.annotations).toEqual(annotations)
    expect(await dir.tags()).toEqual([])
  })
})
