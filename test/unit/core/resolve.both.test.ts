import { describe, expect, it } from 'vitest'
import { fsck } from '../../../src/fsck.ts'
import { draft, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
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

const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763.1' }

const open = (storage: RawStorage, manifests: readonly object[]): Promise<OciDir> =>
  OciDir.open(rawLayout(storage, manifests))

describe('openImage chooses by platform', () => {
  it('takes the only image whatever its platform, and linux/amd64 among several', async () => {
    const storage = new RawStorage()
    const arm = { ...(await addImage(storage, arm64)), platform: arm64 }
    const amd = { ...(await addImage(storage, amd64)), platform: amd64 }
    expect((await (await open(storage, [arm])).openImage()).descriptor).toEqual(arm)
    const both = await open(storage, [arm, amd])
    expect((await both.openImage()).descriptor).toEqual(amd)
    expect((await both.openImage(undefined, { platform: 'linux/arm64' })).descriptor).toEqual(arm)
    expect((await both.openImage(undefined, { platform: { architecture: 'arm64' } })).descriptor).toEqual(arm)
  })

  it('names at most 10 of the platforms that it found', async () => {
    const storage = new RawStorage()
    const entries = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const platform = { os: 'linux', architecture: `cpu${i}` }
        return { ...(await addImage(storage, platform)), platform }
      }),
    )
    const failure = failsWith('NO_MATCHING_PLATFORM', { wanted: { os: 'linux', architecture: 's390x' } })
    const error = await (await open(storage, entries))
      .openImage(undefined, { platform: 'linux/s390x' })
      .catch(e => e)
    expect(error).toEqual(failure)
    expect(error.data.available).toHaveLength(10)
  })

  it('I5: the first match in document order is taken, variants by their defaults', async () => {
    const storage = new RawStorage()
    const v8 = { ...(await addImage(storage, arm64, 'v8')), platform: { ...arm64, variant: 'v8' } }
    const plain = { ...(await addImage(storage, arm64, 'plain')), platform: arm64 }
    const dir = await open(storage, [v8, plain])
    expect((await dir.openImage(undefined, { platform: 'linux/arm64' })).descriptor).toEqual(v8)
    const swapped = await open(storage, [plain, v8])
    expect((await swapped.openImage(undefined, { platform: 'linux/arm64/v8' })).descriptor).toEqual(plain)
    await expect(swapped.openImage(undefined, { platform: 'linux/arm64/v9' })).rejects.toEqual(
      failsWith('NO_MATCHING_PLATFORM'),
    )
  })

  it('matches os.version and os.features when they are asked for', async () => {
    const storage = new RawStorage()
    const entry = { ...(await addImage(storage, windows)), platform: windows }
    const dir = await open(storage, [entry])
    const wanted = { os: 'windows', 'os.version': '10.0.17763.1' }
    expect((await dir.openImage(undefined, { platform: wanted })).descriptor).toEqual(entry)
    await expect(dir.openImage(undefined, { platform: { ...wanted, 'os.version': '10.1' } })).rejects.toEqual(
      failsWith('NO_MATCHING_PLATFORM'),
    )
    await expect(dir.openImage(undefined, { platform: { 'os.features': ['win32k'] } })).rejects.toEqual(
      failsWith('NO_MATCHING_PLATFORM'),
    )
  })

  it('C10: judges an entry without a platform by its config, as umoci and skopeo write them', async () => {
    const storage = new RawStorage()
    const arm = await addImage(storage, arm64)
    const amd = await addImage(storage, amd64)
    const dir = await open(storage, [arm, amd])
    expect((await dir.openImage(undefined, { platform: 'linux/arm64' })).descriptor).toEqual(arm)
    expect((await dir.openImage()).descriptor).toEqual(amd)
  })

  it('opens the only image though its config names no platform (crane append)', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage, {})
    const dir = await open(storage, [image])
    expect((await dir.openImage()).descriptor).toEqual(image)
    await expect(dir.openImage(undefined, { platform: 'linux/amd64' })).rejects.toEqual(
      failsWith('NO_MATCHING_PLATFORM'),
    )
  })
})

describe('openImage leaves out what is no image', () => {
  it('attestations and artifacts, so that the image beside them is the only one', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage, arm64)
    const attestation = {
      ...(await addImage(storage, amd64, 'sbom')),
      platform: { os: 'unknown', architecture: 'unknown' },
    }
    const config = await addBlob(storage, '{}', mediaTypes.empty)
    const artifact = await addBlob(
      storage,
      { schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType: 'text/x', config, layers: [config] },
      mediaTypes.manifest,
    )
    const unknown = await addBlob(storage, 'hello', 'application/x-unknown')
    const dir = await open(storage, [unknown, artifact, attestation, image])
    expect((await dir.openImage()).descriptor).toEqual(image)
    const found = []
    for await (const each of dir.images()) found.push(each.descriptor)
    expect(found).toEqual([image])
    await expect((await open(storage, [artifact])).openImage()).rejects.toEqual(failsWith('NOT_AN_IMAGE'))
    await expect(dir.openImage(artifact.digest)).rejects.toEqual(failsWith('NOT_AN_IMAGE'))
    await expect((await open(storage, [unknown])).openImage()).rejects.toEqual(failsWith('NOT_AN_IMAGE'))
  })

  it('an artifactType alone makes no artifact: crane and oras set it on plain images', async () => {
    const storage = new RawStorage()
    const image = { ...(await addImage(storage)), artifactType: mediaTypes.config }
    expect((await (await open(storage, [image])).openImage()).descriptor).toEqual(image)
  })

  it('an empty index says so', async () => {
    await expect((await open(new RawStorage(), [])).openImage()).rejects.toEqual(failsWith('INDEX_EMPTY'))
  })
})

describe('nested indexes (I4, I6)', () => {
  it('I4: are followed at any depth, and the image says which index lists it', async () => {
    const storage = new RawStorage()
    const arm = { ...(await addImage(storage, arm64)), platform: arm64 }
    const inner = await addIndex(storage, [arm])
    const outer = await addIndex(storage, [inner])
    const dir = await open(storage, [named(outer, 'app')])
    const image = await dir.openImage('app', { platform: 'linux/arm64' })
    expect(image.descriptor).toEqual(arm)
    expect(image.index?.descriptor.digest).toBe(inner.digest)
    expect((await dir.resolve('app')).digest).toBe(outer.digest)
    expect((await dir.resolve('app', { platform: 'linux/arm64' })).digest).toBe(arm.digest)
    expect((await dir.openImage(arm.digest)).descriptor).toEqual(arm)
    expect((await dir.resolve(inner.digest)).digest).toBe(inner.digest)
  })

  it("an index's child that is listed at the top too is one image (oras)", async () => {
    const storage = new RawStorage()
    const arm = { ...(await addImage(storage, arm64)), platform: arm64 }
    const dir = await open(storage, [named(await addIndex(storage, [arm]), 'app'), arm])
    expect((await dir.openImage()).descriptor).toEqual(arm)
  })

  it('that are sparse give the image that is there', async () => {
    const storage = new RawStorage()
    const arm = { ...(await addImage(storage, arm64)), platform: arm64 }
    const amd = { ...(await addImage(storage, amd64)), platform: amd64 }
    storage.files.delete(`blobs/${amd.digest.replace(':', '/')}`)
    const dir = await open(storage, [named(await addIndex(storage, [amd, arm]), 'app')])
    expect((await dir.openImage('app')).descriptor).toEqual(arm)
    await expect(dir.openImage('app', { platform: 'linux/amd64' })).rejects.toEqual(
      failsWith('BLOB_MISSING', { digest: amd.digest }),
    )
  })

  it('that lack the config of another image give the image that is there', async () => {
    const storage = new RawStorage()
    const gone = await addBlob(storage, { gone: true }, mediaTypes.config)
    storage.files.delete(`blobs/${gone.digest.replace(':', '/')}`)
    const manifest = { schemaVersion: 2, config: gone, layers: [] }
    const broken = await addBlob(storage, manifest, mediaTypes.manifest)
    const dir = await open(storage, [broken, await addImage(storage, arm64)])
    expect((await dir.openImage(undefined, { platform: 'linux/arm64' })).config.value.architecture).toBe(
      'arm64',
    )
    await expect(dir.openImage(broken.digest)).rejects.toEqual(
      failsWith('BLOB_MISSING', { digest: gone.digest }),
    )
  })

  it('inside too many indexes are refused', async () => {
    const storage = new RawStorage()
    let inner: object = await addImage(storage)
    for (let i = 0; i < 34; i++) inner = await addIndex(storage, [inner])
    await expect((await open(storage, [inner])).openImage()).rejects.toEqual(
      failsWith('LIMIT_EXCEEDED', { limit: 'maxIndexDepth' }),
    )
  })
})

describe('references', () => {
  it('that name nothing say what there is', async () => {
    const storage = new RawStorage()
    const dir = await open(storage, [named(await addImage(storage), 'a')])
    await expect(dir.openImage('b')).rejects.toEqual(
      failsWith('TAG_NOT_FOUND', { tag: 'b', available: ['a'] }),
    )
    const digest = `sha256:${'0'.repeat(64)}` as const
    await expect(dir.openImage(digest)).rejects.toEqual(failsWith('REFERENCE_NOT_FOUND', { digest }))
    expect(await dir.find('b')).toBeUndefined()
    expect(await dir.find(digest)).toBeUndefined()
    expect(await dir.find('a', { platform: 'linux/riscv64' })).toBeUndefined()
  })

  it('by digest take that manifest, whatever its platform', async () => {
    const storage = new RawStorage()
    const arm = { ...(await addImage(storage, arm64)), platform: arm64 }
    const dir = await open(storage, [arm, { ...(await addImage(storage)), platform: amd64 }])
    expect((await dir.openImage(arm.digest)).descriptor).toEqual(arm)
  })

  it('a tag on several platforms gives the entry that fits', async () => {
    const storage = new RawStorage()
    const arm = named({ ...(await addImage(storage, arm64)), platform: arm64 }, 'x')
    const amd = named({ ...(await addImage(storage, amd64)), platform: amd64 }, 'x')
    const dir = await open(storage, [arm, amd])
    expect((await dir.openImage('x', { platform: 'linux/amd64' })).descriptor).toEqual(amd)
    expect(await dir.resolve('x')).toEqual(arm)
  })

  it('a name that only the grammar takes for a digest is found, but stands in for no digest', async () => {
    const dir = await emptyDir()
    const commit = `app:${'0123456789'.repeat(4)}`
    const image = await writeSample(dir, { tag: commit })
    const opened = await dir.openImage(commit)
    expect(opened).toMatchObject({ tag: commit, descriptor: { digest: image.descriptor.digest } })
    const other = await writeSample(dir, { layers: ['other'] })
    await dir.tag(image.descriptor.digest, other.descriptor.digest)
    expect((await dir.resolve(other.descriptor.digest)).digest).toBe(other.descriptor.digest)
  })

  it('null in place of a list is the empty list, and goes away with the next edit', async () => {
    const { storage } = await emptyDir()
    const dir = await OciDir.open(storage)
    await storage.update('index.json', () => text('{"schemaVersion":2,"manifests":null,"annotations":null}'))
    expect(await dir.tags()).toEqual([])
    const config = await dir.writeBlob(
      '{"os":"linux","architecture":"amd64","config":null,"history":null,"rootfs":{"type":"layers","diff_ids":null}}',
      { mediaType: mediaTypes.config },
    )
    const manifest = await dir.writeBlob(
      JSON.stringify({ schemaVersion: 2, config, layers: null, annotations: null }),
      { mediaType: mediaTypes.manifest },
    )
    await dir.tag(manifest, 'base')
    const base = await dir.openImage('base')
    expect(base.manifest.value.layers).toEqual([])
    const app = await dir.writeImage(pushLayer(draft(base), await dir.writeLayer('x')), { tag: 'app' })
    expect(app.config.value).toMatchObject({ history: [{}] })
    expect((await fsck(dir.storage)).findings).toEqual([])
  })

  it('{ tag } names a tag that looks like a digest', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    const odd = `sha256:${'a'.repeat(64)}`
    const dir = await open(storage, [named(image, odd), named(image, 'app:1')])
    expect((await dir.resolve({ tag: odd })).digest).toBe(image.digest)
    await expect(dir.resolve(odd)).rejects.toEqual(failsWith('REFERENCE_NOT_FOUND', { digest: odd }))
    expect((await dir.resolve('app:1')).digest).toBe(image.digest)
  })
})

describe('documents that are read', () => {
  it('a manifest whose own mediaType is another is refused (P12)', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    const docker = { ...image, mediaType: mediaTypes.dockerManifest }
    await expect((await open(storage, [docker])).openImage()).rejects.toEqual(
      failsWith('MEDIA_TYPE_UNEXPECTED'),
    )
  })

  it('a document that is manifest and index at once is refused (CVE-2021-41190)', async () => {
    const storage = new RawStorage()
    const config = await addBlob(
      storage,
      { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
      mediaTypes.config,
    )
    const both = await addBlob(
      storage,
      { schemaVersion: 2, config, layers: [], manifests: [] },
      mediaTypes.manifest,
    )
    await expect((await open(storage, [both])).openImage()).rejects.toEqual(
      failsWith('DOCUMENT_INVALID', { at: '/manifests' }),
    )
  })

  it('larger or longer than the limits are refused before they are read', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    const { engine } = await import('../../../src/engine.ts')
    const limited = (limits: object): Promise<OciDir> =>
      OciDir.open(rawLayout(storage, [image]), { engine: engine({ limits }) })
    await expect((await limited({ maxManifestSize: 10 })).openImage()).rejects.toEqual(
      failsWith('LIMIT_EXCEEDED', { max: 10 }),
    )
    await expect((await limited({ maxIndexSize: 10 })).openImage()).rejects.toEqual(
      failsWith('LIMIT_EXCEEDED', { max: 10 }),
    )
    await expect((await limited({ maxIndexEntries: 0 })).openImage()).rejects.toEqual(
      failsWith('LIMIT_EXCEEDED', { limit: 'maxIndexEntries' }),
    )
    await expect((await limited({ maxEntries: 0 })).openImage()).rejects.toEqual(
      failsWith('LIMIT_EXCEEDED', { limit: 'maxEntries' }),
    )
  })

  it("Docker's types are read as their OCI twins", async () => {
    const storage = new RawStorage()
    const layer = await addBlob(storage, 'x', mediaTypes.dockerLayerGzip)
    const config = await addBlob(
      storage,
      {
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
        container_config: { Cmd: null },
      },
      mediaTypes.dockerConfig,
    )
    const manifest = await addBlob(
      storage,
      { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers: [layer] },
      mediaTypes.dockerManifest,
    )
    const list = await addBlob(
      storage,
      { schemaVersion: 2, mediaType: mediaTypes.dockerManifestList, manifests: [manifest] },
      mediaTypes.dockerManifestList,
    )
    expect((await (await open(storage, [list])).openImage()).descriptor).toEqual(manifest)
  })
})
