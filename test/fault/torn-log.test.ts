/**
 * Chromium, killed in the midst of a record of its own logs, and killed once more. It goes on in a log behind the half
 * record, and drops what follows when it reads the log at the start after: in OPFS to the end of a block of 32 KiB, in
 * IndexedDB all databases. The kill that cuts a record in two is rare; here the bytes that it leaves are put there.
 */

import { appendFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { chromium } from '../engines/chromium.ts'
import { prng } from '../golden/inputs.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith } from '../setup/tools.ts'
import { workFolder } from '../setup/work-folder.ts'
import type { Orders, Place, Report } from './torn-log-page.ts'

const times = rounds({ short: 1, long: 20 })
const logs = /(File System.*Paths\/\d+\.log$)|(IndexedDB.*\.leveldb\/\d+\.log$)/
// Milliseconds after which a page has failed, on a machine that is busy with other things, too.
const longest = 60_000
const timeout = 60_000 + times * 90_000
const first = [1, 2, 3]
// Some 80 KB of records.
const second = Array.from({ length: 80 }, (_, i) => 10 + i)

describeWith(['chromium'], 'Chromium, killed in a record of its logs, and once more', () => {
  const random = prng(seed)
  let served: ServedPage
  let hear: (report: Report) => void
  beforeAll(async () => {
    served = await servePage(new URL('./torn-log-page.ts', import.meta.url), {
      onPost: async (request, response) => {
        hear((await json(request)) as Report)
        response.end()
      },
    })
  }, 60_000)
  afterAll(() => served?.close())

  it('P2: keeps in OPFS what was acknowledged between the kills, and tells of lost databases', {
    timeout,
  }, async () => {
    const inOpfs = new Tally('P2: Chromium, killed in a record of its log, OPFS')
    const inDatabase = new Tally(
      'P19: Chromium, killed in a record of its log: databases lost and untold at open',
    )
    for (let i = 0; i < times; i++) {
      const { lost, torn, isTold } = await killedTwice({ isBroken: false })
      inOpfs.attempts++
      inOpfs.fired += torn.OPFS
      inOpfs.losses += lost.OPFS
      inDatabase.attempts++
      if (lost.IndexedDB > 0) inDatabase.fired++
      if (lost.IndexedDB > 0 && !isTold) inDatabase.losses++
    }
    expect([inOpfs.report().losses, inDatabase.report().losses]).toEqual([0, 0])
  })

  it('P2: loses in OPFS what is written at once', { timeout }, async () => {
    const tally = new Tally(
      'P2: Chromium, killed in a record of its log, OPFS written at once (broken on purpose)',
    )
    for (let i = 0; i < times; i++) {
      const { lost, torn } = await killedTwice({ isBroken: true })
      tally.attempts++
      tally.fired += torn.OPFS
      tally.losses += lost.OPFS
    }
    expect(tally.report().losses).toBeGreaterThan(0)
  })

  async function killedTwice({
    isBroken,
  }: Pick<Orders, 'isBroken'>): Promise<Report & { readonly torn: Record<Place, number> }> {
    const profile = await workFolder('ocidir-torn-')
    try {
      const before = await killedAfter(profile, { write: first, look: [], isBroken })
      const torn = await tear(profile)
      const between = await killedAfter(profile, { write: second, look: before.written, isBroken })
      // The half record costs nothing by itself: nobody was told of it.
      expect(between.lost).toEqual({ OPFS: 0, IndexedDB: 0 })
      const look = [...before.written, ...between.written]
      expect(look).toHaveLength(first.length + second.length)
      return { ...(await killedAfter(profile, { write: [], look, isBroken })), torn }
    } finally {
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    }
  }

  /** Starts Chromium, and kills it when its page has said what it did. */
  async function killedAfter(profile: string, orders: Orders): Promise<Report> {
    const reported = new Promise<Report>(resolve => {
      hear = resolve
    })
    const running = await chromium.start(
      `${served.origin}/#${encodeURIComponent(JSON.stringify(orders))}`,
      profile,
    )
    const late = wait(longest, undefined, { ref: false }).then(() => ({
      fault: `nothing within ${longest} ms`,
    }))
    const report = await Promise.race([reported, late])
    await running.kill()
    if ('fault' in report) throw new Error(report.fault)
    return report
  }

  /** Puts the beginning of a record behind each log, and counts the logs. */
  async function tear(profile: string): Promise<Record<Place, number>> {
    const torn = { OPFS: 0, IndexedDB: 0 }
    // A checksum, 200 bytes that should follow, whether they are all or the first, and some of them.
    const half = [1, 2, 3, 4, 200, 0, 1 + (random() % 2), ...Array(random() % 100).fill(9)]
    for (const name of await readdir(profile, { recursive: true })) {
      const [, opfs, indexedDb] = logs.exec(name) ?? []
      if (opfs === undefined && indexedDb === undefined) continue
      await appendFile(join(profile, name), new Uint8Array(half))
      torn[opfs ? 'OPFS' : 'IndexedDB']++
    }
    return torn
  }
})
