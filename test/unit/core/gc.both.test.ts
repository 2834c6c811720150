import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { blobPath } from '../../../src/digest.ts'
import { engine } from '../../../src/engine.ts'
import { OciError } from '../../../src/errors.ts'
import { fsck } from '../../../src/fsck.ts'
import { type GcOptions, gc } from '../../../src/gc.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import type { BlobPath, StorageAdapter, StorageEntry } from '../../../src/storage.ts'
import { forwarding } from '../../suites/forwarding.ts'
import { put } from '../../suites/material.ts'
import { RawStorage } from './raw-storage.ts'
import { addBlob, addImage, addIndex, emptyDir, failsWith, rawLayout, text, writeSample } from './samples.ts'

type Dir = OciDir<StorageAdapter>

/** A raw layout as one that can be written; what is broken in it stays so. */
async function writable(raw: RawStorage): Promise<Dir> {
  const storage = memory()
  for (const [path, bytes] of raw.files) {
    if (path === 'index.json' || path === 'oci-layout') await storage.update(path, () => bytes)
    else {
      const staged = await storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(bytes)
      await writer.close()
      await staged.commit(path as BlobPath)
    }
  }
  return OciDir.open(storage)
}

async function namesIn(storage: StorageAdapter): Promise<string[]> {
  const names: string[] = []
  for await (const { path } of storage.list()) names.push(path)
  return names.sort()
}

/** Takes a blob away and gives what stands for it in a descriptor. */
function takeAsData(raw: RawStorage, { digest }: Descriptor): string {
  const bytes = raw.files.get(blobPath(digest)) ?? new Uint8Array()
  raw.files.delete(blobPath(digest))
  return btoa(String.fromCharCode(...bytes))
}

async function digestsGone(dir: Dir, options: GcOptions = {}): Promise<string[]> {
  return (await gc(dir, options)).removed.map(({ digest }) => digest).sort()
}

describe('gc', () => {
  it('removes what index.json does not reach, and nothing that it does', async () => {
    const dir = await emptyDir()
    const kept = await writeSample(dir, { tag: 'kept', layers: ['shared', 'own'] })
    const gone = await writeSample(dir, { tag: 'gone', layers: ['shared', 'other'] })
    const stray = await dir.writeBlob('stray')
    await dir.untag('gone')
    const [, other] = gone.manifest.value.layers
    const result = await gc(dir)
    expect(result.removed.map(({ digest }) => digest).sort()).toEqual(
      [gone.descriptor, gone.config.descriptor, other, stray].map(blob => blob?.digest).sort(),
    )
    expect(result).toMatchObject({ kept: 4, swept: 0 })
    expect(result.bytes).toBe(result.removed.reduce((sum, { size }) => sum + size, 0))
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 4, counts: { unreferenced: 0 } })
    expect((await dir.openImage('kept')).descriptor.digest).toBe(kept.descriptor.digest)
    expect((await gc(dir)).removed).toEqual([])
  })

  it('tells of no document that a writer has brought meanwhile', async () => {
    const dir = await emptyDir()
    const { descriptor } = await writeSample(dir, { tag: 'a' })
    const path = blobPath(descriptor.digest)
    const bytes = (await (await dir.storage.open(path))?.bytes()) ?? new Uint8Array()
    await dir.storage.remove(() => [path])
    const storage = forwarding(dir.storage, {
      remove: async (choose, options) => {
        await put(dir.storage, path, bytes)
        return dir.storage.remove(choose, options)
      },
    })
    expect(await gc(await OciDir.open(storage))).toMatchObject({ removed: [], broken: [] })
  })

  it('tells of documents that are missing or altered before it takes what they named, those of others too', async () => {
    const [dir, other] = [await emptyDir(), await emptyDir()]
    const { descriptor } = await writeSample(dir, { tag: 'a' })
    await dir.storage.remove(() => [blobPath(descriptor.digest)])
    const before = await namesIn(dir.storage)
    const onBroken = (digests: readonly string[]): never => {
      throw new Error(digests.join(' '))
    }
    await expect(gc(dir, { onBroken })).rejects.toThrow(descriptor.digest)
    expect(await namesIn(dir.storage)).toEqual(before)
    const index = (await (await dir.storage.open('index.json'))?.bytes()) ?? new Uint8Array()
    await other.storage.update('index.json', () => index)
    await dir.untag('a')
    await expect(gc(dir, { onBroken, sharedWith: [other.storage] })).rejects.toThrow(descriptor.digest)
    expect((await gc(dir, { sharedWith: [other.storage] })).broken).toEqual([descriptor.digest])
    expect((await gc(dir, { onBroken })).broken).toEqual([])
  })

  it('says the same in a dry run, and removes and sweeps nothing', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    await dir.untag('a')
    await dir.storage.stage()
    const before = await namesIn(dir.storage)
    const wouldGo = await gc(dir, { dryRun: true, sweepOlderThan: 0 })
    expect(await namesIn(dir.storage)).toEqual(before)
    expect(await gc(dir, { sweepOlderThan: 0 })).toEqual({ ...wouldGo, swept: 1 })
    expect(await namesIn(dir.storage)).toEqual(['index.json', 'oci-layout'])
  })

  it('sweeps leftovers of crashed writers that are older than a day, or than what is asked', async () => {
    const dir = await emptyDir()
    await dir.storage.stage()
    expect(await gc(dir)).toMatchObject({ swept: 0 })
    expect(await gc(dir, { sweepOlderThan: 0 })).toMatchObject({ swept: 1 })
    await expect(gc(dir, { sweepOlderThan: -1 })).rejects.toBeInstanceOf(RangeError)
  })

  it('keeps nested indexes, Docker types, sha512 blobs, duplicates and entries of foreign types', async () => {
    const raw = new RawStorage()
    const deep = await addIndex(raw, [await addIndex(raw, [await addImage(raw, {}, 'deep')])])
    const image = await addImage(raw, {}, 'docker')
    const docker = { ...image, mediaType: mediaTypes.dockerManifest }
    const list = await addIndex(raw, [{ ...image, mediaType: mediaTypes.dockerManifest }])
    const foreign = await addBlob(raw, 'anything', 'application/x-foreign')
    rawLayout(raw, [
      deep,
      docker,
      { ...list, mediaType: mediaTypes.dockerManifestList },
      image,
      image,
      foreign,
    ])
    const dir = await writable(raw)
    const big = await dir.writeBlob('layer', { algorithm: 'sha512', mediaType: mediaTypes.layer })
    await dir.writeBlob('garbage', { algorithm: 'sha512' })
    const entry = await dir.insertManifest({ schemaVersion: 2, config: emptyDescriptor, layers: [big] })
    const before = await fsck(dir.storage)
    expect(await gc(dir)).toMatchObject({ removed: [{ digest: expect.stringMatching(/^sha512:/), size: 7 }] })
    expect(await fsck(dir.storage)).toMatchObject({
      validated: before.validated,
      counts: { unreferenced: 0 },
    })
    expect(await dir.hasBlob(entry)).toBe(true)
  })

  it('keeps a referrer by its own entry, but not a subject that only it names (M8)', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'app' })
    const artifact = await dir.insertArtifactManifest({
      subject: image.descriptor,
      artifactType: 'application/x-sbom',
      layers: [await dir.writeBlob('sbom')],
    })
    expect(await digestsGone(dir)).toEqual([])
    await dir.untag('app')
    expect(await digestsGone(dir)).toContain(image.descriptor.digest)
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 3 })
    expect(await dir.hasBlob(artifact)).toBe(true)
  })

  it('reads no layer and no config', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'app' })
    const opened: string[] = []
    const watched = forwarding(dir.storage, {
      open: (path, options) => {
        opened.push(path)
        return dir.storage.open(path, options)
      },
    })
    let documents = 0
    await gc(await OciDir.open(watched), { onProgress: progress => (documents = progress.documents) })
    expect(opened).toEqual(['oci-layout', 'index.json', blobPath(image.descriptor.digest)])
    expect(documents).toBe(1)
  })

  it('is not stopped by missing blobs and cycles', async () => {
    const raw = new RawStorage()
    const sparse = await addIndex(raw, [
      { mediaType: mediaTypes.manifest, digest: `sha256:${'0'.repeat(64)}`, size: 7 },
    ])
    // No bytes hash to their own digest, but a cycle of unverifiable ones is easily made.
    const ring = ['a', 'b'].map(name => ({
      mediaType: mediaTypes.index,
      digest: `x-none:${name.repeat(40)}`,
      size: 1,
    }))
    raw.files.set(`blobs/x-none/${'a'.repeat(40)}`, text(JSON.stringify({ manifests: [ring[1]] })))
    raw.files.set(`blobs/x-none/${'b'.repeat(40)}`, text(JSON.stringify({ manifests: [ring[0]] })))
    rawLayout(raw, [sparse, ...ring.slice(0, 1)])
    await addBlob(raw, 'garbage', 'text/plain')
    const dir = await writable(raw)
    expect(await gc(dir)).toMatchObject({ removed: [{ size: 7 }], kept: 3 })
  })

  it('keeps all that a broken document may name, however deep', async () => {
    const attempts: [string, (raw: RawStorage, path: string) => void][] = [
      [
        'a letter changed',
        (raw, path) => raw.change(path, bytes => bytes.map((b, i) => (i === 2 ? b ^ 1 : b))),
      ],
      ['cut short', (raw, path) => raw.change(path, bytes => bytes.slice(0, -1))],
      ['not JSON', (raw, path) => raw.change(path, bytes => bytes.map((b, i) => (i === 0 ? 0x78 : b)))],
      ['a byte added', (raw, path) => raw.change(path, bytes => Uint8Array.of(...bytes, 0x20))],
    ]
    for (const [fault, breaks] of attempts) {
      const raw = new RawStorage()
      const inner = await addIndex(raw, [await addImage(raw, {}, 'precious')])
      const outer = await addIndex(raw, [inner])
      rawLayout(raw, [outer])
      breaks(raw, blobPath(outer.digest))
      await addBlob(raw, 'garbage', 'text/plain')
      const dir = await writable(raw)
      expect(await gc(dir), fault).toMatchObject({ removed: [{ size: 7 }], kept: 5 })
    }
  })

  it('D7: keeps what a document names whose bytes stand in `data` alone', async () => {
    const raw = new RawStorage()
    const image = await addImage(raw, {}, 'of a manifest in data')
    const index = await addIndex(raw, [{ ...image, data: takeAsData(raw, image) }])
    const data = takeAsData(raw, index)
    // Whether the one with it stands first or last.
    for (const entries of [
      [index, { ...index, data }],
      [{ ...index, data }, index],
    ]) {
      expect(await digestsGone(await writable(rawLayout(raw, entries)))).toEqual([])
    }
  })

  it('keeps what documents name that the specification would not have', async () => {
    const raw = new RawStorage()
    const layer = await addBlob(raw, 'layer', mediaTypes.layer)
    const config = await addBlob(raw, '{}', mediaTypes.empty)
    const odd = { schemaVersion: 2, config, layers: [{ digest: layer.digest }] }
    const blobs = [await addBlob(raw, 'of an artifact manifest', 'text/plain')]
    const artifact = await addBlob(raw, { blobs }, 'application/vnd.oci.artifact.manifest.v1+json')
    rawLayout(raw, [await addBlob(raw, odd, mediaTypes.manifest), artifact])
    expect(await gc(await writable(raw))).toMatchObject({ removed: [], kept: 5 })
  })

  it('touches no file that is not a blob under its digest', async () => {
    const dir = await emptyDir()
    const inner = dir.storage
    await dir.writeBlob('garbage')
    const asked: BlobPath[] = []
    const strays: StorageEntry[] = [
      { path: 'manifest.json', kind: 'file', size: 1 },
      { path: 'blobs/README', kind: 'file', size: 1 },
      { path: 'blobs/sha256/README', kind: 'file', size: 1 },
      { path: `blobs/sha256/${'A'.repeat(64)}`, kind: 'file', size: 1 },
      { path: `blobs/sha256/${'a'.repeat(64)}.tmp`, kind: 'file', size: 1 },
      { path: `blobs/sha256/${'a'.repeat(64)}/x`, kind: 'file', size: 1 },
      { path: `other/sha256/${'a'.repeat(64)}`, kind: 'file', size: 1 },
      { path: `blobs/sha256/${'b'.repeat(64)}`, kind: 'link-outside' },
      { path: `blobs/sha256/${'c'.repeat(64)}`, kind: 'other' },
      { path: `blobs/sha256/${'d'.repeat(64)}`, kind: 'staged' },
    ]
    const storage = forwarding(inner, {
      async *list(options) {
        yield* strays
        yield* inner.list(options)
      },
      remove: (choose, options) =>
        inner.remove(index => {
          asked.push(...choose(index))
          return asked
        }, options),
    })
    expect((await gc(await OciDir.open(storage))).removed).toHaveLength(1)
    expect(asked).toHaveLength(1)
  })

  it('keeps the file that a referenced link leads to', async () => {
    const dir = await emptyDir()
    const linked = await dir.writeBlob('twin', { algorithm: 'sha512' })
    const target = await dir.writeBlob('twin')
    await dir.writeBlob('garbage')
    await dir.insertManifest({ schemaVersion: 2, config: emptyDescriptor, layers: [linked] })
    const storage = forwarding(dir.storage, {
      async *list(options) {
        for await (const entry of dir.storage.list(options)) {
          yield entry.path.includes('sha512') ? { ...entry, kind: 'link' } : entry
        }
      },
    })
    expect(await gc(await OciDir.open(storage))).toMatchObject({ removed: [{ size: 7 }] })
    expect(await dir.hasBlob(target)).toBe(true)
  })

  it('refuses a folder of blobs that is a link: it is the folder of another layout', async () => {
    const refusals = [
      ['link-outside', 'LINK_OUTSIDE'],
      ['other', 'UNSUPPORTED'],
    ] as const
    for (const [kind, code] of refusals) {
      for (const path of ['blobs', 'blobs/sha256']) {
        const storage = forwarding((await emptyDir()).storage, {
          async *list() {
            yield { path, kind }
          },
        })
        await expect(gc(await OciDir.open(storage))).rejects.toEqual(failsWith(code))
      }
    }
  })

  it('keeps what is asked to be kept, told by digest, size and age', async () => {
    const dir = await emptyDir()
    const [mine, other] = [await dir.writeBlob('mine'), await dir.writeBlob('other')]
    const seen: object[] = []
    const keep: GcOptions['keep'] = blob => {
      seen.push(blob)
      return blob.digest === mine.digest
    }
    expect(await digestsGone(dir, { keep })).toEqual([other.digest])
    const modified = expect.any(Number)
    expect(seen).toEqual([mine, other].map(({ digest, size }) => ({ digest, size, modified })))
  })
})

describe('gc refuses, and removes nothing', () => {
  async function expectRefusal(dir: Dir, code: string, options: GcOptions = {}): Promise<void> {
    const before = await namesIn(dir.storage)
    await expect(gc(dir, options)).rejects.toEqual(failsWith(code))
    expect(await namesIn(dir.storage)).toEqual(before)
  }

  it('when index.json is missing or invalid: it would reach nothing', async () => {
    const storage = memory()
    await storage.update('oci-layout', () => text('{"imageLayoutVersion":"1.0.0"}'))
    const dir = await OciDir.open(storage)
    await dir.writeBlob('precious')
    await expectRefusal(dir, 'INDEX_MISSING')
    await storage.update('index.json', () => text('{"schemaVersion":2,"manifests":[{"digest":"sha256:1"}]}'))
    await expectRefusal(dir, 'DOCUMENT_INVALID')
  })

  it('when the medium fails to read a document, or it is beyond a limit', async () => {
    const inner = await emptyDir()
    const image = await writeSample(inner, { tag: 'app' })
    await inner.writeBlob('garbage')
    const cause = new OciError('STORAGE_FAILED', { storage: 'memory', operation: 'read' })
    const failing = forwarding(inner.storage, {
      async open(path, options) {
        if (path === blobPath(image.descriptor.digest)) throw cause
        return inner.storage.open(path, options)
      },
    })
    await expectRefusal(await OciDir.open(failing), 'STORAGE_FAILED')
    const limited = (limits: object): Promise<Dir> =>
      OciDir.open(inner.storage, { engine: engine({ limits }) })
    await expectRefusal(await limited({ maxManifestSize: 10 }), 'LIMIT_EXCEEDED')
    await writeSample(inner, { tag: 'b', layers: ['b'] })
    await expectRefusal(await limited({ maxDocuments: 1 }), 'LIMIT_EXCEEDED')
    await expectRefusal(await limited({ maxIndexSize: 10 }), 'LIMIT_EXCEEDED')
  })

  it('for an abort, before it begins and while it reads', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'app' })
    await dir.writeBlob('garbage')
    const before = await namesIn(dir.storage)
    const reason = new Error('stop')
    await expect(gc(dir, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const stopping = gc(dir, { signal: controller.signal, onProgress: () => controller.abort(reason) })
    await expect(stopping).rejects.toBe(reason)
    expect(await namesIn(dir.storage)).toEqual(before)
  })
})

describe('gc of shared blobs', () => {
  it('leaves the external place alone, and reads documents that lie there', async () => {
    const store = await emptyDir()
    await writeSample(store, { tag: 'base', layers: ['base'] })
    await store.writeBlob('garbage of the store')
    const inStore = await namesIn(store.storage)
    const here = await emptyDir()
    const dir = await OciDir.open(here.storage, { blobs: store.storage })
    await dir.tag(await store.resolve('base'), 'linked')
    const layer = await dir.writeBlob('base', { mediaType: mediaTypes.layer })
    await dir.writeBlob('garbage')
    // The manifest is there and the layer here: it is reached all the same.
    await store.storage.remove(() => [blobPath(layer.digest)])
    expect(await gc(dir)).toMatchObject({ removed: [{ size: 7 }], kept: 1 })
    expect(await namesIn(store.storage)).toEqual(inStore.filter(name => name !== blobPath(layer.digest)))
  })

  it('keeps what the layouts given reach that read their blobs here', async () => {
    const store = await emptyDir()
    const base = await writeSample(store, { tag: 'base', layers: ['base'] })
    const app = await OciDir.ensure(memory(), { blobs: store.storage })
    await app.tag(base.descriptor, 'app')
    await store.untag('base')
    await store.writeBlob('garbage')
    const alone = await gc(store, { dryRun: true })
    expect(alone.removed).toHaveLength(4)
    expect(await gc(store, { sharedWith: [app.storage] })).toMatchObject({ removed: [{ size: 7 }], kept: 3 })
    expect(await fsck(app.storage, { blobs: store.storage })).toMatchObject({ ok: true, validated: 3 })
    await expect(gc(store, { sharedWith: [memory()] })).rejects.toEqual(failsWith('INDEX_MISSING'))
  })
})

describe('gc beside writers', () => {
  /** A storage in which something happens in the last moment before each remove. */
  function justBefore(inner: StorageAdapter, deed: (round: number) => Promise<unknown>): StorageAdapter {
    let round = 0
    return forwarding(inner, {
      async remove(choose, options) {
        await deed(round++)
        return inner.remove(choose, options)
      },
    })
  }

  it('sees what was listed between its reading and its section, and keeps it', async () => {
    const dir = await emptyDir()
    const old = await writeSample(dir, { tag: 'old', layers: ['base'] })
    await dir.untag('old')
    const beside = justBefore(dir.storage, async round => {
      if (round === 0) await writeSample(dir, { tag: 'new', layers: ['base', 'more'] })
    })
    const { removed } = await gc(await OciDir.open(beside))
    expect(removed.map(({ digest }) => digest).sort()).toEqual(
      [old.descriptor.digest, old.config.descriptor.digest].sort(),
    )
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 4 })
  })

  it('takes what was untagged in that moment', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'app' })
    const beside = justBefore(dir.storage, () => dir.untag('app').catch(() => {}))
    expect((await gc(await OciDir.open(beside))).removed).toHaveLength(4)
  })

  it('keeps what a missing document names once it is written again in that moment', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'app' })
    await writeSample(dir, { tag: 'other', layers: ['one'] })
    await dir.storage.remove(() => [blobPath(image.descriptor.digest)])
    const beside = justBefore(dir.storage, async round => {
      if (round === 0) await writeSample(dir, { tag: 'app' })
    })
    expect((await gc(await OciDir.open(beside))).removed).toEqual([])
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 6 })
  })

  it('keeps it also where index.json is the same after: a sparse layout that is completed', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'app' })
    const path = blobPath(image.descriptor.digest)
    await dir.storage.remove(() => [path])
    const missing = { seen: [{ path, size: undefined }] }
    const rounds: unknown[] = []
    const beside = justBefore(dir.storage, async round => {
      rounds.push(round)
      if (round > 0) return
      await dir.writeBlob(image.manifest.bytes)
      await dir.storage.update('index.json', now => now, { requires: [path] })
      // What gc has seen is not what there is now; without this look it would have taken the layers.
      await expect(dir.storage.remove(() => [], missing)).rejects.toEqual(failsWith('STORAGE_CHANGED'))
    })
    expect((await gc(await OciDir.open(beside))).removed).toEqual([])
    expect(rounds).toEqual([0, 1])
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 4 })
    await dir.storage.remove(() => [path])
    expect((await gc(await OciDir.open(ignoringSeen(dir, image.manifest.bytes)))).removed).toHaveLength(3)
  })

  /** The broken variant: a storage that removes without a look at what was seen. */
  function ignoringSeen(dir: Dir, manifest: Uint8Array): StorageAdapter {
    return forwarding(dir.storage, {
      async remove(choose, options) {
        await dir.writeBlob(manifest)
        return dir.storage.remove(choose, { signal: options?.signal })
      },
    })
  }

  it('gives up, with nothing removed, when a writer leaves it no moment at all', async () => {
    const dir = await emptyDir()
    const garbage = await dir.writeBlob('garbage')
    const beside = justBefore(dir.storage, round =>
      writeSample(dir, { tag: `t${round}`, layers: [`${round}`] }),
    )
    await expect(gc(await OciDir.open(beside))).rejects.toEqual(failsWith('STORAGE_CHANGED'))
    expect(await dir.hasBlob(garbage)).toBe(true)
  })
})
