/** What quarantine takes out of index.json, and what it must leave there. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { layerCheck } from '../../../src/deep/index.ts'
import { engine } from '../../../src/engine.ts'
import type { FindingCode } from '../../../src/findings.ts'
import { type Fault, fsck, fsckTelling } from '../../../src/fsck.ts'
import type { Layer } from '../../../src/layer.ts'
import { repair } from '../../../src/repair/repair.ts'
import { wrongOf } from '../../../src/repair/wrong.ts'
import { type Descriptor, emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addBlob, addIndex, emptyDir, named, rawLayout, text, writeSample } from '../core/samples.ts'
import { member, tar } from '../tar/samples.ts'
import { pathOf, pour } from './damage.ts'
import { checksOf, imageOf, type Parts, type Sound, soundParts, tagsOf } from './images.ts'

const other = `sha256:${'0'.repeat(64)}`

interface Case {
  readonly code: FindingCode
  readonly isPlain?: boolean
  /** What the bad image says of what the good one has as well. */
  readonly bad: (sound: Parts, base: Sound['bases'][number]) => Parts
}

const cases: readonly Case[] = [
  {
    code: 'DIFF_ID_MISMATCH',
    bad: ({ layers, diffIds: [first = ''] }) => ({ layers, diffIds: [first, other] }),
  },
  {
    code: 'DIFF_ID_MISMATCH',
    isPlain: true,
    bad: ({ layers, diffIds: [first = ''] }) => ({ layers, diffIds: [first, other] }),
  },
  { code: 'DIFF_IDS_COUNT', bad: ({ layers, diffIds }) => ({ layers, diffIds: diffIds.slice(1) }) },
  {
    code: 'LAYER_TYPE_MISMATCH',
    bad: ({ layers, diffIds }) => ({
      layers: layers.map(layer => ({ ...layer, mediaType: mediaTypes.layer })),
      diffIds,
    }),
  },
  {
    code: 'HARDLINK_DANGLING',
    bad: ({ layers: [, top], diffIds: [, topId = ''] }, base) => ({
      layers: top === undefined ? [] : [base.descriptor, top],
      diffIds: [base.diffId, topId],
    }),
  },
]

it.each(cases)(
  'takes out the image that is wrong, not the one that shares its blobs: $code',
  async ({ code, isPlain, bad }) => {
    const { raw, parts, bases } = await soundParts({ isPlain: isPlain ?? false })
    const [base] = bases
    if (base === undefined) throw new Error('there is another base')
    const wrong = await imageOf(raw, bad(parts, base))
    rawLayout(raw, [named(wrong, 'bad'), named(await imageOf(raw, parts), 'good')])
    const storage = await pour(raw, memory())
    const { before, after } = await repair(storage, { quarantine: true, deep: layerCheck() })
    expect(before.findings.map(found => found.code)).toContain(code)
    expect([after.ok, await tagsOf(storage)]).toEqual([true, ['good']])
  },
)

it('leaves images alone whose blobs are in a second place', async () => {
  const dir = await emptyDir()
  await writeSample(dir, { tag: 'app' })
  const blobs = dir.storage
  const storage = memory()
  for (const path of ['oci-layout', 'index.json'] as const) {
    const bytes = await (await blobs.open(path))?.bytes()
    await storage.update(path, () => bytes)
  }
  expect((await fsck(storage, { blobs })).ok).toBe(true)
  expect((await repair(storage, { blobs, quarantine: true })).actions).toEqual([])
  expect(await tagsOf(storage)).toEqual(['app'])
})

it('asks once for what a thousand tags name', { timeout: 60_000 }, async () => {
  const dir = await emptyDir()
  const image = await writeSample(dir, { tag: 'one' })
  const raw = await RawStorage.copyOf(dir.storage)
  const children = Array.from({ length: 2000 }, (_, i) => ({
    ...image.descriptor,
    annotations: { number: String(i) },
  }))
  const index = await addIndex(raw, children)
  const gone = { mediaType: mediaTypes.manifest, digest: other, size: 1 }
  rawLayout(raw, [...Array.from({ length: 1000 }, (_, i) => named(index, `t${i}`)), named(gone, 'gone')])
  const storage = await pour(raw, memory())
  const start = performance.now()
  await repair(storage, { quarantine: true })
  console.log(`quarantine of one of 1,001 tags: ${(performance.now() - start).toFixed()} ms`)
  expect(await tagsOf(storage)).toHaveLength(1000)
  expect(performance.now() - start).toBeLessThan(20_000)
})

it('a byte order mark before index.json costs no tag', async () => {
  const dir = await emptyDir()
  await writeSample(dir, { tag: 'app' })
  const raw = await RawStorage.copyOf(dir.storage)
  raw.change('index.json', bytes => text(`\ufeff${new TextDecoder().decode(bytes)}`))
  const storage = await pour(raw, memory())
  const { before, after, actions } = await repair(storage)
  expect([before.ok, after.ok, await tagsOf(storage)]).toEqual([false, true, ['app']])
  expect(actions.map(({ kind }) => kind)).toEqual(['quarantined', 'corrected'])
})

describe('what is wrong for one', () => {
  it('as a config is good enough for artifacts', async () => {
    const { raw, parts } = await soundParts()
    const config = await addBlob(raw, {}, mediaTypes.config)
    const bad = await addBlob(raw, { schemaVersion: 2, config, layers: parts.layers }, mediaTypes.manifest)
    const signature = await artifactOf(raw, parts.layers)
    rawLayout(raw, [named(bad, 'bad'), named(signature, 'sig'), named(await imageOf(raw, parts), 'good')])
    expect(config.digest).toBe(emptyDescriptor.digest)
    expect(await left(raw)).toEqual(['sig', 'good'])
  })

  it('as an index is a good manifest to those who call it one', async () => {
    const { raw, parts } = await soundParts()
    const good = await imageOf(raw, parts)
    const nested = await addIndex(raw, [{ ...good, mediaType: mediaTypes.index }])
    const layers = await addIndex(raw, [{ ...parts.layers[0], mediaType: mediaTypes.manifest }])
    rawLayout(raw, [named(nested, 'nested'), named(layers, 'layers'), named(good, 'good')])
    expect(await left(raw)).toEqual(['good'])
  })

  it.each(['LAYER_TYPE_MISMATCH', 'HARDLINK_DANGLING', 'TAR_INVALID'])(
    'as a layer is any blob to an artifact: %s',
    async code => {
      const { raw, parts } = await soundParts()
      const [below, top] = parts.layers
      if (below === undefined || top === undefined) throw new Error('two layers')
      const noTar = await addBlob(raw, 'no tar at all', mediaTypes.layer)
      const wrong = {
        LAYER_TYPE_MISMATCH: { ...top, mediaType: mediaTypes.layerGzip },
        HARDLINK_DANGLING: top,
        TAR_INVALID: noTar,
      }[code] as Descriptor
      const bad = await imageOf(raw, { layers: [wrong] })
      const artifact = await artifactOf(raw, [wrong])
      rawLayout(raw, [
        named(bad, 'bad'),
        named(artifact, 'artifact'),
        named(await imageOf(raw, parts), 'good'),
      ])
      expect((await fsck(raw, { deep: layerCheck() })).findings.map(found => found.code)).toContain(code)
      expect(await left(raw)).toEqual(['artifact', 'good'])
    },
  )

  it('as an entry of index.json may be absent to a sparse index', async () => {
    const { raw, parts } = await soundParts()
    const gone = { mediaType: mediaTypes.manifest, digest: other, size: 1 }
    const multi = await addIndex(raw, [gone, await imageOf(raw, parts)])
    for (const entries of [
      [named(gone, 'gone'), named(multi, 'multi')],
      [named(multi, 'multi'), named(gone, 'gone')],
    ]) {
      rawLayout(raw, entries)
      expect((await fsck(raw)).findings.map(({ code }) => code)).toContain('BLOB_MISSING')
      expect(await left(raw)).toEqual(['multi'])
    }
  })
})

it('takes out what is wrong behind an index that is too deep', async () => {
  const { raw, parts } = await soundParts()
  let deep = await imageOf(raw, parts)
  for (let i = 0; i < 40; i++) deep = await addIndex(raw, [deep])
  const gone = { mediaType: mediaTypes.manifest, digest: other, size: 1 }
  rawLayout(raw, [named(deep, 'deep'), named(gone, 'gone'), named(await imageOf(raw, parts), 'good')])
  expect(await left(raw)).toEqual(['deep', 'good'])
})

it('takes images out at once that have a layer more than once below a wrong one', async () => {
  const { raw, parts, bases } = await soundParts()
  const [base] = bases
  const [, top] = parts.layers
  if (base === undefined || top === undefined) throw new Error('two layers')
  const stacks = Array.from({ length: 20 }, (_, i) => [...Array(i + 1).fill(base.descriptor), top])
  const bad = await Promise.all(stacks.map(layers => imageOf(raw, { layers })))
  rawLayout(raw, [
    ...bad.map((image, i) => named(image, `bad${i}`)),
    named(await imageOf(raw, parts), 'good'),
  ])
  const storage = await pour(raw, memory())
  const checks = checksOf(storage)
  await repair(storage, { quarantine: true, deep: layerCheck() })
  expect([await tagsOf(storage), checks.count() < 5]).toEqual([['good'], true])
})

it('asks once for what is told of one layer in five hundred images', { timeout: 60_000 }, async () => {
  const dir = await emptyDir()
  const links = Array.from({ length: 12 }, (_, i) => member({ name: `x${i}`, type: '1', linkname: `f${i}` }))
  const top = await dir.writeLayer(tar(...links))
  const bases: Layer[] = []
  for (let i = 0; i < 500; i++) bases.push(await dir.writeLayer(tar(member({ name: `b${i}` }, 'b'))))
  const raw = await RawStorage.copyOf(dir.storage)
  const bad = []
  for (const base of bases) bad.push(await imageOf(raw, { layers: [base.descriptor, top.descriptor] }))
  const faults: Fault[] = []
  rawLayout(raw, bad)
  await fsckTelling(raw, { deep: layerCheck(), onFault: fault => faults.push(fault) })
  expect(faults.length).toBeGreaterThan(5000)
  const storage = await pour(raw, memory())
  const layout = { storage, places: [storage], engine: engine() }
  const start = performance.now()
  const { entries } = await wrongOf(
    { layout, sources: [], signal: undefined, note() {}, passed() {} },
    faults,
  )
  console.log(`5,500 findings of 500 images judged: ${(performance.now() - start).toFixed()} ms`)
  expect(entries.size).toBe(500)
  // Finding by finding and image by image it was some 1,000 ms of mere computing.
  expect(performance.now() - start).toBeLessThan(10_000)
})

function artifactOf(raw: RawStorage, layers: readonly Descriptor[]): Promise<Descriptor> {
  const artifactType = 'application/x'
  return addBlob(
    raw,
    { schemaVersion: 2, artifactType, config: emptyDescriptor, layers },
    mediaTypes.manifest,
  )
}

/** The tags that quarantine leaves. */
async function left(raw: RawStorage): Promise<string[]> {
  if (!raw.files.has(pathOf(emptyDescriptor.digest))) await addBlob(raw, {}, mediaTypes.empty)
  const storage = await pour(raw, memory())
  await repair(storage, { quarantine: true, deep: layerCheck() })
  return tagsOf(storage)
}
