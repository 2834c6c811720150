/** What quarantine takes out of index.json, and what it must leave there. */

import { expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { layerCheck } from '../../../src/deep/index.ts'
import type { FindingCode } from '../../../src/findings.ts'
import { fsck } from '../../../src/fsck.ts'
import type { Layer } from '../../../src/layer.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { repair } from '../../../src/repair/repair.ts'
import { type Descriptor, mediaTypes } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addBlob, addIndex, emptyDir, named, rawLayout, text, writeSample } from '../core/samples.ts'
import { member, tar } from '../tar/samples.ts'
import { pour } from './damage.ts'

const file = (name: string): Uint8Array => member({ name }, 'content')
const other = `sha256:${'0'.repeat(64)}`

/** How an image is put together of two layers that are sound. */
interface Parts {
  readonly layers: readonly Descriptor[]
  readonly diffIds: readonly string[]
}

interface Case {
  readonly code: FindingCode
  readonly isPlain?: boolean
  /** What the bad image says of what the good one has as well. */
  readonly bad: (sound: Parts, base: Layer) => Parts
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
    const codec = isPlain ? {} : { codec: gzip() }
    const dir = await emptyDir()
    const below = await dir.writeLayer(tar(file('f')), codec)
    const link = member({ name: 'x', type: '1', linkname: 'f' })
    const top = await dir.writeLayer(tar(link), codec)
    const base = await dir.writeLayer(tar(file('g')), codec)
    const raw = await RawStorage.copyOf(dir.storage)
    const image = async ({ layers, diffIds }: Parts): Promise<Descriptor> => {
      const rootfs = { type: 'layers', diff_ids: diffIds }
      const config = await addBlob(raw, { os: 'linux', architecture: 'amd64', rootfs }, mediaTypes.config)
      return addBlob(raw, { schemaVersion: 2, config, layers }, mediaTypes.manifest)
    }
    const sound = { layers: [below.descriptor, top.descriptor], diffIds: [below.diffId, top.diffId] }
    rawLayout(raw, [named(await image(bad(sound, base)), 'bad'), named(await image(sound), 'good')])
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

async function tagsOf(storage: StorageAdapter): Promise<string[]> {
  return (await (await OciDir.open(storage)).tags()).map(({ tag }) => tag)
}
