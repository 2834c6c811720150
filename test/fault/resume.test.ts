/** kill -9 of a process that copies a large blob: the next copy moves the rest alone, and nothing wrong gets a name. */

import { existsSync, readdirSync, statSync } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { cloneTo, copy } from '../../src/copy/copy.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { prng } from '../golden/inputs.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { workFolder } from '../setup/work-folder.ts'
import { LargeSource, trusting } from '../unit/core/resumable.ts'
import { buildChild, Child } from './child.ts'
import type { ResumeJob } from './resume-child.ts'

const layouts = rounds({ short: 12, long: 300 })
const size = 48 * 1024 * 1024 + 77
const timeout = 120_000 + layouts * 10_000

let child: Awaited<ReturnType<typeof buildChild>>
let parent: string
let source: LargeSource
let from: OciDir

beforeAll(async () => {
  child = await buildChild(new URL('./resume-child.ts', import.meta.url))
  parent = await workFolder('ocidir-resume-')
  source = await LargeSource.make(seed, size)
  from = await source.dir()
  await cloneTo(from, folder(join(parent, 'source')))
}, 60_000)
afterAll(async () => {
  await child.remove()
  await rm(parent, { recursive: true })
})

it('P2: leaves a part that the next copy goes on with, and no wrong byte under a name', {
  timeout,
}, async () => {
  const tally = new Tally('P2: kill -9 of a copy, which is gone on with')
  const sums = await killAndGoOn(tally, storage => storage)
  console.log(
    `${sums.kills} kills, ${sums.kept} bytes not moved again, ${sums.damaged} parts damaged between`,
  )
  expect(tally.report()).toMatchObject({ losses: 0 })
  expect(tally.fired).toBeGreaterThan(0.2 * tally.attempts)
  expect(sums.damaged).toBeGreaterThan(0)
})

it('P2: is found out where a part is believed as it is', { timeout }, async () => {
  const tally = new Tally('P2: kill -9 of a copy whose part is believed (broken on purpose)')
  await killAndGoOn(tally, trusting, () => tally.losses > 0)
  expect(tally.report().losses).toBeGreaterThan(0)
})

interface Sums {
  kills: number
  kept: number
  damaged: number
}

/** Kills copies at random moments, damages some of what they left, and copies to the end. A copy that goes on has fired. */
async function killAndGoOn(
  tally: Tally,
  wrap: (storage: StorageAdapter, source: LargeSource) => StorageAdapter,
  isEnough = (): boolean => false,
): Promise<Sums> {
  const random = prng(seed)
  const sums: Sums = { kills: 0, kept: 0, damaged: 0 }
  for (let i = 0; i < layouts && !isEnough(); i++) {
    const target = join(parent, 'target')
    const durability = i % 2 === 0 ? 'strict' : 'relaxed'
    // Up to three, one after the other, in the time that a copy takes: each goes on with what the one before has left.
    for (let kills = 1 + (random() % 3); kills > 0; kills--) {
      if (await killOne({ source: join(parent, 'source'), target, durability }, random() % 70)) sums.kills++
    }
    const isDamaged = i % 3 === 2 && (await damage(target, random))
    if (isDamaged) sums.damaged++
    tally.attempts++
    source.read = 0
    const dir = await OciDir.ensure(wrap(folder(target, { durability }), source))
    const { resumed, present } = await copy(from, dir)
    if (resumed > 0) {
      tally.fired++
      sums.kept += size - source.read
    }
    const wrong = await wrongIn(target)
    if (wrong.length > 0) console.log(`layout ${i}, ${present} present: ${wrong.join(', ')}`)
    tally.losses += wrong.length
    await rm(target, { recursive: true })
  }
  return sums
}

/** Tells whether the process was still copying. */
async function killOne(job: ResumeJob, after: number): Promise<boolean> {
  const copying = new Child(child.program, job)
  await copying.said('copying')
  await wait(after)
  copying.signal('SIGKILL')
  await copying.exited
  const failure = copying.lines.find(line => line.startsWith('failed'))
  if (failure !== undefined) throw new Error(failure)
  return !copying.lines.includes('copied')
}

/** Zeros where bytes were, as a power loss leaves them that the disk never got. */
async function damage(target: string, random: () => number): Promise<boolean> {
  let isDone = false
  for (const part of partsIn(target)) {
    const { size, nlink } = await stat(part)
    // Killed between its link and its removal, it is the blob itself, whose bytes had come to the disk before its name.
    if (size === 0 || nlink > 1) continue
    const handle = await open(part, 'r+')
    const from = random() % size
    await handle.write(new Uint8Array(Math.min(100_000, size - from)), 0, undefined, from)
    await handle.close()
    isDone = true
  }
  return isDone
}

async function wrongIn(target: string): Promise<string[]> {
  const { findings } = await fsck(folder(target))
  const wrong = findings.filter(({ severity }) => severity === 'error').map(({ code }) => code as string)
  // Of a blob that is there by its other name nobody goes on: `sweep` takes it, as all that a dead process left.
  const left = partsIn(target).filter(part => statSync(part).nlink === 1)
  return [...wrong, ...left.map(() => 'a part is left')]
}

function partsIn(target: string): string[] {
  const home = join(target, '.ocidir')
  const names = existsSync(home) ? readdirSync(home) : []
  return names.filter(name => name.startsWith('part-')).map(name => join(home, name))
}
