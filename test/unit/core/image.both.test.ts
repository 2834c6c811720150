import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { identity } from '../../../src/codec/codec.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { blobPath } from '../../../src/digest.ts'
import { fsck } from '../../../src/fsck.ts'
import { configure, draft, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import { chunksOf, collect } from '../../../src/streams.ts'
import { RawStorage } from './raw-storage.ts'
import { addBlob, amd64, arm64, emptyDir, failsWith, named, rawLayout, text, writeSample } from './samples.ts'

describe('layers', () => {
  it('create_gzip_layer: the diffID is that of the tar, whatever the compression', async () => {
    const dir = await emptyDir()
    const diffId = 'sha256:349438e5faf763e8875b43de4d7101540ef4d865190336c2cc549a11f33f8d7c'
    const plain = await dir.writeLayer('pretend this is a tarball')
    expect(plain).toMatchObject({
      diffId,
      descriptor: { mediaType: mediaTypes.layer, digest: diffId, size: 25 },
    })
    const zipped = await dir.writeLayer('pretend this is a tarball', { codec: gzip() })
    expect(zipped).toMatchObject({ diffId, descriptor: { mediaType: mediaTypes.layerGzip } })
    expect(zipped.descriptor.digest).not.toBe(diffId)
    for (const layer of [plain, zipped]) {
      const tar = await dir.readLayer(layer, { codecs: [gzip()] })
      expect(new TextDecoder().decode(await collect(tar, { max: 100 }))).toBe('pretend this is a tarball')
    }
  })

  it('createLayer: written piece by piece they are the same layers', async () => {
    const dir = await emptyDir()
    const writer = dir.createLayer({ codec: gzip() })
    const sink = writer.writable.getWriter()
    for (const piece of ['pretend ', 'this is a', ' tarball']) await sink.write(text(piece))
    await sink.close()
    expect(await writer.complete()).toEqual(
      await dir.writeLayer('pretend this is a tarball', { codec: gzip() }),
    )
  })

  it('createLayer: a discarded one leaves nothing', async () => {
    const dir = await emptyDir()
    const writer = dir.createLayer()
    const sink = writer.writable.getWriter()
    await sink.write(text('half a layer'))
    sink.releaseLock()
    await writer.discard()
    expect([...(await RawStorage.copyOf(dir.storage)).files.keys()].sort()).toEqual([
      'index.json',
      'oci-layout',
    ])
  })

  it('createLayer: is discarded also while its writable is held, and its writer learns of it', async () => {
    const dir = await emptyDir()
    const writer = dir.createLayer({ codec: gzip() })
    const sink = writer.writable.getWriter()
    await sink.write(text('half a layer'))
    await writer.discard()
    await expect(sink.write(text('more'))).rejects.toHaveProperty('name', 'AbortError')
    await expect(writer.complete()).rejects.toHaveProperty('name', 'AbortError')
    expect([...(await RawStorage.copyOf(dir.storage)).files.keys()].sort()).toEqual([
      'index.json',
      'oci-layout',
    ])
  })

  it('createLayer: whoever pipes into one that fails at once learns of it', async () => {
    const dir = await emptyDir()
    const reason = new Error('enough')
    const pipe = (signal?: AbortSignal): Promise<void> =>
      new Blob([new Uint8Array(1 << 20)]).stream().pipeTo(dir.createLayer({ signal }).writable)
    await expect(pipe(AbortSignal.abort(reason))).rejects.toBe(reason)
    await dir.storage.close()
    await expect(pipe()).rejects.toEqual(failsWith('STORAGE_CLOSED'))
  })

  it('and blobs cancel their source when they fail before they read it', async () => {
    const dir = await emptyDir()
    await dir.storage.close()
    const cancelled: unknown[] = []
    const source = (): ReadableStream<Uint8Array> =>
      new ReadableStream({ cancel: reason => void cancelled.push(reason) })
    await expect(dir.writeLayer(source())).rejects.toEqual(failsWith('STORAGE_CLOSED'))
    await expect(dir.writeBlob(source())).rejects.toEqual(failsWith('STORAGE_CLOSED'))
    await expect(dir.writeLayer({ tar: source })).rejects.toEqual(failsWith('STORAGE_CLOSED'))
    expect(cancelled).toHaveLength(3)
  })

  it('that unpack to another diffID, or need a codec that is not there, say so', async () => {
    const dir = await emptyDir()
    const { descriptor } = await dir.writeLayer('tar', { codec: gzip() })
    const wrong = `sha256:${'0'.repeat(64)}` as const
    const tar = await dir.readLayer({ descriptor, diffId: wrong }, { codecs: [gzip()] })
    await expect(collect(tar, { max: 100 })).rejects.toEqual(
      failsWith('DIFF_ID_MISMATCH', { expected: wrong }),
    )
    await expect(dir.readLayer(descriptor)).rejects.toEqual(
      failsWith('CODEC_MISSING', { mediaType: mediaTypes.layerGzip }),
    )
  })

  it('report progress in bytes of the tar', async () => {
    const dir = await emptyDir()
    const seen: number[] = []
    await dir.writeLayer(new Uint8Array(300_000), {
      codec: gzip(),
      onProgress: ({ bytes }) => seen.push(bytes),
    })
    expect(seen.at(-1)).toBe(300_000)
  })

  it('a source that fails leaves nothing behind', async () => {
    const dir = await emptyDir()
    const failing = (async function* () {
      yield text('x')
      throw new Error('the source broke')
    })()
    await expect(dir.writeLayer(failing, { codec: gzip() })).rejects.toThrow('the source broke')
    expect([...(await RawStorage.copyOf(dir.storage)).files.keys()].sort()).toEqual([
      'index.json',
      'oci-layout',
    ])
  })
})

describe('drafts', () => {
  it('are values: no call changes the one given', async () => {
    const dir = await emptyDir()
    const layer = await dir.writeLayer('x')
    const empty = Object.freeze(draft(amd64))
    const before = JSON.stringify(empty)
    configure(pushLayer(empty, layer), { Cmd: ['x'] }, { created: '2026-01-01T00:00:00Z' })
    expect(JSON.stringify(empty)).toBe(before)
  })

  it('test_push_layer_with_history: every layer brings an entry, {} when nothing is known', async () => {
    const dir = await emptyDir()
    const layer = await dir.writeLayer('x')
    let image = pushLayer(draft(amd64), layer)
    image = pushLayer(image, layer, { createdBy: 'root', created: '2026-01-01T00:00:00.123456789Z' })
    image = pushLayer(image, layer, { history: { comment: 'own' } })
    expect(image.config.history).toEqual([
      {},
      { created_by: 'root', created: '2026-01-01T00:00:00.123456789Z' },
      { comment: 'own' },
    ])
    expect(image.config.rootfs.diff_ids).toEqual([layer.diffId, layer.diffId, layer.diffId])
  })

  it('C6: a short history of the base is padded before the new entry', async () => {
    const dir = await emptyDir()
    const base = await writeSample(dir, { tag: 'base', layers: ['a', 'b', 'c'] })
    const short = {
      ...draft(base),
      config: { ...base.config.value, history: [{ empty_layer: true }, { created_by: 'a' }] },
    }
    const pushed = pushLayer(short, await dir.writeLayer('d'), { createdBy: 'd' })
    expect(pushed.config.history).toEqual([
      { empty_layer: true },
      { created_by: 'a' },
      {},
      {},
      { created_by: 'd' },
    ])
  })

  it('configure changes the fields named, removes those set to null and keeps the rest', () => {
    const first = configure(draft(amd64), { Cmd: ['a'], Env: ['A=1'], User: 'u' })
    const second = configure(
      first,
      { Cmd: ['b'], User: null, WorkingDir: undefined },
      { author: 'me', annotations: { k: 'v' } },
    )
    expect(second.config.config).toEqual({ Cmd: ['b'], Env: ['A=1'] })
    expect(second.config.author).toBe('me')
    expect(second.manifest.annotations).toEqual({ k: 'v' })
  })

  it('configure removes the last field, too', () => {
    const first = configure(draft(amd64), { Cmd: ['a'] })
    expect(configure(first, { Cmd: null }).config.config).toEqual({})
  })
})

describe('writeImage', () => {
  it('D9: lists the image with the platform of its config, and it opens again', async () => {
    const dir = await emptyDir()
    const written = await writeSample(dir, { tag: 'app', platform: { ...arm64, variant: 'v8' } })
    const opened = await dir.openImage('app')
    expect(opened.descriptor.platform).toEqual({ ...arm64, variant: 'v8' })
    expect(opened.manifest.bytes).toEqual(written.manifest.bytes)
    expect(opened.config.bytes).toEqual(written.config.bytes)
    expect(opened.manifest.value.mediaType).toBe(mediaTypes.manifest)
    expect('created' in opened.config.value).toBe(false)
  })

  it('P9: an abort at any call of the storage ends with its reason and leaves nothing half done', async () => {
    let attempts = 0
    let fired = 0
    let leftovers = 0
    for (const codec of [identity, gzip()]) {
      for (let stopAt = 1, wasReached = true; wasReached; stopAt++) {
        const storage = memory()
        await OciDir.ensure(storage)
        const controller = new AbortController()
        const reason = new Error('enough')
        let calls = 0
        const dir = await OciDir.open(
          watched(storage, () => {
            calls += 1
            if (calls === stopAt) controller.abort(reason)
          }),
        )
        attempts += 1
        calls = 0
        const { signal } = controller
        const source = chunksOf(new Blob([new Uint8Array(600_000)]))
        const writing = dir
          .writeLayer(source, { codec, signal })
          .then(layer => dir.writeImage(pushLayer(draft(amd64), layer), { tag: 'x', signal }))
        const outcome = await writing.then(
          () => undefined,
          error => error,
        )
        wasReached = controller.signal.aborted
        if (outcome !== undefined) expect(outcome).toBe(reason)
        if (wasReached) fired += 1
        const { findings } = await fsck(storage)
        leftovers += findings.filter(({ code }) => code !== 'BLOB_UNREFERENCED').length
      }
    }
    console.log(`P9: ${attempts} attempts, ${fired} aborts fired, ${leftovers} leftovers`)
    expect(leftovers).toBe(0)
    expect(fired).toBeGreaterThan(20)
  })

  it('refuses an image whose layers are not there, and lists nothing', async () => {
    const dir = await emptyDir()
    const layer = await (await emptyDir()).writeLayer('elsewhere')
    await expect(dir.writeImage(pushLayer(draft(amd64), layer), { tag: 'x' })).rejects.toEqual(
      failsWith('BLOB_MISSING', { digest: layer.descriptor.digest }),
    )
    expect(await dir.tags()).toEqual([])
  })

  it('refuses what no reader would take, before it writes', async () => {
    const dir = await emptyDir()
    const wrong = {
      ...draft(amd64),
      config: { ...draft(amd64).config, rootfs: { type: 'other', diff_ids: [] } },
    }
    await expect(dir.writeImage(wrong)).rejects.toEqual(failsWith('DOCUMENT_INVALID', { at: '/rootfs/type' }))
    const layer = await dir.writeLayer('x')
    const many = { ...layer.descriptor, annotations: { x: 'y'.repeat(5 << 20) } }
    const big = { ...pushLayer(draft(amd64), layer), manifest: { ...draft(amd64).manifest, layers: [many] } }
    await expect(dir.writeImage(big)).rejects.toEqual(failsWith('LIMIT_EXCEEDED'))
    expect(await dir.tags()).toEqual([])
  })

  it('fetches the layers of a base in another layout, bytes unchanged, unless they shall stay there', async () => {
    const home = await emptyDir()
    const base = await writeSample(home, { tag: 'base:1' })
    const dir = await emptyDir()
    const layer = await dir.writeLayer('app')
    const app = await dir.writeImage(pushLayer(draft(base), layer), { tag: 'app' })
    expect(app.manifest.value.annotations).toEqual({
      'org.opencontainers.image.base.name': 'base:1',
      'org.opencontainers.image.base.digest': base.descriptor.digest,
    })
    for (const { digest, size } of app.manifest.value.layers)
      expect(await dir.hasBlob({ digest, size })).toBe(true)

    const sparse = await emptyDir()
    await sparse.writeLayer('app')
    await sparse.writeImage(pushLayer(draft(base), layer), { tag: 'app', layers: 'new' })
    const [first] = base.manifest.value.layers
    expect(first && (await sparse.hasBlob(first))).toBe(false)
    expect((await sparse.openImage('app')).descriptor.digest).toBe(app.descriptor.digest)
  })

  it("turns a Docker base into an OCI image and keeps its config's unknown fields", async () => {
    const storage = new RawStorage()
    const stored = await addBlob(storage, 'x', mediaTypes.dockerLayer)
    const config = await addBlob(
      storage,
      {
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: [stored.digest] },
        config: { Cmd: null, Healthcheck: { Test: ['NONE'] }, Shell: ['/bin/sh'] },
        container_config: { Hostname: 'h' },
        'moby.buildkit.trace': 'eA==',
        docker_version: '20',
      },
      mediaTypes.dockerConfig,
    )
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config,
      layers: [stored],
      'x-own': 1,
    }
    const entry = await addBlob(storage, manifest, mediaTypes.dockerManifest)
    const base = await (await OciDir.open(rawLayout(storage, [named(entry, 'd')]))).openImage('d')
    const dir = await emptyDir()
    const layer = await dir.writeLayer('y')
    const app = await dir.writeImage(configure(pushLayer(draft(base), layer), { Cmd: ['/x'] }), {
      tag: 'app',
    })
    expect(app.manifest.value).toMatchObject({
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config },
      'x-own': 1,
    })
    expect(app.manifest.value.layers.map(({ mediaType }) => mediaType)).toEqual([
      mediaTypes.layer,
      mediaTypes.layer,
    ])
    expect(app.config.value).toMatchObject({
      config: { Cmd: ['/x'], Healthcheck: { Test: ['NONE'] }, Shell: ['/bin/sh'] },
      container_config: { Hostname: 'h' },
      'moby.buildkit.trace': 'eA==',
      docker_version: '20',
    })
  })

  it('writes its documents again when a gc beside it took them, and loses nothing', async () => {
    const dir = await emptyDir()
    const layer = await dir.writeLayer('x')
    const { storage } = dir
    let taken = 0
    const update: typeof storage.update = async (path, edit, options) => {
      if (path === 'index.json' && taken < 2) {
        const documents = (options?.requires ?? []).filter(
          blob => !blob.endsWith(layer.descriptor.digest.slice(7)),
        )
        taken += await storage.remove(() => documents.slice(0, 1))
      }
      return storage.update(path, edit, options)
    }
    const raced = await OciDir.open({ ...forward(storage), update })
    const image = await raced.writeImage(pushLayer(draft(amd64), layer), { tag: 'app' })
    console.log(`gc beside writeImage: ${taken} documents taken, 0 lost`)
    expect(taken).toBe(2)
    expect((await dir.openImage('app')).descriptor.digest).toBe(image.descriptor.digest)
  })

  it('fetches a layer of its base again when a gc beside it took it', async () => {
    const base = await writeSample(await emptyDir(), { tag: 'base' })
    const [layer] = base.manifest.value.layers
    if (layer === undefined) throw new Error('no layer')
    const dir = await emptyDir()
    const { storage } = dir
    let taken = 0
    const update: typeof storage.update = async (path, edit, options) => {
      if (path === 'index.json' && taken < 2) taken += await storage.remove(() => [blobPath(layer.digest)])
      return storage.update(path, edit, options)
    }
    const raced = await OciDir.open({ ...forward(storage), update })
    await raced.writeImage(draft(base), { tag: 'app' })
    console.log(`gc beside writeImage on a base: ${taken} layers taken, 0 lost`)
    expect(taken).toBe(2)
    expect(await dir.hasBlob(layer)).toBe(true)
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(['app'])
  })
})

/** The same storage, with its methods bound, so that one can be replaced. */
function forward<S extends object>(storage: S): S {
  return new Proxy(storage, {
    get: (target, name) => {
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
    ownKeys: target => [
      ...new Set([...Reflect.ownKeys(target), ...Reflect.ownKeys(Object.getPrototypeOf(target))]),
    ],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  })
}

describe('insertManifest and replaceWithSingleManifest', () => {
  it("M5: the empty config: its descriptor is the specification's, its blob is stored once", async () => {
    const dir = await emptyDir()
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: emptyDescriptor,
      layers: [],
      artifactType: 'x/y',
    } as const
    const entry = await dir.insertManifest(manifest, { tag: 'a', platform: amd64 })
    expect(entry.platform).toEqual(amd64)
    expect(await dir.hasBlob(emptyDescriptor)).toBe(true)
    expect(await dir.hasManifest(entry)).toBe(true)
    expect(emptyDescriptor).toMatchObject({
      size: 2,
      data: 'e30=',
      digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    })
  })

  it('untagged inserts append, a tag replaces, replaceWithSingleManifest keeps nothing', async () => {
    const dir = await emptyDir()
    const manifest = { schemaVersion: 2, config: emptyDescriptor, layers: [] } as const
    await dir.insertManifest(manifest)
    await dir.insertManifest(manifest)
    await dir.insertManifest(manifest, { tag: 'x' })
    await dir.insertManifest(manifest, { tag: 'x' })
    expect((await dir.readIndex()).value.manifests).toHaveLength(3)
    await dir.replaceWithSingleManifest(manifest, { platform: arm64 })
    expect((await dir.readIndex()).value.manifests).toEqual([expect.objectContaining({ platform: arm64 })])
  })
})

it('a layer of many chunks is stored in one pass, with what the source gives', async () => {
  const dir = await emptyDir()
  const layer = await dir.writeLayer(chunksOf(new Blob(['a'.repeat(200_000)])), { codec: gzip({ level: 1 }) })
  const tar = await dir.readLayer(layer, { codecs: [gzip()] })
  expect((await collect(tar, { max: 300_000 })).length).toBe(200_000)
})

/** A storage that tells of each call, before it and when it is done; also of those of its staged files. */
function watched<T extends object>(target: T, onCall: () => void): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => {
        onCall()
        const result: unknown = value.apply(target, given)
        if (!(result instanceof Promise)) return result
        return result.then(done => {
          onCall()
          return name === 'stage' ? watched(done, onCall) : done
        })
      }
    },
  })
}
