/** P12 to P15: each limit has a name that its error gives, holds to the unit, and is an option. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { archive, defaultArchiveLimits } from '../../src/archive/index.ts'
import { gunzip, gzip } from '../../src/codec/gzip.ts'
import { unzstd, zstd } from '../../src/codec/zstd.ts'
import { defaultLayerLimits, type LayerLimits, layerCheck } from '../../src/deep/index.ts'
import { engine } from '../../src/engine.ts'
import { isOciError } from '../../src/errors.ts'
import { defaultTreeLimits, files } from '../../src/files/index.ts'
import { fsck } from '../../src/fsck.ts'
import { defaultLimits, type Limits } from '../../src/limits.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { referrers } from '../../src/referrers.ts'
import { mediaTypes } from '../../src/spec.ts'
import type { ReadableStorage, StorageAdapter } from '../../src/storage.ts'
import { collect } from '../../src/streams.ts'
import { defaultTarLimits, tarSource } from '../../src/tar/index.ts'
import { forwarding } from '../suites/index.ts'
import { utf8 } from '../suites/material.ts'
import { frame } from '../unit/codec/frames.ts'
import { writeSample } from '../unit/core/samples.ts'
import { gnuMagic, member, pax, readAll, tar } from '../unit/tar/samples.ts'

/** What is read under a limit, and the least limit with which it is. */
interface Case {
  readonly least: number
  read(max: number): Promise<unknown>
}
type Cases = Readonly<Record<string, () => Promise<Case>>>

const sum = (sizes: readonly { readonly size: number }[]): number =>
  sizes.reduce((all, { size }) => all + size, 0)
const openedWith = (storage: ReadableStorage, limits: Partial<Limits>): Promise<OciDir> =>
  OciDir.open(storage, { engine: engine({ limits }) })

async function sampled(): Promise<OciDir<StorageAdapter>> {
  const dir = await OciDir.ensure(memory())
  await writeSample(dir, { tag: 'a', layers: ['one', 'two', 'three'] })
  await writeSample(dir, { tag: 'b' })
  return dir
}

/** A case that opens the sample with one limit and does something. */
async function ofLayout(
  name: keyof Limits,
  least: (dir: OciDir) => number | Promise<number>,
  read: (dir: OciDir) => Promise<unknown>,
): Promise<Case> {
  const dir = await sampled()
  return { least: await least(dir), read: async max => read(await openedWith(dir.storage, { [name]: max })) }
}

const image = (dir: OciDir): ReturnType<OciDir['openImage']> => dir.openImage('a')

const ofDocuments: Cases = {
  maxMarkerSize: () =>
    ofLayout('maxMarkerSize', async ({ storage }) => (await storage.open('oci-layout'))?.size ?? 0, image),
  maxIndexSize: () =>
    ofLayout('maxIndexSize', async ({ storage }) => (await storage.open('index.json'))?.size ?? 0, image),
  maxManifestSize: () =>
    ofLayout('maxManifestSize', async dir => (await image(dir)).manifest.descriptor.size, image),
  maxConfigSize: () =>
    ofLayout('maxConfigSize', async dir => (await image(dir)).config.descriptor.size, image),
  maxEntries: () => ofLayout('maxEntries', () => 3, image),
  maxIndexEntries: () => ofLayout('maxIndexEntries', () => 2, image),
  maxIndexDepth: async () => {
    const dir = await sampled()
    const { value } = await dir.readIndex()
    const nested = await dir.writeDocument(value, { mediaType: mediaTypes.index })
    return {
      least: 1,
      read: async maxIndexDepth =>
        (await openedWith(dir.storage, { maxIndexDepth })).openImage(nested.descriptor),
    }
  },
  // index.json, its list, an entry, its annotations.
  maxJsonDepth: () =>
    ofLayout(
      'maxJsonDepth',
      () => 4,
      dir => dir.readIndex(),
    ),
  maxJsonValues: () =>
    ofLayout(
      'maxJsonValues',
      async dir => valuesIn((await dir.readIndex()).value),
      dir => dir.readIndex(),
    ),
  maxDocuments: () =>
    ofLayout(
      'maxDocuments',
      () => 2,
      dir => referrers(dir, 'a'),
    ),
  maxDocumentsSize: () =>
    ofLayout(
      'maxDocumentsSize',
      async dir => sum((await dir.readIndex()).value.manifests),
      dir => referrers(dir, 'a'),
    ),
  maxFindings: async () => {
    const dir = await sampled()
    for (const text of ['x', 'y', 'z']) await dir.writeBlob(text)
    return {
      least: 3,
      async read(maxFindings) {
        const { findings, counts } = await fsck(dir.storage, { engine: engine({ limits: { maxFindings } }) })
        expect(counts.infos).toBe(3)
        const cut = findings.find(({ code }) => code === 'LIMIT_EXCEEDED')
        expect(findings.length).toBe(Math.min(3, maxFindings) + (cut === undefined ? 0 : 1))
        if (cut !== undefined) throw toldOf(cut.message)
      },
    }
  },
}

/** A limit that is said and not thrown, for the check goes on. */
const toldOf = (message: string): Error =>
  Object.assign(new Error(message), { said: /for (\w+)/.exec(message)?.[1] })

function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((all, child) => all + valuesIn(child), 1)
}

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
const sparse = tar(
  member(
    {
      type: 'S',
      magic: gnuMagic,
      at: { 386: octal(0) + octal(3) + octal(1024) + octal(2), 483: octal(4000) },
    },
    'abcde',
  ),
)
const marker = member({ name: 'oci-layout' }, '{"imageLayoutVersion":"1.0.0"}')
const path = `blobs/sha256/${'c'.repeat(130)}`
const named = tar(marker, pax([['path', path]]), member({}, 'x'))
const globals = tar(
  marker,
  pax(
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
    'g',
  ),
  member({}, 'x'),
)
const recordSize = `${path}\n`.length + '153 path='.length
const three = tar(marker, member({ name: 'x' }), member({ name: 'y' }))

/** Cases of the limits that tars have wherever they are read. */
function ofTars(read: (bytes: Uint8Array, limits: object) => Promise<unknown>): Cases {
  const given = (bytes: Uint8Array, name: string, least: number) => async (): Promise<Case> => ({
    least,
    read: max => read(bytes, { [name]: max }),
  })
  return {
    maxEntries: given(three, 'maxEntries', 3),
    maxRecordSize: given(named, 'maxRecordSize', recordSize),
    maxGlobalRecords: given(globals, 'maxGlobalRecords', 2),
    maxSparseParts: given(tar(marker, sparse.subarray(0, -1024)), 'maxSparseParts', 2),
  }
}

const ofTar: Cases = {
  ...ofTars((bytes, limits) => readAll(bytes, { limits })),
  maxSparseSize: async () => ({
    least: 4000,
    read: max => readAll(sparse, { limits: { maxSparseSize: max } }),
  }),
}

const ofArchive: Cases = {
  ...ofTars((bytes, limits) => archive(bytes, { limits })),
  maxPathSize: async () => ({
    least: path.length,
    read: max => archive(named, { limits: { maxPathSize: max } }),
  }),
  maxNamesSize: async () => ({
    least: path.length + 'oci-layout'.length,
    read: max => archive(named, { limits: { maxNamesSize: max } }),
  }),
}

const asFiles = async (bytes: Uint8Array, limits: object): Promise<unknown> => {
  const dir = await OciDir.ensure(memory())
  const layer = await dir.writeLayer(bytes)
  const document = { architecture: 'x', os: 'y', rootfs: { type: 'layers', diff_ids: [layer.diffId] } }
  const config = await dir.writeDocument(document, { mediaType: mediaTypes.config })
  const manifest = { schemaVersion: 2, config: config.descriptor, layers: [layer.descriptor] } as const
  await dir.insertManifest(manifest, { tag: 'a' })
  return files(await dir.openImage('a'), { limits, digests: true })
}

const ofTree: Cases = {
  ...ofTars(asFiles),
  maxSparseSize: async () => ({ least: 4000, read: max => asFiles(sparse, { maxSparseSize: max }) }),
  maxBytes: async () => ({ least: three.length, read: max => asFiles(three, { maxBytes: max }) }),
  maxPathSize: async () => ({ least: path.length, read: max => asFiles(named, { maxPathSize: max }) }),
  // Three names, and 300 for each.
  maxTreeSize: async () => ({ least: 912, read: max => asFiles(three, { maxTreeSize: max }) }),
}

const content = utf8('a layer of some bytes')
const packed = (): Promise<Uint8Array> =>
  collect(
    gzip().encode(
      (async function* () {
        yield content
      })(),
    ),
    { max: 1000 },
  )

/** A look into a layer, which says what it didn't look at. */
const looked = async (bytes: Uint8Array, limits: Partial<LayerLimits>): Promise<void> => {
  const { findings } = await layerCheck({ limits }).begin().look(chunks(bytes), {})
  const [first] = findings.filter(({ severity }) => severity !== 'info')
  if (first !== undefined) throw toldOf(first.message)
}

const ofLayers: Cases = {
  ...ofTars(looked),
  maxBytes: async () => ({ least: three.length, read: max => looked(three, { maxBytes: max }) }),
  maxPathSize: async () => ({ least: path.length, read: max => looked(named, { maxPathSize: max }) }),
  // Three names, and 64 for each.
  maxNamesSize: async () => ({
    least: 3 * 64 + 'oci-layout'.length + 2,
    read: max => looked(three, { maxNamesSize: max }),
  }),
  maxWindowSize: async () => {
    const bytes = await frame({ content: three })
    return { least: 128 << 10, read: max => looked(bytes, { maxWindowSize: max }) }
  },
}

const ofDecoders: Cases = {
  'gunzip maxBytes': async () => {
    const bytes = await packed()
    return {
      least: content.length,
      read: async max => collect(gunzip(bytes, { maxBytes: max }), { max: 1000 }),
    }
  },
  'unzstd maxBytes': async () => {
    const bytes = await frame({ content })
    return {
      least: content.length,
      read: async max => collect(unzstd(bytes, { maxBytes: max }), { max: 1000 }),
    }
  },
  'zstd maxWindowSize': async () => {
    const bytes = await frame({ content })
    const read = async (maxWindowSize: number): Promise<unknown> =>
      collect(zstd({ maxWindowSize }).decode(chunks(bytes)), { max: 1000 })
    return { least: 128 << 10, read }
  },
  'readLayer maxBytes': async () => {
    const dir = await OciDir.ensure(memory())
    const layer = await dir.writeLayer(content, { codec: gzip() })
    const read = async (maxBytes: number): Promise<unknown> =>
      collect(await dir.readLayer(layer, { codecs: [gzip()], maxBytes }), { max: 1000 })
    return { least: content.length, read }
  },
  'tree.bytes max': async () => {
    const dir = await OciDir.ensure(memory())
    const { diffId, descriptor } = await dir.writeLayer(tarSource([{ path: 'x', body: content }]))
    const config = { architecture: 'x', os: 'y', rootfs: { type: 'layers', diff_ids: [diffId] } }
    const stored = await dir.writeDocument(config, { mediaType: mediaTypes.config })
    await dir.insertManifest(
      { schemaVersion: 2, config: stored.descriptor, layers: [descriptor] },
      { tag: 'a' },
    )
    const tree = await files(await dir.openImage('a'))
    return { least: content.length, read: max => tree.bytes('x', { max }) }
  },
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const groups: readonly (readonly [name: string, defaults: object, cases: Cases])[] = [
  ['defaultLimits', defaultLimits, ofDocuments],
  ['defaultTarLimits', defaultTarLimits, ofTar],
  ['defaultArchiveLimits', defaultArchiveLimits, ofArchive],
  ['defaultTreeLimits', defaultTreeLimits, ofTree],
  ['defaultLayerLimits', defaultLayerLimits, ofLayers],
]

for (const [group, defaults, cases] of groups) {
  it(`P12: every limit of ${group} has a case here`, () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(defaults).sort())
  })
}

describe.each([...groups, ['decoders', {}, ofDecoders] as const])('P12: %s', (_, _defaults, cases) => {
  it.each(Object.entries(cases))('P12: %s is read at the limit and refused one above', async (name, make) => {
    const { least, read } = await make()
    await read(least)
    await read(Number.POSITIVE_INFINITY).catch(error => {
      // The window of zstd has a bound of its own.
      if (!(error instanceof RangeError) || !name.endsWith('maxWindowSize')) throw error
    })
    const error = await read(least - 1).then(
      () => undefined,
      caught => caught,
    )
    const limit = name.split(' ').at(-1)
    const said = isOciError(error, 'LIMIT_EXCEEDED') ? error.data.limit : error?.said
    expect(said ?? error).toBe(limit)
    await expect(read(Number.NaN)).rejects.toBeInstanceOf(RangeError)
  })
})

describe('P12: nothing is spent on what is too large', () => {
  it.each(['oci-layout', 'index.json'] as const)(
    'P12: a huge %s is refused by its size, unread',
    async path => {
      const inner = (await sampled()).storage
      let read = 0
      const storage = forwarding(inner, {
        async open(asked, options) {
          const file = await inner.open(asked, options)
          if (file === undefined || asked !== path) return file
          const bytes = async (): Promise<Uint8Array> => {
            read++
            return new Uint8Array()
          }
          return { ...file, size: 2 ** 40, bytes, stream: () => file.stream() }
        },
      })
      const opening = OciDir.open(storage).then(dir => dir.readIndex())
      await expect(opening).rejects.toMatchObject({
        code: 'LIMIT_EXCEEDED',
        data: { found: 2 ** 40, where: path },
      })
      expect(read).toBe(0)
    },
  )

  it('P12: a list is counted whatever else the document pretends to be', async () => {
    const dir = await OciDir.ensure(memory())
    const long = Array.from({ length: 20_001 }, () => 0)
    for (const value of [
      { manifests: [], layers: long },
      { layers: [], manifests: long },
      { rootfs: { diff_ids: long } },
    ]) {
      const descriptor = await dir.writeBlob(JSON.stringify(value), { mediaType: mediaTypes.manifest })
      await expect(dir.readDocument(descriptor)).rejects.toMatchObject({
        data: { limit: 'maxEntries', found: 20_001 },
      })
    }
  })

  it('P12: a limit left undefined stays what it was', async () => {
    expect(engine({ limits: { maxEntries: undefined as never } }).limits).toEqual(defaultLimits)
    for (const wrong of ['7', -1, {}]) {
      expect(() => engine({ limits: { maxEntries: wrong as never } })).toThrow(RangeError)
    }
  })
})
