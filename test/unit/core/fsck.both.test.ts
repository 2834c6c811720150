import { describe, expect, it } from 'vitest'
import { gzip } from '../../../src/codec/gzip.ts'
import { type FsckResult, fsck } from '../../../src/fsck.ts'
import { draft, pushLayer } from '../../../src/image.ts'
import { emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import { RawStorage } from './raw-storage.ts'
import {
  addBlob,
  addImage,
  addIndex,
  amd64,
  arm64,
  emptyDir,
  named,
  rawLayout,
  text,
  writeSample,
} from './samples.ts'

const codes = ({ findings }: FsckResult): string[] =>
  findings.map(({ severity, code }) => `${severity} ${code}`)

const pathOf = (digest: string): string => `blobs/${digest.replace(':', '/')}`

async function sound(): Promise<{ storage: RawStorage; layer: string; config: string; manifest: string }> {
  const dir = await emptyDir()
  const image = await writeSample(dir, { tag: 'app' })
  const [layer] = image.manifest.value.layers
  if (layer === undefined) throw new Error('no layer')
  return {
    storage: await RawStorage.copyOf(dir.storage),
    layer: layer.digest,
    config: image.config.descriptor.digest,
    manifest: image.descriptor.digest,
  }
}

describe('fsck', () => {
  it("test_build: the crate's figures", async () => {
    const dir = await emptyDir()
    const layer = await dir.writeLayer('pretend this is a tarball', { codec: gzip() })
    await dir.writeImage(pushLayer(draft(amd64), layer, { createdBy: 'root' }))
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 3, findings: [] })

    const raw = await RawStorage.copyOf(dir.storage)
    raw.change(pathOf(layer.descriptor.digest), bytes => Uint8Array.of(...bytes, 0))
    expect(await fsck(raw)).toMatchObject({ ok: false, validated: 2 })
    raw.change(pathOf(layer.descriptor.digest), bytes => bytes.slice(0, -1))
    expect(await fsck(raw)).toMatchObject({ ok: true, validated: 3 })
    raw.files.delete('index.json')
    expect(codes(await fsck(raw))).toContain('error INDEX_MISSING')

    await dir.writeImage(pushLayer(draft(amd64), layer, { createdBy: 'root' }), { tag: 'latest' })
    expect((await dir.readIndex()).value.manifests).toHaveLength(2)
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 3 })
    const second = await dir.writeLayer('second', { codec: gzip() })
    await dir.writeImage(pushLayer(draft(amd64), second, { createdBy: 'b' }), { tag: 'latest' })
    expect((await dir.readIndex()).value.manifests).toHaveLength(2)
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 6 })
  })

  it('an empty manifest with the empty config counts 2', async () => {
    const dir = await emptyDir()
    await dir.insertManifest({ schemaVersion: 2, config: emptyDescriptor, layers: [] })
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 2 })
  })

  it('P1: finds each flipped byte of index.json, manifest, config and layer', async () => {
    const { storage, layer, config, manifest } = await sound()
    let attempts = 0
    let unnoticed = 0
    for (const path of [pathOf(layer), pathOf(config), pathOf(manifest)]) {
      const bytes = storage.files.get(path) ?? new Uint8Array()
      for (let i = 0; i < bytes.length; i++) {
        attempts += 1
        storage.files.set(
          path,
          bytes.map((byte, at) => (at === i ? byte ^ 1 : byte)),
        )
        if ((await fsck(storage)).ok) unnoticed += 1
      }
      storage.files.set(path, bytes)
    }
    console.log(`fsck: ${attempts} flipped bytes, ${unnoticed} unnoticed`)
    expect(attempts).toBeGreaterThan(500)
    expect(unnoticed).toBe(0)
    expect((await fsck(storage)).ok).toBe(true)
  })

  it('goes on after a fault and names each by digest and path', async () => {
    const { storage, layer, config } = await sound()
    storage.files.delete(pathOf(layer))
    storage.change(pathOf(config), bytes => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte)))
    storage.files.set('oci-layout', text('{}'))
    const result = await fsck(storage)
    expect(result.findings).toEqual([
      expect.objectContaining({ severity: 'error', code: 'LAYOUT_INVALID', path: 'oci-layout' }),
      expect.objectContaining({
        code: 'DIGEST_MISMATCH',
        digest: config,
        path: 'index.json/manifests/0/config',
      }),
      expect.objectContaining({
        code: 'BLOB_MISSING',
        digest: layer,
        path: 'index.json/manifests/0/layers/0',
      }),
    ])
    expect(result).toMatchObject({ ok: false, validated: 2, counts: { errors: 3, warnings: 0, infos: 0 } })
  })

  it('works on a place that is no layout at all', async () => {
    expect(codes(await fsck(new RawStorage()))).toEqual(['error LAYOUT_MISSING', 'error INDEX_MISSING'])
  })

  it('reports an index.json that is no index, and every fault of its entries', async () => {
    const { storage } = await sound()
    storage.files.set('index.json', text('{"schemaVersion":2,'))
    expect(codes(await fsck(storage))).toContain('error DOCUMENT_INVALID')
    storage.files.set('index.json', text('{"schemaVersion":2,"schemaVersion":2,"manifests":[]}'))
    expect(codes(await fsck(storage))).toContain('error DOCUMENT_INVALID')
    const bad = { mediaType: 'x/y', digest: 'sha256:../../x', size: 1 }
    const negative = { mediaType: 'x/y', digest: `sha256:${'0'.repeat(64)}`, size: -1 }
    storage.files.set('index.json', text(JSON.stringify({ schemaVersion: 1, manifests: [bad, negative, 7] })))
    const { findings } = await fsck(storage)
    expect(
      findings.filter(({ severity }) => severity === 'error').map(({ code, path }) => `${code} ${path}`),
    ).toEqual([
      'DOCUMENT_INVALID index.json/schemaVersion',
      'DIGEST_INVALID index.json/manifests/0/digest',
      'DOCUMENT_INVALID index.json/manifests/1/size',
      'DOCUMENT_INVALID index.json/manifests/2',
    ])
    expect(storage.opened.some(path => path.includes('..'))).toBe(false)
  })

  it('verifies what nested indexes list, cycles and repeats visited once', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    const inner = await addIndex(storage, [image, image])
    const result = await fsck(rawLayout(storage, [inner, await addIndex(storage, [inner])]))
    expect(result).toMatchObject({ ok: true, validated: 5, findings: [] })
  })

  it('a flipped layer below a nested index is found', async () => {
    const storage = new RawStorage()
    const inner = await addIndex(storage, [await addImage(storage, amd64, 'a layer')])
    rawLayout(storage, [inner])
    for (const [path, bytes] of storage.files) {
      if (new TextDecoder().decode(bytes) === 'a layer') storage.files.set(path, text('A layer'))
    }
    expect(codes(await fsck(storage))).toEqual(['error DIGEST_MISMATCH'])
  })

  it('indexes deeper than the limit are reported, and what stands beside them is checked', async () => {
    const storage = new RawStorage()
    let inner: object = await addImage(storage, amd64, 'deep')
    for (let i = 0; i < 40; i++) inner = await addIndex(storage, [inner])
    const beside = await addImage(storage, arm64, 'beside')
    const { findings, validated } = await fsck(rawLayout(storage, [inner, beside]))
    expect(findings.some(({ code, severity }) => code === 'LIMIT_EXCEEDED' && severity === 'error')).toBe(
      true,
    )
    expect(validated).toBeGreaterThan(3)
    expect(
      findings.some(({ digest, code }) => digest === beside.digest && code === 'BLOB_UNREFERENCED'),
    ).toBe(false)
  })

  it('what is legal and worth knowing is info: sparse children, subjects, foreign layers, strays', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    const gone = { mediaType: mediaTypes.manifest, digest: `sha256:${'1'.repeat(64)}`, size: 10 }
    const foreign = {
      mediaType: mediaTypes.foreignLayerGzip,
      digest: `sha256:${'2'.repeat(64)}`,
      size: 10,
      urls: ['https://example.com/x'],
    }
    const config = await addBlob(
      storage,
      { architecture: '', os: '', rootfs: { type: 'layers', diff_ids: [gone.digest] } },
      mediaTypes.config,
    )
    const odd = await addBlob(
      storage,
      { schemaVersion: 2, config, layers: [foreign], subject: gone },
      mediaTypes.manifest,
    )
    await addBlob(storage, 'nobody names me', 'x/y')
    storage.files.set('manifest.json', text('[]'))
    const result = await fsck(rawLayout(storage, [await addIndex(storage, [image, gone]), odd]))
    expect(result.ok).toBe(true)
    expect(codes(result).sort()).toEqual([
      'info BLOB_UNREFERENCED',
      'info CHILD_ABSENT',
      'info FILE_UNKNOWN',
      'info FOREIGN_LAYER_ABSENT',
      'info PLATFORM_EMPTY',
      'info SUBJECT_ABSENT',
    ])
  })

  it('a missing entry of index.json itself is an error', async () => {
    const gone = { mediaType: mediaTypes.manifest, digest: `sha256:${'1'.repeat(64)}`, size: 10 }
    expect(codes(await fsck(rawLayout(new RawStorage(), [gone])))).toEqual(['error BLOB_MISSING'])
  })

  it('L3: sha512 is verified, other algorithms are unverifiable and no error', async () => {
    const dir = await emptyDir()
    const blob = await dir.writeBlob('x', { algorithm: 'sha512', mediaType: 'x/y' })
    const storage = await RawStorage.copyOf(dir.storage)
    const blake = `blake3:${'a'.repeat(64)}`
    storage.files.set(pathOf(blake), text('x'))
    const result = await fsck(rawLayout(storage, [blob, { mediaType: 'x/y', digest: blake, size: 1 }]))
    expect(result).toMatchObject({ ok: true, validated: 1 })
    expect(codes(result)).toEqual(['info DIGEST_UNSUPPORTED'])
    storage.change(pathOf(blob.digest), () => 'y')
    expect(codes(await fsck(storage))).toContain('error DIGEST_MISMATCH')
  })

  it('an unreferenced blob under a name that is not its content is a warning', async () => {
    const { storage } = await sound()
    storage.files.set(`blobs/sha256/${'3'.repeat(64)}`, text('x'))
    storage.files.set('blobs/sha256/not-a-digest', text('x'))
    expect(codes(await fsck(storage))).toEqual(['warning BLOB_MISNAMED', 'warning FILE_UNKNOWN'])
  })

  it('one name on two entries of a platform is a warning, on several platforms info', async () => {
    const storage = new RawStorage()
    const a = await addImage(storage, amd64, 'a')
    const b = await addImage(storage, amd64, 'b')
    const arm = await addImage(storage, arm64, 'c')
    expect(codes(await fsck(rawLayout(storage, [named(a, 'x'), named(b, 'x')])))).toContain(
      'warning TAG_DUPLICATE',
    )
    const platforms = await fsck(rawLayout(storage, [named(a, 'x'), named(arm, 'x')]))
    expect(codes(platforms)).toContain('info TAG_ON_PLATFORMS')
    expect(codes(platforms)).not.toContain('warning TAG_DUPLICATE')
    const full = (entry: object, name: string): object => ({
      ...entry,
      annotations: { 'org.opencontainers.image.ref.name': 'latest', 'io.containerd.image.name': name },
    })
    expect(
      codes(await fsck(rawLayout(storage, [full(a, 'r/a:latest'), full(b, 'r/b:latest')]))),
    ).not.toContain('warning TAG_DUPLICATE')
  })

  it('counts diffIDs and history against layers, and platforms against configs', async () => {
    const storage = new RawStorage()
    const layer = await addBlob(storage, 'l', mediaTypes.layer)
    const write = async (diffIds: string[], history: object[]): Promise<object> => {
      const config = await addBlob(
        storage,
        { ...amd64, rootfs: { type: 'layers', diff_ids: diffIds }, history },
        mediaTypes.config,
      )
      return addBlob(storage, { schemaVersion: 2, config, layers: [layer] }, mediaTypes.manifest)
    }
    const check = async (...entries: object[]): Promise<string[]> =>
      codes(await fsck(rawLayout(storage, entries))).filter(code => !code.endsWith('BLOB_UNREFERENCED'))
    expect(await check(await write([], []))).toEqual(['error DIFF_IDS_COUNT'])
    expect(await check(await write([layer.digest], [{}, {}]))).toEqual(['warning HISTORY_COUNT'])
    expect(await check(await write([layer.digest], [{ empty_layer: true }]))).toEqual(['info HISTORY_COUNT'])
    expect(await check(await write([layer.digest], [{ empty_layer: true }, {}]))).toEqual([])
    const image = await write([layer.digest], [{}])
    expect(await check({ ...image, platform: arm64 })).toEqual(['warning PLATFORM_MISMATCH'])
    expect(await check({ ...image, platform: { ...amd64, variant: 'v2' } })).toEqual([])
  })

  it('D7: embedded data must be the blob', async () => {
    const storage = new RawStorage()
    const config = await addBlob(storage, '{}', mediaTypes.empty)
    const write = (data: string): Promise<object> =>
      addBlob(
        storage,
        { schemaVersion: 2, artifactType: 'x/y', config: { ...config, data }, layers: [] },
        mediaTypes.manifest,
      )
    expect((await fsck(rawLayout(storage, [await write('e30=')]))).ok).toBe(true)
    expect(codes(await fsck(rawLayout(storage, [await write('e3s=')])))).toContain('error DATA_MISMATCH')
    expect(codes(await fsck(rawLayout(storage, [await write('not base64')])))).toContain(
      'error DOCUMENT_INVALID',
    )
  })

  it('M6: an unknown layer type is a warning in an image and nothing in an artifact', async () => {
    const storage = new RawStorage()
    const layer = await addBlob(storage, 'l', 'application/x-unknown')
    const config = await addBlob(
      storage,
      { ...amd64, rootfs: { type: 'layers', diff_ids: [layer.digest] } },
      mediaTypes.config,
    )
    const image = await addBlob(storage, { schemaVersion: 2, config, layers: [layer] }, mediaTypes.manifest)
    const empty = await addBlob(storage, '{}', mediaTypes.empty)
    const artifact = await addBlob(
      storage,
      { schemaVersion: 2, artifactType: 'a/b', config: empty, layers: [layer] },
      mediaTypes.manifest,
    )
    expect(codes(await fsck(rawLayout(storage, [image, artifact])))).toEqual(['warning LAYER_TYPE_UNKNOWN'])
  })

  it('a manifest that disagrees with its descriptor about its type is an error', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    const result = codes(await fsck(rawLayout(storage, [{ ...image, mediaType: mediaTypes.dockerManifest }])))
    expect(result).toContain('error MEDIA_TYPE_UNEXPECTED')
    expect(codes(await fsck(rawLayout(storage, [{ ...image, mediaType: mediaTypes.index }])))).toContain(
      'error MEDIA_TYPE_UNEXPECTED',
    )
  })

  it('a blob that a hundred entries name is one finding', async () => {
    const gone = { mediaType: mediaTypes.manifest, digest: `sha256:${'1'.repeat(64)}`, size: 10 }
    const entries = Array.from({ length: 100 }, (_, i) => named(gone, `t${i}`))
    const { findings } = await fsck(rawLayout(new RawStorage(), entries))
    expect(findings.filter(({ code }) => code === 'BLOB_MISSING')).toHaveLength(1)
  })

  it('more findings than a call takes arguments are all reported', async () => {
    const storage = new RawStorage()
    const entry = named(await addBlob(storage, 'x', 'x/y'), 'same')
    const { counts } = await fsck(
      rawLayout(
        storage,
        Array.from({ length: 150_000 }, () => entry),
      ),
    )
    expect(counts.warnings).toBe(149_999)
  }, 60_000)

  it('a name on several versions of Windows is info, as on several platforms', async () => {
    const storage = new RawStorage()
    const windows = (version: string): Promise<object> =>
      addImage(storage, { os: 'windows', architecture: 'amd64', 'os.version': version }, version)
    const entries = [named(await windows('10.0.1'), 'x'), named(await windows('10.0.2'), 'x')]
    expect(codes(await fsck(rawLayout(storage, entries)))).toEqual(['info TAG_ON_PLATFORMS'])
  })

  it('C3: null is as good as absent, wherever Go writes it', async () => {
    const storage = new RawStorage()
    const nothing = { annotations: null, urls: null, data: null, platform: null, artifactType: null }
    const blob = { ...named(await addBlob(storage, 'x', 'x/y'), 'a'), platform: null }
    const config = await addBlob(
      storage,
      { ...amd64, config: null, history: null, created: null, rootfs: { type: 'layers', diff_ids: null } },
      mediaTypes.config,
    )
    const manifest = { schemaVersion: 2, config: { ...config, ...nothing }, layers: null, subject: null }
    const image = await addBlob(storage, { ...manifest, annotations: null }, mediaTypes.manifest)
    const nested = await addBlob(
      storage,
      { schemaVersion: 2, manifests: null, annotations: null },
      mediaTypes.index,
    )
    expect((await fsck(rawLayout(storage, [blob, { ...image, ...nothing }, nested]))).findings).toEqual([])
    storage.files.clear()
    rawLayout(storage, [])
    storage.edit('index.json', index => ({ ...index, manifests: null, annotations: null }))
    expect((await fsck(storage)).findings).toEqual([])
  })

  it('C8: the diffID of an uncompressed layer is its digest', async () => {
    const storage = new RawStorage()
    const check = async (mediaType: string): Promise<string[]> => {
      const layer = await addBlob(storage, 'l', mediaType)
      const rootfs = { type: 'layers', diff_ids: [`sha256:${'b'.repeat(64)}`] }
      const config = await addBlob(storage, { ...amd64, rootfs }, mediaTypes.config)
      const manifest = { schemaVersion: 2, config, layers: [layer] }
      const found = await fsck(rawLayout(storage, [await addBlob(storage, manifest, mediaTypes.manifest)]))
      return codes(found).filter(code => !code.endsWith('BLOB_UNREFERENCED'))
    }
    expect(await check(mediaTypes.layer)).toEqual(['error DIFF_ID_MISMATCH'])
    expect(await check(mediaTypes.dockerLayer)).toEqual(['error DIFF_ID_MISMATCH'])
    expect(await check(mediaTypes.layerGzip)).toEqual([])
  })

  it('a digest of an algorithm named like a field of every object is only unverifiable', async () => {
    const storage = new RawStorage([['blobs/constructor/abc', 'x']])
    const result = await fsck(rawLayout(storage, [{ mediaType: 'x/y', digest: 'constructor:abc', size: 1 }]))
    expect(codes(result)).toEqual(['info DIGEST_UNSUPPORTED'])
  })

  it('checks what is below a document though another entry names it with a wrong size', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage, amd64, 'a layer')
    const blob = await addBlob(storage, 'blob', 'x/y')
    rawLayout(storage, [{ ...image, size: image.size + 1 }, image, { ...blob, size: blob.size + 1 }, blob])
    const result = await fsck(storage)
    expect(codes(result)).toEqual(['error SIZE_MISMATCH', 'error SIZE_MISMATCH'])
    expect(result.validated).toBe(4)
    for (const [path, bytes] of storage.files) {
      if (bytes.length < 10)
        storage.files.set(
          path,
          bytes.map(byte => byte ^ 1),
        )
    }
    expect(codes(await fsck(storage)).filter(code => code === 'error DIGEST_MISMATCH')).toHaveLength(2)
  })

  it('a document that two entries take for different types is an error', async () => {
    const storage = new RawStorage()
    const image = await addImage(storage)
    for (const mediaType of [mediaTypes.index, mediaTypes.dockerManifest]) {
      for (const entries of [
        [image, { ...image, mediaType }],
        [{ ...image, mediaType }, image],
      ]) {
        expect(codes(await fsck(rawLayout(storage, entries)))).toContain('error MEDIA_TYPE_UNEXPECTED')
      }
    }
  })

  it('reports progress, and ends with the reason of an abort', async () => {
    const { storage } = await sound()
    const seen: number[] = []
    const { counts } = await fsck(storage, { onProgress: ({ bytes }) => seen.push(bytes) })
    expect(seen.at(-1)).toBe(counts.bytes)
    expect(counts.bytes).toBeGreaterThan(500)
    const reason = new Error('enough')
    await expect(fsck(storage, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
