/** A database that meets the end of its quota: nothing is half there, and no success is told that is none (P10). */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { browserArgs } from '../setup/browser.ts'
import { rounds } from '../setup/rounds.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith, tool } from '../setup/tools.ts'
import type { Attempt, Way } from './database-page.ts'

const MiB = 1024 * 1024
const chunks = 8
/** What is written before, and what the browser needs for itself. */
const keptSize = 3.2 * MiB
const quotas = rounds({ short: 10, long: 100 })
const timeout = quotas * 6_000

describeWith(['chromium'], 'a database at the end of its quota', () => {
  let work: string
  let served: ServedPage
  let browser: BrowserContext
  let page: Page
  let session: CDPSession
  let origins = 0

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-quota-'))
    served = await servePage(new URL('./database-page.ts', import.meta.url))
    browser = await chromium.launchPersistentContext(join(work, 'profile'), {
      executablePath: tool('chromium'),
      args: [...browserArgs],
    })
    page = await browser.newPage()
    session = await browser.newCDPSession(page)
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  })

  it('says STORAGE_FULL, keeps what it had and nothing of what came', { timeout }, async () => {
    expect(await atQuotas('own', quotas)).toMatchObject({ fired: quotas, losses: 0 })
  })

  it('loses what a writer takes for written who believes its requests', async () => {
    expect((await atQuotas('believes', 3)).losses).toBeGreaterThan(0)
  })

  it('takes the blob when there is room', async () => {
    expect(await attemptWith(50 * MiB, 'own')).toEqual({ outcome: 'written', cause: '', wrong: [] })
  })

  async function atQuotas(way: Way, count: number): Promise<Tally> {
    const tally = new Tally(
      `P10: IndexedDB at ${count} quotas, ${way === 'own' ? 'transactions waited for' : 'requests believed (broken on purpose)'}`,
    )
    for (let i = 0; i < count; i++) {
      const room = ((i + 0.5) * (chunks - 1) * MiB) / count
      const attempt = await attemptWith(room, way)
      tally.attempts++
      if (way !== 'own') tally.fired++
      else if (attempt.outcome === 'STORAGE_FULL' && attempt.cause === 'QuotaExceededError') tally.fired++
      else console.log(attempt)
      if (attempt.wrong.length > 0) tally.losses++
    }
    return tally.report()
  }

  /** On an origin of its own: for half a minute Chromium goes by the room that it has seen. */
  async function attemptWith(room: number, way: Way): Promise<Attempt> {
    const origin = served.origin.replace('127.0.0.1', `quota-${origins++}.localhost`)
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: Math.round(keptSize + room) })
    await page.goto(origin)
    await page.waitForFunction(() => 'attempt' in globalThis)
    return page.evaluate(([n, by]) => attempt(n, by), [chunks, way] as const)
  }
})
