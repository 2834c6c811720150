/** What quarantine takes out of index.json, and what it must leave there. */

import { expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { layerCheck } from '../../../src/deep/index.ts'
import type { FindingCode } from '../../../src/findings.ts'
import { fsck } from '../../../src/fsck.ts'
import { repair } from '../../../src/repair/repair.ts'
import { mediaTypes } from '../../../src/spec.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addIndex, emptyDir, named, rawLayout, text, writeSample } from '../core/samples.ts'
import { pour } from './damage.ts'
import { imageOf, type Parts, type Sound, soundParts, tagsOf } from './images.ts'

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
