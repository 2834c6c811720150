/** The specification's rules for descriptors, manifests, configs and their JSON, each by its id. */

import { describe, expect, it } from 'vitest'
import { gzip } from '../../../src/codec/gzip.ts'
import { fsck } from '../../../src/fsck.ts'
import { configure, draft, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import { collect } from '../../../src/streams.ts'
import { problemsOfConfig, problemsOfDescriptor, problemsOfManifest } from '../../../src/validate.ts'
import { RawStorage } from './raw-storage.ts'
import { addBlob, addImage, amd64, emptyDir, failsWith, rawLayout, text, writeSample } from './samples.ts'

const codesOf = async (storage: RawStorage): Promise<string[]> =>
  (await fsck(storage)).findings.map(({ severity, code }) => `${severity} ${code}`)
const placesOf = (problems: readonly { readonly at: string }[]): string[] => problems.map(({ at }) => at)

const some = { mediaType: 'a/b', digest: `sha256:${'0'.repeat(64)}`, size: 1 } as const
/** Where a descriptor's faults are. */
const faultsOf = (fields: object): string[] =>
  problemsOfDescriptor({ ...some, ...fields } as never, '').map(({ at }) => at)
const rootfs = { type: 'layers', diff_ids: [] }

describe('descriptor.md', () => {
  it('D1: mediaType, digest and size are required, and the type is one of RFC 6838', () => {
    for (const field of ['mediaType', 'digest', 'size']) {
      expect(faultsOf({ [field]: undefined })).toEqual([`/${field}`])
    }
    for (const mediaType of [
      'a/b',
      'application/vnd.oci.image.manifest.v1+json',
      `a/${'b'.repeat(127)}`,
      'a/b; c=d',
    ])
      expect(faultsOf({ mediaType })).toEqual([])
    for (const mediaType of [
      '',
      'a',
      '/b',
      'a/',
      'a b/c',
      '.a/b',
      'a/b/c',
      `a/${'b'.repeat(128)}`,
      'ä/b',
      'a/b\n',
    ])
      expect(faultsOf({ mediaType }), mediaType).toEqual(['/mediaType'])
  })

  it('D2: a size is a whole number, not negative, and one that a double holds exactly', () => {
    for (const size of [0, 1, Number.MAX_SAFE_INTEGER]) expect(faultsOf({ size })).toEqual([])
    for (const size of [-1, 1.5, 2 ** 53, 9_007_199_254_740_993n, '1', null])
      expect(faultsOf({ size })).toEqual(['/size'])
  })

  it('D3: a document is verified before it is parsed, and its size compared before it is read', async () => {
    const storage = new RawStorage()
    const broken = { ...(await addBlob(storage, '{"not":"json"', mediaTypes.manifest)) }
    const dir = await OciDir.open(rawLayout(storage, [broken]))
    await expect(dir.readDocument(broken)).rejects.toEqual(failsWith('DOCUMENT_INVALID'))
    storage.change(`blobs/${broken.digest.replace(':', '/')}`, () => '[still no JSON')
    await expect(dir.readDocument(broken)).rejects.toEqual(failsWith('SIZE_MISMATCH'))
    storage.change(`blobs/${broken.digest.replace(':', '/')}`, () => '{"not":"JSON"')
    await expect(dir.readDocument(broken)).rejects.toEqual(failsWith('DIGEST_MISMATCH'))
  })

  it('D7: data is base64 of the common alphabet, urls are strings; both stay as they are', async () => {
    for (const data of ['', 'e30=', '+/==', 'AAAA']) expect(faultsOf({ data })).toEqual([])
    for (const data of ['-_==', 'e30', 'e30=\n', 'e3=0', '=']) {
      expect(faultsOf({ data }), data).toEqual(['/data'])
    }
    expect(faultsOf({ urls: [1] })).toEqual(['/urls'])
    const dir = await emptyDir()
    const layer = await dir.writeLayer('x')
    const kept = { ...layer.descriptor, data: 'eA==', urls: ['https://example.com/x', 'not fetched: here'] }
    const image = await dir.writeImage(pushLayer(draft(amd64), { ...layer, descriptor: kept }), { tag: 'a' })
    expect((await dir.openImage('a')).manifest.value.layers).toEqual([kept])
    // It changes the id of what holds it, so it is never added.
    expect(image.manifest.value.config.data).toBeUndefined()
    expect((await fsck(dir.storage)).findings).toEqual([])
  })

  it("D8, M9: an entry's artifactType is its manifest's, else the type of its config", async () => {
    const dir = await emptyDir()
    const config = await dir.writeBlob('no JSON', { mediaType: 'application/vnd.cncf.helm.config.v1+json' })
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] } as const
    expect((await dir.insertManifest(manifest)).artifactType).toBe(config.mediaType)
    expect((await dir.insertManifest({ ...manifest, artifactType: 'a/b' })).artifactType).toBe('a/b')
    expect((await writeSample(dir)).descriptor.artifactType).toBeUndefined()
    expect((await fsck(dir.storage)).findings).toEqual([])
  })

  it('D10: one manifest may name blobs of several algorithms', async () => {
    const dir = await emptyDir()
    const descriptor = await dir.writeBlob('a tar', { algorithm: 'sha512', mediaType: mediaTypes.layer })
    const { diffId, descriptor: second } = await dir.writeLayer('a tar')
    const image = pushLayer(pushLayer(draft(amd64), { descriptor, diffId }), { descriptor: second, diffId })
    await dir.writeImage(image, { tag: 'a' })
    const { layers } = (await dir.openImage('a')).manifest.value
    expect(layers.map(({ digest }) => digest.split(':')[0])).toEqual(['sha512', 'sha256'])
    for (const layer of layers) {
      const tar = await dir.readLayer({ descriptor: layer, diffId })
      expect(await collect(tar, { max: 100 })).toEqual(text('a tar'))
    }
    expect(await fsck(dir.storage)).toMatchObject({ validated: 4, findings: [] })
  })
})

describe('manifest.md', () => {
  const manifest = { schemaVersion: 2, config: { ...some }, layers: [] }

  it('M1, M2, M3: schemaVersion, type, config and layers are what they must be', () => {
    expect(problemsOfManifest(manifest as never)).toEqual([])
    expect(problemsOfManifest({ ...manifest, mediaType: mediaTypes.manifest } as never)).toEqual([])
    const wrong: readonly (readonly [string, object])[] = [
      ['/schemaVersion', { schemaVersion: 1 }],
      ['/schemaVersion', { schemaVersion: '2' }],
      ['/mediaType', { mediaType: mediaTypes.index }],
      ['/config', { config: undefined }],
      ['/config/digest', { config: { ...some, digest: 'sha256:x' } }],
      ['/layers', { layers: undefined }],
      ['/layers/1', { layers: [some, 'no descriptor'] }],
      ['/layers/0/size', { layers: [{ ...some, size: -1 }] }],
    ]
    for (const [at, fields] of wrong)
      expect(placesOf(problemsOfManifest({ ...manifest, ...fields } as never))).toEqual([at])
  })

  it('M2: a config of an unknown type is stored, tagged and checked, but never parsed', async () => {
    const dir = await emptyDir()
    const config = await dir.writeBlob('\u0000 no JSON at all', { mediaType: 'application/x-own' })
    const entry = await dir.insertManifest({ schemaVersion: 2, config, layers: [] }, { tag: 'a' })
    await dir.tag('a', 'b')
    expect((await dir.readDocument(entry)).value.config).toEqual(config)
    await expect(dir.openImage('b')).rejects.toEqual(failsWith('NOT_AN_IMAGE'))
    expect(await fsck(dir.storage)).toMatchObject({ validated: 2, findings: [] })
  })

  it('M3: the base is the first layer, and what is pushed comes behind it', async () => {
    const dir = await emptyDir()
    const base = await writeSample(dir, { tag: 'base', layers: ['base'] })
    const top = await dir.writeLayer('top')
    const image = await dir.writeImage(pushLayer(draft(base), top), { tag: 'top' })
    const [first] = base.manifest.value.layers
    expect(image.manifest.value.layers).toEqual([first, top.descriptor])
    expect(image.config.value.rootfs.diff_ids?.[1]).toBe(top.diffId)
  })

  it('M4: the empty config needs an artifactType, and any will do', async () => {
    const storage = new RawStorage()
    const config = await addBlob(storage, '{}', mediaTypes.empty)
    const write = (fields: object): Promise<Descriptor> =>
      addBlob(storage, { schemaVersion: 2, config, layers: [], ...fields }, mediaTypes.manifest)
    expect(await codesOf(rawLayout(storage, [await write({})]))).toContain('warning ARTIFACT_TYPE_ABSENT')
    expect(await codesOf(rawLayout(storage, [await write({ artifactType: '' })]))).toContain(
      'warning ARTIFACT_TYPE_ABSENT',
    )
    const named = rawLayout(storage, [await write({ artifactType: 'application/x-never-heard-of' })])
    expect((await codesOf(named)).filter(code => !code.includes('UNREFERENCED'))).toEqual([])
  })

  it('M5, M7: the empty blob is in the store, though its data stands in every descriptor', async () => {
    const dir = await emptyDir()
    const artifact = {
      schemaVersion: 2,
      artifactType: 'a/b',
      config: emptyDescriptor,
      layers: [emptyDescriptor],
    } as const
    await dir.insertManifest(artifact, { tag: 'a' })
    expect(await collect(await dir.readBlob(emptyDescriptor), { max: 2 })).toEqual(text('{}'))
    expect(await fsck(dir.storage)).toMatchObject({ validated: 2, findings: [] })
    const storage = await RawStorage.copyOf(dir.storage)
    storage.files.delete(`blobs/${emptyDescriptor.digest.replace(':', '/')}`)
    expect(await codesOf(storage)).toEqual(['error BLOB_MISSING'])
  })

  it('M8: a subject need not be here, and is no reason to refuse or to keep anything', async () => {
    const dir = await emptyDir()
    const { manifest } = await writeSample(dir, { tag: 'image' })
    const absent = { ...manifest.descriptor, digest: `sha256:${'1'.repeat(64)}` as const }
    for (const subject of [manifest.descriptor, absent])
      await dir.insertManifest({ ...manifest.value, subject, artifactType: 'a/b' })
    const { ok, findings } = await fsck(dir.storage)
    expect([ok, findings.map(({ severity, code }) => `${severity} ${code}`)]).toEqual([
      true,
      ['info SUBJECT_ABSENT'],
    ])
  })
})

describe('config.md', () => {
  const config = { ...amd64, rootfs }

  it('C1, C2, C5, C9: every field is what it must be', () => {
    expect(problemsOfConfig(config as never)).toEqual([])
    const wrong: readonly (readonly [string, object])[] = [
      ['/architecture', { architecture: undefined }],
      ['/os', { os: 1 }],
      ['/rootfs', { rootfs: undefined }],
      ['/rootfs/diff_ids', { rootfs: { type: 'layers' } }],
      ['/rootfs/diff_ids/0', { rootfs: { type: 'layers', diff_ids: ['sha256:x'] } }],
      ['/rootfs/type', { rootfs: { type: 'bases', diff_ids: [] } }],
      ['/config/ExposedPorts', { config: { ExposedPorts: ['80/tcp'] } }],
      ['/config/Volumes', { config: { Volumes: ['/data'] } }],
      ['/config/Labels', { config: { Labels: { a: 1 } } }],
      ['/history/0/empty_layer', { history: [{ empty_layer: 'true' }] }],
    ]
    for (const [at, fields] of wrong)
      expect(placesOf(problemsOfConfig({ ...config, ...fields } as never))).toEqual([at])
  })

  it('C2: an image whose rootfs is of another type is not opened', async () => {
    const storage = new RawStorage()
    const odd = await addBlob(
      storage,
      { ...amd64, rootfs: { type: 'bases', diff_ids: [] } },
      mediaTypes.config,
    )
    const image = await addBlob(storage, { schemaVersion: 2, config: odd, layers: [] }, mediaTypes.manifest)
    await expect((await OciDir.open(rawLayout(storage, [image]))).openImage()).rejects.toEqual(
      failsWith('DOCUMENT_INVALID', { at: '/rootfs/type' }),
    )
    expect(await codesOf(storage)).toEqual(['error DOCUMENT_INVALID'])
  })

  // As docker and buildkit write it, on one line.
  const docker =
    '{"id":"x","parent":null,"container_config":{"Cmd":null},"moby.buildkit.cache.v0":"aGk=","big":9007199254740993,' +
    '"created":"2024-02-29T23:59:59.123456789Z","architecture":"amd64","os":"linux","author":null,"variant":null,' +
    '"config":{"Cmd":null,"Entrypoint":null,"Env":null,"Labels":null,"Volumes":null,"ExposedPorts":{"80/tcp":{},"53/udp":{}},' +
    '"OnBuild":null,"Shell":["/bin/sh","-c"],"Healthcheck":{"Test":["CMD","true"],"Interval":30000000000},"ArgsEscaped":true},' +
    '"rootfs":{"type":"layers","diff_ids":null},"history":null}'

  it('C3, C4, C5, C7: nulls are read as absent, and all that is unknown survives an edit to the digit', async () => {
    const storage = new RawStorage()
    const own = await addBlob(storage, docker, mediaTypes.config)
    const manifest = await addBlob(
      storage,
      { schemaVersion: 2, config: own, layers: [] },
      mediaTypes.manifest,
    )
    const base = await (await OciDir.open(rawLayout(storage, [manifest]))).openImage()
    expect(await codesOf(storage)).toEqual([])
    const dir = await emptyDir()
    const layer = await dir.writeLayer('x', { codec: gzip() })
    const image = await dir.writeImage(
      configure(pushLayer(draft(base), layer, { created: '2024-03-01T00:00:00.000000001Z' }), {
        Cmd: ['/run'],
      }),
    )
    const now = new TextDecoder().decode(image.config.bytes)
    for (const kept of [
      '"big":9007199254740993',
      '"container_config":{"Cmd":null}',
      '"created":"2024-02-29T23:59:59.123456789Z"',
      '"created":"2024-03-01T00:00:00.000000001Z"',
      '"moby.buildkit.cache.v0":"aGk="',
      '"Healthcheck":{"Interval":30000000000,"Test":["CMD","true"]}',
      '"Shell":["/bin/sh","-c"]',
      '"ExposedPorts":{"53/udp":{},"80/tcp":{}}',
      '"OnBuild":null',
      '"Cmd":["/run"]',
      '"id":"x"',
    ])
      expect(now).toContain(kept)
    expect(image.config.value.rootfs.diff_ids).toEqual([layer.diffId])
    expect((await fsck(dir.storage)).findings).toEqual([])
  })

  it('C6: entries of empty layers count for none', async () => {
    const dir = await emptyDir()
    const layer = await dir.writeLayer('x')
    const image = pushLayer(draft(amd64), layer, { createdBy: 'COPY' })
    const history = [
      { empty_layer: true, created_by: 'ENV' },
      ...(image.config.history ?? []),
      { empty_layer: true },
    ]
    await dir.writeImage({ ...image, config: { ...image.config, history } })
    expect((await fsck(dir.storage)).findings).toEqual([])
    const untold = { ...image, config: { ...image.config, history: [{ empty_layer: true }] } }
    await dir.writeImage(untold)
    expect((await fsck(dir.storage)).findings.map(({ code }) => code)).toEqual(['HISTORY_COUNT'])
  })

  it("C8: a diffID is the uncompressed tar's digest, an image's id the digest of its config", async () => {
    const dir = await emptyDir()
    const [plain, packed] = [await dir.writeLayer('a tar'), await dir.writeLayer('a tar', { codec: gzip() })]
    expect(packed.diffId).toBe(plain.descriptor.digest)
    const image = await dir.writeImage(pushLayer(draft(amd64), packed))
    expect(image.manifest.value.config.digest).toBe(image.config.descriptor.digest)
    const opened = await dir.openImage()
    expect(opened.config).toMatchObject({
      bytes: image.config.bytes,
      descriptor: { digest: image.config.descriptor.digest },
    })
  })

  it('C9: labels are strings of any key, and may be empty', async () => {
    const dir = await emptyDir()
    const Labels = { '': 'no key', 'a b': '', 'org.label-schema.name': 'n' }
    await dir.writeImage(configure(draft(amd64), { Labels }), { tag: 'a' })
    expect((await dir.openImage('a')).config.value.config?.Labels).toEqual(Labels)
  })

  it('C10: variant, os.version and os.features of the config are those of a new entry', async () => {
    const dir = await emptyDir()
    const platform = {
      os: 'windows',
      architecture: 'arm64',
      variant: 'v9',
      'os.version': '10.0.1',
      'os.features': ['win32k'],
    }
    await dir.writeImage(draft(platform), { tag: 'a' })
    expect((await dir.resolve('a')).platform).toEqual(platform)
  })
})

describe('considerations.md', () => {
  it('J2: what is stored by others is tagged and built upon without a byte changed', async () => {
    const storage = new RawStorage()
    const { digest } = await addImage(storage)
    const raw = new TextDecoder().decode(storage.files.get(`blobs/${digest.replace(':', '/')}`))
    const spaced = await addBlob(
      storage,
      `${raw.replaceAll(',', ' ,\n\t').replaceAll('/', '\\/')}\n`,
      mediaTypes.manifest,
    )
    const base = await (await OciDir.open(rawLayout(storage, [spaced]))).openImage()
    expect(base.manifest.descriptor.digest).toBe(spaced.digest)
    const dir = await emptyDir()
    for (const [path, bytes] of storage.files) {
      if (path.startsWith('blobs/')) await dir.writeBlob(bytes)
    }
    await dir.storage.update('index.json', () => storage.files.get('index.json'))
    await dir.tag(spaced.digest, 'a')
    expect((await dir.openImage('a')).manifest.bytes).toEqual(base.manifest.bytes)
    await dir.writeImage(pushLayer(draft(await dir.openImage('a')), await dir.writeLayer('top')), {
      tag: 'b',
    })
    expect(await dir.hasBlob(spaced)).toBe(true)
    expect((await fsck(dir.storage)).ok).toBe(true)
  })

  it('J4: fields that nobody here knows stay in a manifest and its descriptors through an edit', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { layers: ['one'] })
    const [layer] = image.manifest.value.layers
    const manifest = {
      ...image.manifest.value,
      'x-own': { deep: [1, null, {}] },
      layers: [{ ...layer, 'x-layer': 7 } as Descriptor],
      config: { ...image.manifest.value.config, 'x-config': true } as Descriptor,
    }
    const entry = await dir.insertManifest(manifest, { tag: 'a' })
    const edited = await dir.writeImage(
      pushLayer(draft(await dir.openImage('a')), await dir.writeLayer('two')),
    )
    expect(edited.manifest.value).toMatchObject({
      'x-own': { deep: [1, null, {}] },
      config: { 'x-config': true },
      layers: [{ 'x-layer': 7 }, {}],
    })
    expect((await dir.readDocument(entry)).value).toMatchObject({ 'x-own': { deep: [1, null, {}] } })
  })
})
