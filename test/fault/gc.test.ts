/** gc without grace beside writers: in memory, on one folder, and in processes of their own. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { folder } from '../../adapters/node/index.ts'
import { native } from '../../adapters/node/native.ts'
import { engine } from '../../src/engine.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { rounds } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { buildChild, Child } from './child.ts'
import type { GcJob } from './gc-child.ts'
import { collect, collectByList, dawdling, heedless, race } from './gc-race.ts'

const inMemory = 1000
const onDisk = { relaxed: rounds({ short: 3, long: 1000 }), strict: rounds({ short: 1, long: 50 }) }

let child: Awaited<ReturnType<typeof buildChild>>
let path: string

beforeAll(async () => {
  child = await buildChild(new URL('./gc-child.ts', import.meta.url))
})
afterAll(() => child.remove())
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'ocidir-gc-'))
})
afterEach(() => rm(path, { recursive: true }))

const tools = { engine: engine({ native }) }

describe('16 writers of the same blobs beside gc, in memory', () => {
  it(`${inMemory} rounds: index.json never names what is not there`, {
    timeout: 60_000 + 500 * inMemory,
  }, async () => {
    const storage = memory()
    const gcDir = await OciDir.ensure(storage, tools)
    const tally = await race({
      name: `P8: 16 writers beside gc, ${inMemory} rounds in memory`,
      rounds: inMemory,
      dirs: [await OciDir.open(dawdling(storage, 7), tools)],
      collect: () => collect(gcDir),
    })
    expect(tally.report()).toMatchObject({ attempts: inMemory, losses: 0 })
    expect(tally.fired).toBeGreaterThan(inMemory / 2)
  })

  it('loses when the list is made outside of the section', { timeout: 120_000 }, async () => {
    const storage = memory()
    const gcDir = await OciDir.ensure(storage, tools)
    const tally = await race({
      name: 'P8: gc by a list made outside of the section (broken on purpose)',
      rounds: 20,
      dirs: [await OciDir.open(dawdling(storage, 7), tools)],
      collect: () => collectByList(gcDir),
    })
    expect(tally.report().losses).toBeGreaterThan(0)
  })

  it('loses when the storage forgets what an entry requires', { timeout: 120_000 }, async () => {
    const storage = memory()
    const gcDir = await OciDir.ensure(storage, tools)
    const tally = await race({
      name: 'P8: gc over a storage that forgets requires (broken on purpose)',
      rounds: 20,
      dirs: [await OciDir.open(heedless(dawdling(storage, 7)), tools)],
      collect: () => collect(gcDir),
    })
    expect(tally.report().losses).toBeGreaterThan(0)
  })
})

describe('16 writers of the same blobs beside gc, on one folder', () => {
  const dirAt = (durability: 'strict' | 'relaxed' = 'relaxed'): Promise<OciDir<StorageAdapter>> =>
    OciDir.ensure(folder(path, { durability }))

  for (const durability of ['relaxed', 'strict'] as const) {
    const count = onDisk[durability]
    it(`${count} rounds, ${durability}: index.json never names what is not there`, {
      timeout: 60_000 + 20_000 * count,
    }, async () => {
      const gcDir = await dirAt(durability)
      const tally = await race({
        name: `P8: 16 writers through 4 storages beside gc, ${count} rounds on one folder, ${durability}`,
        rounds: count,
        dirs: await Promise.all([1, 2, 3, 4].map(() => dirAt(durability))),
        collect: () => collect(gcDir),
      })
      expect(tally.report()).toMatchObject({ attempts: count, losses: 0 })
    })
  }

  it('loses when the list is made outside of the section', { timeout: 120_000 }, async () => {
    const dirs = [await dirAt(), await dirAt()]
    const gcDir = await dirAt()
    const tally = await race({
      name: 'P8: gc by a list, on one folder (broken on purpose)',
      rounds: 2,
      dirs,
      collect: () => collectByList(gcDir, 5),
    })
    expect(tally.report().losses).toBeGreaterThan(0)
  })
})

describe('eight processes, eight tags each', () => {
  it('64 of 64 are there, whole', { timeout: 120_000 }, async () => {
    const tally = await eightByEight('P8: 64 tags of 8 processes', [])
    expect(tally.report()).toMatchObject({ attempts: 64, losses: 0 })
  })

  it('64 of 64 beside a gc without grace in another process', { timeout: 120_000 }, async () => {
    const tally = await eightByEight('P8: 64 tags of 8 processes beside gc', [
      { do: 'gc', dir: path, way: 'safe' },
    ])
    expect(tally.report()).toMatchObject({ attempts: 64, losses: 0 })
  })

  it('some are not beside a gc that removes by a list', { timeout: 120_000 }, async () => {
    const tally = await eightByEight('P8: 64 tags beside gc by a list (broken on purpose)', [
      { do: 'gc', dir: path, way: 'listed' },
    ])
    expect(tally.report().losses).toBeGreaterThan(0)
  })
})

/** Fired are the tags acknowledged and, where a gc runs, what it took of them; lost is what isn't there, or not whole. */
async function eightByEight(name: string, others: readonly GcJob[]): Promise<Tally> {
  const tally = new Tally(name)
  const dir = await OciDir.ensure(folder(path))
  const tags = Array.from({ length: 8 }, (_, i) => Array.from({ length: 8 }, (_, k) => `p${i}-${k}`))
  const writers = tags.map(own => begun({ do: 'write', dir: path, tags: own }))
  const collectors = others.map(begun)
  const all = [...writers, ...collectors]
  await Promise.all(all.map(one => one.said('ready')))
  for (const one of all) one.begin()
  await Promise.all(writers.map(one => one.exited))
  for (const one of collectors) one.end()
  await Promise.all(collectors.map(one => one.exited))
  const counted = (word: string): number =>
    all
      .flatMap(one => one.lines)
      .reduce((sum, line) => sum + (line.startsWith(`${word} `) ? Number(line.split(' ')[1]) : 0), 0)
  const failed = all.flatMap(one => one.lines.filter(line => line.startsWith('failed')))
  if (failed.length > 0) console.log(failed.join('\n'))
  console.log(
    `${name}: gc took ${counted('taken')} blobs, layers were written again ${counted('again')} times`,
  )
  tally.attempts = 64
  tally.fired =
    others.length > 0 ? counted('taken') : writers.filter(one => one.lines.includes('done')).length * 8
  const there = new Set((await dir.tags()).map(({ tag }) => tag))
  const { ok, findings } = await fsck(dir.storage)
  tally.losses = tags.flat().filter(tag => !there.has(tag)).length + failed.length
  if (!ok) tally.losses += findings.filter(({ severity }) => severity === 'error').length
  return tally
}

function begun(job: GcJob): Child {
  return new Child(child.program, job)
}
