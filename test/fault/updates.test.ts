/** P5, P6: thousands of updates of one layout and of many, by processes and threads at once, and readers beside them. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { fsck } from '../../src/fsck.ts'
import { draft } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { isLong, rounds } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { buildChild, Child, ThreadChild } from './child.ts'
import type { UpdatesJob } from './updates-child.ts'

const processes = 7
const threads = 3
const readers = rounds({ short: 1, long: 3 })
const writers = processes + threads
const timeout = rounds({ short: 120_000, long: 3_600_000 })

let child: Awaited<ReturnType<typeof buildChild>>
let work = ''
beforeAll(async () => {
  child = await buildChild(new URL('./updates-child.ts', import.meta.url))
})
afterAll(() => child.remove())
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-updates-'))
})
afterEach(() => rm(work, { recursive: true }))

const layouts = rounds({ short: 6, long: 100 })
it(`P5: 100 updates of each of ${layouts} layouts: none is lost, and no reader sees a torn index`, {
  timeout,
}, async () => {
  const { updates, reads } = await race({ layouts, updates: 100 })
  expectRaced(updates)
  expect(updates).toMatchObject({ attempts: layouts * 100, losses: 0 })
  expect(reads.report()).toMatchObject({ losses: 0 })
  expect(reads.attempts).toBeGreaterThanOrEqual(leastReads)
})

/** Of the readers beside the updates; and of the updates, before how many another writer came. */
const leastReads = isLong ? 100_000 : 100
const leastShare = 0.25

const most = rounds({ short: 200, long: 2000 })
it(`P5: one layout grows to ${most} tags by ${writers} writers: none is lost`, { timeout }, async () => {
  const { updates, reads } = await race({ layouts: 1, updates: most })
  expectRaced(updates)
  expect(updates).toMatchObject({ attempts: most, losses: 0 })
  expect(reads.report()).toMatchObject({ losses: 0 })
})

it('P5: without the lock updates are lost', { timeout }, async () => {
  const { updates } = await race({ layouts: 1, updates: 100, locked: false })
  expect(updates.report().losses).toBeGreaterThan(0)
})

function expectRaced(updates: Tally): void {
  updates.report()
  expect(updates.fired).toBeGreaterThanOrEqual(leastShare * updates.attempts)
}

interface Race {
  readonly layouts: number
  /** Of each layout. */
  readonly updates: number
  readonly locked?: boolean
}

/**
 * Fired are the updates that found another writer's since their own writer's last, and the reads that saw an update since
 * the one before.
 */
async function race({ layouts, updates, locked = true }: Race): Promise<{ updates: Tally; reads: Tally }> {
  const title = `${layouts} x ${updates} updates by ${processes} processes and ${threads} threads`
  const tally = new Tally(`P5: ${title}${locked ? '' : ', without lock (broken on purpose)'}`)
  const reads = new Tally(`P6: reads of another process beside ${title}`)
  const dirs = Array.from({ length: layouts }, (_, i) => join(work, String(i)))
  for (const path of dirs) await newLayout(path)
  const tags = Array.from({ length: writers }, (_, w) =>
    Array.from({ length: updates / writers }, (_, k) => `w${w}-${k}`),
  )
  const jobs = tags.map((own): UpdatesJob => ({ do: 'tag', dirs, tags: own, locked }))
  const reading = Array.from(
    { length: readers },
    () => new Child(child.program, { do: 'read', dirs } satisfies UpdatesJob),
  )
  const writing = jobs.map((job, w) => new (w < processes ? Child : ThreadChild)(child.program, job))
  await Promise.all([...reading, ...writing].map(one => one.said('ready')))
  // All at the same layout, one after the other: by themselves they would soon be far apart, and seldom meet.
  for (const i of dirs.keys()) {
    for (const one of [...reading, ...writing]) one.begin()
    // One that has failed doesn't keep the others: what it left out is missing at the end.
    await Promise.allSettled(writing.map(one => one.said(`tagged ${i}`)))
  }
  for (const reader of reading) {
    reader.end()
    await reader.exited
    reads.attempts += told(reader.lines, 'reads')
    reads.fired += told(reader.lines, 'grown')
    reads.losses += told(reader.lines, 'torn')
  }
  await Promise.all(writing.map(one => one.exited))
  const failed = writing.flatMap(({ lines }) => (lines.at(-1) === 'done' ? [] : [lines.at(-1) ?? 'nothing']))
  if (failed.length > 0) console.log(failed.join('\n'))
  tally.attempts = layouts * updates
  for (const { lines } of writing) tally.fired += told(lines, 'between')
  for (const path of dirs) tally.losses += await missing(path, tags.flat())
  return { updates: tally, reads }
}

async function newLayout(path: string): Promise<void> {
  const dir = await OciDir.ensure(folder(path))
  await dir.writeImage(draft({ os: 'linux', architecture: 'amd64' }), { tag: 'first' })
  await dir.storage.close()
}

/** Tags that aren't there; all of them where the layout isn't sound. */
async function missing(path: string, expected: readonly string[]): Promise<number> {
  const dir = await OciDir.open(folder(path))
  const there = new Set((await dir.tags()).map(({ tag }) => tag))
  const { counts } = await fsck(dir.storage)
  return counts.errors > 0 ? expected.length : expected.filter(tag => !there.has(tag)).length
}

function told(lines: readonly string[], word: string): number {
  return Number(lines.find(line => line.startsWith(`${word} `))?.slice(word.length + 1) ?? Number.NaN)
}
