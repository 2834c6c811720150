/** Disks that are full, or become so in the middle: a typed error, nothing half, nothing left, and room helps. */

import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLong, rounds } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { buildChild } from './child.ts'
import type { Attempt, DiskJob } from './full-disk-job.ts'

/** As root in a mount namespace, else as root of a user namespace, too; `undefined` where neither is allowed. */
const unshare = [['-m'], ['-rm']].find(mayMount)

function mayMount(flags: readonly string[]): boolean {
  try {
    const { pid } = process
    execFileSync('unshare', [...flags, 'mount', '-t', 'tmpfs', `ocidir-${pid}`, tmpdir()], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

// In CI it runs, and then says why it can't.
const describeDisk = unshare || process.env.CI ? describe : describe.skip
const reason = unshare ? '' : ' (no disk can be mounted here, also not by unshare)'

describeDisk(`a disk that is full${reason}`, () => {
  let child: Awaited<ReturnType<typeof buildChild>>
  let parent: string

  beforeAll(async () => {
    if (unshare === undefined) throw new Error('this machine lets nobody mount a tmpfs, also not by unshare')
    child = await buildChild(new URL('./full-disk-child.ts', import.meta.url))
    parent = await mkdtemp(join(tmpdir(), 'ocidir-full-'))
  })
  afterAll(async () => {
    await child?.remove()
    if (parent) await rm(parent, { recursive: true })
  })

  async function tried(
    name: string,
    job: Omit<DiskJob, 'parent' | 'broken'>,
    broken = false,
  ): Promise<Tally> {
    const tally = new Tally(name)
    const given = JSON.stringify({ ...job, parent, broken } satisfies DiskJob)
    const command = [...(unshare ?? []), process.execPath, child.program, given]
    const { stdout } = await promisify(execFile)('unshare', command, { maxBuffer: 1 << 26 })
    const attempts: readonly Attempt[] = JSON.parse(stdout)
    const failed = new Map<string, number>()
    for (const { name: work, free, failed: isFailed, swallowed, wrong } of attempts) {
      tally.attempts++
      if (isFailed || swallowed > 0) tally.fired++
      failed.set(work, (failed.get(work) ?? 0) + (isFailed ? 1 : 0))
      if (wrong.length > 0) tally.losses++
      if (wrong.length > 0 && !broken) console.log(`${work} with ${free} free: ${wrong.join(', ')}`)
    }
    console.log(`failed: ${[...failed].map(([work, times]) => `${work} ${times}`).join(', ')}`)
    return tally
  }

  // All of these works need fewer than 40 pages.
  const sizes = rounds({ short: 12, long: 40 })
  const timeout = isLong ? 1_800_000 : 300_000

  it(`P10: has a typed error and nothing half, with ${sizes} amounts of room`, { timeout }, async () => {
    const free = Array.from({ length: sizes }, (_, i) => Math.floor((i * 40) / sizes))
    const tally = await tried('P10: full disk', { what: 'pages', free })
    expect(tally.report().losses).toBe(0)
  })

  it('P10: the same when it has bytes, but no more files', { timeout }, async () => {
    const tally = await tried('P10: full disk, inodes', {
      what: 'inodes',
      free: isLong ? range(30) : range(6),
    })
    expect(tally.report().losses).toBe(0)
  })

  it('P10: is found out to be full under a writer that believes each write', { timeout }, async () => {
    const job = { what: 'pages', free: [0, 5, 10] } as const
    const tally = await tried('P10: full disk under a believer (broken on purpose)', job, true)
    expect(tally.report()).toMatchObject({ fired: 3, losses: 3 })
  })
})

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i)
}
