/** Large blobs in OPFS, written by the worker: aborted at each chunk, and at the end of a quota (P9, P10). */

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
import type { Moment, Outcome, Way } from './opfs-large-page.ts'

const MiB = 1024 * 1024
const chunks = 10
const quotas = rounds({ short: 10, long: 100 })

describeWith(['chromium'], 'a large blob in OPFS', () => {
  let work: string
  let served: ServedPage
  let browser: BrowserContext
  let page: Page
  let session: CDPSession
  let kept = 0

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-large-'))
    served = await servePage(new URL('./opfs-large-page.ts', import.meta.url))
    browser = await chromium.launchPersistentContext(join(work, 'profile'), {
      executablePath: tool('chromium'),
      args: [...browserArgs],
    })
    page = await browser.newPage()
    await page.goto(served.origin)
    await page.waitForFunction(() => 'faults' in globalThis)
    session = await browser.newCDPSession(page)
    kept = await page.evaluate(() => faults.keep())
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  })

  it('is given up at each chunk with the reason of its signal, and nothing of it is left', async () => {
    const tally = new Tally(`P9: an abort before and during each of ${chunks} chunks, and at the end`)
    const each = Array.from({ length: chunks }, (_, i): Moment[] => [{ before: i }, { during: i }]).flat()
    const times: number[] = []
    const whole = [await wholeWrite()]
    for (const moment of [...each, 'closing', 'closed'] satisfies Moment[]) {
      const result = await page.evaluate(([n, at]) => faults.abort(n, at), [chunks, moment] as const)
      tally.attempts++
      if (result.outcome === 'aborted') tally.fired++
      if (isLost(result) || result.locks > 0 || result.outcome !== 'aborted') {
        tally.losses++
        console.log(moment, result)
      }
      times.push(result.milliseconds)
    }
    whole.push(await wholeWrite())
    times.sort((a, b) => a - b)
    const median = times[times.length >> 1] ?? 0
    console.log(`rejected after ${Math.round(median)} ms, at most ${Math.round(times.at(-1) ?? 0)}`)
    expect(tally.report()).toMatchObject({ fired: tally.attempts, losses: 0 })
    // On a machine that is busy with other things all takes longer, the write too.
    expect(median).toBeLessThan(Math.max(100, ...whole))
    expect(await page.evaluate(() => faults.unhandled)).toEqual([])
  })

  it('that meets the end of the quota anywhere is STORAGE_FULL, and gives back all that it took', async () => {
    const tally = await atQuotas('own')
    expect(tally).toMatchObject({ fired: quotas, losses: 0 })
  })

  it('is lost to a writer that looks at no count', async () => {
    expect((await atQuotas('believes')).losses).toBeGreaterThan(0)
  })

  it.each<Way>(['short', 'absurd', 'shrunk'])('is STORAGE_FULL when what was kept is %s', async way => {
    const result = await page.evaluate(([n, by]) => faults.write(n, by), [chunks, way] as const)
    expect(result).toMatchObject({
      outcome: 'STORAGE_FULL',
      cause: 'QuotaExceededError',
      wrong: [],
      byWorker: 1,
    })
  })

  it('is written when there is room', async () => {
    const result = await page.evaluate(n => faults.write(n, 'own'), chunks)
    expect(result).toMatchObject({ outcome: 'written', wrong: [], byWorker: 1 })
  })

  async function wholeWrite(): Promise<number> {
    return (await page.evaluate(n => faults.write(n, 'own'), chunks)).milliseconds
  }

  async function atQuotas(way: Way): Promise<Tally> {
    const tally = new Tally(
      `P10: OPFS by sync handles at ${quotas} quotas, ${way === 'own' ? 'counts looked at' : 'counts ignored (broken on purpose)'}`,
    )
    for (let i = 0; i < quotas; i++) {
      const quotaSize = Math.round(kept + ((i + 0.5) * (chunks - 1) * MiB) / quotas)
      await session.send('Storage.overrideQuotaForOrigin', { origin: served.origin, quotaSize })
      const result = await page.evaluate(([n, by]) => faults.write(n, by), [chunks, way] as const)
      tally.attempts++
      if (result.outcome === 'STORAGE_FULL' && result.cause === 'QuotaExceededError') tally.fired++
      if (isLost(result)) tally.losses++
      if (way !== 'own') tally.fired++
    }
    await session.send('Storage.overrideQuotaForOrigin', { origin: served.origin })
    return tally.report()
  }
})

/** Something is there that shouldn't be, isn't whole, or still counts towards the quota. */
function isLost({ wrong, usageBefore, usageAfter }: Outcome): boolean {
  return wrong.length > 0 || Math.abs(usageAfter - usageBefore) > usageBefore / 100
}
