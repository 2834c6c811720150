/** Copies of a large blob in Chromium, ended by a reload, a closed tab or an abort: the next one moves the rest alone. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prng } from '../golden/inputs.ts'
import { browserArgs } from '../setup/browser.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith, tool } from '../setup/tools.ts'
import type { ResumePlace } from './resume-page.ts'

const times = rounds({ short: 4, long: 50 })
const timeout = 120_000 + times * 20_000
const size = 12 * 1024 * 1024 + 5

describeWith(['chromium'], 'a copy in a page', () => {
  let work: string
  let served: ServedPage
  let browser: BrowserContext
  let places = 0
  const random = prng(seed)

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-resume-'))
    served = await servePage(new URL('./resume-page.ts', import.meta.url))
    browser = await chromium.launchPersistentContext(join(work, 'profile'), {
      executablePath: tool('chromium'),
      args: [...browserArgs],
    })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  })

  describe.each(['opfs', 'indexeddb'] as const)('into %s', medium => {
    it.each(['a reload', 'a closed tab', 'an abort'] as const)(
      'P2: goes on after %s',
      { timeout },
      async how => {
        const tally = new Tally(`P2: ${medium}: a copy ended by ${how}, and gone on with`)
        for (let i = 0; i < times; i++) {
          const place = newPlace()
          const at = 3_000_000 + (random() % 8_000_000)
          const page = await endedBy(how, place, at)
          tally.attempts++
          const { resumed, read, wrong, left } = await page.evaluate(given => resumeDeeds.goOn(given), place)
          tally.fired += resumed
          // Up to 1 MiB is held back, and one chunk was on its way.
          if (resumed > 0) expect(read).toBeLessThan(size - at + 2 * 1024 * 1024)
          expect(left).toBe(0)
          tally.losses += wrong.length
          await page.close()
        }
        expect(tally.report()).toMatchObject({ losses: 0 })
        expect(tally.fired).toBeGreaterThan(0.7 * tally.attempts)
      },
    )

    it('P2: begins anew where somebody has altered what was left', { timeout }, async () => {
      for (const trusts of [false, true]) {
        const tally = new Tally(
          `P2: ${medium}: a copy whose part is altered${trusts ? ' and believed (broken on purpose)' : ''}`,
        )
        for (const how of ['a reload', 'an abort'] as const) {
          const place = newPlace()
          const page = await endedBy(how, place, 6_000_000)
          tally.attempts++
          if (await page.evaluate(given => resumeDeeds.damage(given), place)) tally.fired++
          const outcome = await page.evaluate(
            ([given, trusting]) => resumeDeeds.goOn(given, { trusts: trusting }),
            [place, trusts] as const,
          )
          tally.losses += outcome.wrong.length
          if (!trusts) expect(outcome).toMatchObject({ resumed: 0, wrong: [], left: 0 })
          await page.close()
        }
        expect(tally.report().losses > 0).toBe(trusts)
      }
    })

    it('goes its own way in a second tab while the first one copies', { timeout }, async () => {
      const place = newPlace()
      const [one, two] = [await newTab(), await newTab()]
      await one.evaluate(([given, at]) => resumeDeeds.begin(given, at), [place, 2_000_000] as const)
      const outcome = await two.evaluate(given => resumeDeeds.goOn(given), place)
      expect(outcome).toMatchObject({ resumed: 0, read: size, wrong: [] })
      for (const page of [one, two]) await page.close()
    })

    function newPlace(): ResumePlace {
      return { medium, dir: `resume-${medium}-${places++}`, seed: 1 + (random() % 1000) }
    }
  })

  /** A page in which a copy was ended, and in which the next one is to be begun. */
  async function endedBy(
    how: 'a reload' | 'a closed tab' | 'an abort',
    place: ResumePlace,
    at: number,
  ): Promise<Page> {
    const page = await newTab()
    const given = [place, at] as const
    if (how === 'an abort') {
      await page.evaluate(([to, bytes]) => resumeDeeds.abort(to, bytes), given)
      return page
    }
    await page.evaluate(([to, bytes]) => resumeDeeds.begin(to, bytes), given)
    if (how === 'a reload') {
      await page.reload()
      await page.waitForFunction(() => 'resumeDeeds' in globalThis)
      return page
    }
    await page.close()
    return newTab()
  }

  async function newTab(): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(served.origin)
    await page.waitForFunction(() => 'resumeDeeds' in globalThis)
    return page
  }
})
