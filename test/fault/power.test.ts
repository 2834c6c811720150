/** Power loss, simulated: real workloads recorded call by call, then cut at any call, with what a disk may lose lost. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fsck } from '../../src/fsck.ts'
import { prng } from '../golden/inputs.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { workParent } from '../setup/work-folder.ts'
import { RawStorage } from '../unit/core/raw-storage.ts'
import { models, type Op, survivors } from './power-disk.ts'
import { judge, type Verdict } from './power-judge.ts'
import { type Mark, Recording, record } from './power-record.ts'
import { workloads } from './power-work.ts'

vi.mock('node:fs/promises', async importOriginal => {
  const { recorded } = await import('./power-record.ts')
  return recorded(await importOriginal())
})

type Durability = 'strict' | 'relaxed'
type Ops = readonly Op<Mark>[]

interface Run {
  readonly name: string
  readonly ops: Ops
  readonly versions: ReadonlyMap<string, ReadonlySet<string>>
}

// Some seconds, where nothing else runs.
const timeout = rounds({ short: 300_000, long: 1_800_000 })
const seeds = rounds({ short: 10_000, long: 100_000 })
const runs: Record<Durability, Run[]> = { strict: [], relaxed: [] }
let base: string

beforeAll(async () => {
  base = mkdtempSync(join(workParent(), 'ocidir-power-'))
  for (const durability of ['strict', 'relaxed'] as const) {
    for (const [name, work] of Object.entries(workloads)) {
      const place = mkdtempSync(join(base, 'disk-'))
      const recording = new Recording(place)
      record(recording)
      await work({ base: place, recording, durability })
      record(undefined)
      expectSame(recording.disk.files(), place)
      runs[durability].push({ name, ops: recording.disk.ops, versions: recording.versions })
    }
  }
})
afterAll(() => rmSync(base, { recursive: true }))

describe('after a loss of power', () => {
  it('P4: a strict layout has all that was acknowledged, and nothing corrupt', { timeout }, () => {
    const { tally, wrong } = cutAll('P4: power loss, strict', runs.strict)
    expect(wrong.length, report(wrong)).toBe(0)
    expect(tally.report().losses).toBe(0)
  })

  it('P4: a relaxed layout has index.json old or new, and all that it reaches', { timeout }, async () => {
    const { tally, wrong, unnamed } = cutAll('P4: power loss, relaxed', runs.relaxed, {
      durability: 'relaxed',
    })
    expect(wrong.length, report(wrong)).toBe(0)
    expect(tally.report().losses).toBe(0)
    console.log(
      `of ${unnamed.length} of them a relaxed layout had blobs without their bytes, which nothing named`,
    )
    expect(unnamed.length).toBeGreaterThan(0)
    for (const { files, verdict, layout } of unnamed.slice(0, 100)) {
      if (!files.has(`${layout}/oci-layout`)) continue
      const { findings } = await fsck(rawOf(files, layout))
      const told = findings.filter(({ code }) => code === 'BLOB_MISNAMED').map(({ path }) => path)
      expect(told.sort()).toEqual(verdict.unnamed.map(hex => `blobs/sha256/${hex}`).sort())
    }
  })
})

describe('the simulation finds out a writer', () => {
  const broken: Readonly<Record<string, (ops: Ops) => Ops>> = {
    'that syncs no file': ops => ops.filter(op => !(op.do === 'sync' && op.node > 0)),
    'that syncs no folder': ops => ops.filter(op => !(op.do === 'sync' && op.node <= 0)),
    'that names a file before its bytes': namesFirst,
  }
  for (const [how, change] of Object.entries(broken)) {
    it(`P4: ${how}`, () => {
      const changed = runs.strict.map(run => ({ ...run, ops: change(run.ops) }))
      const tally = cutAll(`P4: power loss under a writer ${how} (broken on purpose)`, changed, {
        cuts: seeds / 10,
      }).tally
      expect(tally.report().losses).toBeGreaterThan(0)
    })
  }
})

interface Found {
  readonly seed: number
  readonly name: string
  readonly layout: string
  readonly verdict: Verdict
  readonly files: ReadonlyMap<string, Uint8Array>
}

function cutAll(
  name: string,
  among: readonly Run[],
  { durability = 'strict', cuts = seeds }: { durability?: Durability; cuts?: number } = {},
): { tally: Tally; wrong: Found[]; unnamed: Found[] } {
  const tally = new Tally(name)
  const wrong: Found[] = []
  const unnamed: Found[] = []
  for (let i = 0; i < cuts; i++) {
    const random = prng(seed * 1_000_003 + i)
    const run = among[random() % among.length]
    const model = models[random() % models.length]
    if (run === undefined || model === undefined) continue
    const at = random() % (run.ops.length + 1)
    const { files, lost } = survivors(run.ops, { at, model, random })
    tally.attempts++
    if (lost) tally.fired++
    let isWrong = false
    for (const [layout, versions] of run.versions) {
      const verdict = judge(files, { layout, ops: run.ops, at, versions })
      const found = { seed: i, name: `${run.name}, ${model}, ${at}`, layout, verdict, files }
      const isBad =
        verdict.corrupt.length > 0 ||
        (durability === 'strict' && verdict.forgotten.length + strictly(run, verdict) > 0)
      if (isBad) wrong.push(found)
      if (verdict.unnamed.length > 0) unnamed.push(found)
      isWrong ||= isBad
    }
    if (isWrong) tally.losses++
  }
  return { tally, wrong, unnamed }
}

/** Unnamed blobs under a wrong name: none of strict writers. */
function strictly({ name }: Run, { unnamed }: Verdict): number {
  return name === 'handedOn' ? 0 : unnamed.length
}

function report(wrong: readonly Found[]): string {
  const lines = wrong.slice(0, 10).map(({ seed: of, name, layout, verdict }) => {
    const { corrupt, forgotten, unnamed } = verdict
    return `OCIDIR_SEED=${seed}, cut ${of} (${name}) ${layout}: ${JSON.stringify({ corrupt, forgotten, unnamed })}`
  })
  return `${wrong.length} wrong\n${lines.join('\n')}`
}

/** Each file's bytes are written, and synced, only after the next sync of a folder has shown its name. */
function namesFirst(ops: Ops): Ops {
  const changed: Op<Mark>[] = []
  const held: Op<Mark>[] = []
  for (const op of ops) {
    const isOfFile = op.do === 'write' || (op.do === 'sync' && op.node > 0)
    if (isOfFile) held.push(op)
    else changed.push(op)
    if (op.do === 'sync' && op.node <= 0) changed.push(...held.splice(0))
  }
  return [...changed, ...held].map((op, i) => (op.do === 'sync' ? { ...op, upTo: i } : op))
}

/** The recording must have missed nothing: what it says is on the disk is there, and nothing else. */
function expectSame(files: ReadonlyMap<string, Uint8Array>, place: string): void {
  const there = readdirSync(place, { recursive: true, encoding: 'utf8' }).filter(path =>
    statSync(join(place, path)).isFile(),
  )
  expect([...files.keys()].sort()).toEqual(there.sort())
  for (const path of there)
    expect(readFileSync(join(place, path)).equals(files.get(path) ?? Buffer.of(0))).toBe(true)
}

function rawOf(files: ReadonlyMap<string, Uint8Array>, layout: string): RawStorage {
  const own = [...files].filter(([path]) => path.startsWith(`${layout}/`))
  return new RawStorage(own.map(([path, bytes]) => [path.slice(layout.length + 1), bytes]))
}
