/** Tabs and workers of one browser profile on one layout, in OPFS and in IndexedDB. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserArgs } from '../setup/browser.ts'
import { rounds } from '../setup/rounds.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith, tool } from '../setup/tools.ts'
import type { TabDeeds, TabPlace } from './tab.ts'

const each = rounds({ short: 32, long: 500 })
const timeout = rounds({ short: 60_000, long: 600_000 })

describeWith(['chromium'], 'tabs of one profile', () => {
  let work: string
  let served: ServedPage
  let browser: BrowserContext
  let tabs: readonly [Page, Page]

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-tabs-'))
    served = await servePage(new URL('./tab.ts', import.meta.url))
    browser = await chromium.launchPersistentContext(join(work, 'profile'), {
      executablePath: tool('chromium'),
      args: [...browserArgs],
    })
    tabs = [await newTab(), await newTab()]
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  })

  describe.each(['opfs', 'indexeddb'] as const)('on a layout in %s', medium => {
    it('P5: lose none of 2 x 32 updates', async () => {
      const tally = await twoTabs('addLines')
      expect(tally.report()).toMatchObject({ attempts: 64, losses: 0 })
      expect(tally.fired).toBeGreaterThanOrEqual(6)
    })

    it('P5: lose updates without the lock', async () => {
      const tally = await twoTabs('addLinesUnlocked')
      expect(tally.report().losses).toBeGreaterThan(0)
    })

    it('P5: lose none of the updates of two tabs, a worker and a service worker', { timeout }, async () => {
      const tally = new Tally(`P5: ${medium}: two tabs, a worker and a service worker, ${each} updates each`)
      const place = { ...placeOf('everybody'), writers: 4 }
      const writers: readonly (readonly [Page, keyof TabDeeds & `addLines${string}`])[] = [
        [tabs[0], 'addLines'],
        [tabs[1], 'addLines'],
        [tabs[0], 'addLinesInWorker'],
        [tabs[1], 'addLinesInServiceWorker'],
      ]
      const lines = writers.map((_, i) => linesOf(`writer${i}`, each))
      const between = await Promise.all(
        writers.map(([page, deed], i) =>
          page.evaluate(([name, at, own]) => deeds[name](at, own), [deed, place, lines[i] ?? []] as const),
        ),
      )
      await count(tally, 'everybody', lines.flat(), between)
      expect(tally.report()).toMatchObject({ attempts: 4 * each, losses: 0 })
      expect(tally.fired).toBeGreaterThanOrEqual(each)
    })

    it('go on when a tab is closed that held the lock', async () => {
      const tally = new Tally(`P5: ${medium}: a tab closed while it keeps the others out`)
      const dying = await newTab()
      await dying.evaluate(place => deeds.holdForEver(place), placeOf('held'))
      tally.attempts++
      const adding = tabs[0].evaluate(([place, lines]) => deeds.addLines(place, lines), [
        placeOf('held'),
        linesOf('waiting'),
      ] as const)
      const first = await Promise.race([adding.then(() => 'added'), pause(500).then(() => 'waits')])
      if (first === 'waits') tally.fired++
      await dying.close()
      const began = performance.now()
      await adding
      console.log(`went on ${Math.round(performance.now() - began)} ms after the tab was closed`)
      await count(tally, 'held', linesOf('waiting'))
      expect(tally.report()).toMatchObject({ fired: 1, losses: 0 })
    })

    async function twoTabs(deed: 'addLines' | 'addLinesUnlocked'): Promise<Tally> {
      const tally = new Tally(
        `P5: ${medium}: 2 tabs x 32 updates, ${deed === 'addLines' ? 'locked' : 'without lock (broken on purpose)'}`,
      )
      await tabs[0].evaluate(place => deeds.addLines(place, ['first']), placeOf(deed))
      const lines = [linesOf('a'), linesOf('b')]
      const between = await Promise.all(
        tabs.map((tab, i) =>
          tab.evaluate(([name, place, own]) => deeds[name](place, own), [
            deed,
            { ...placeOf(deed), writers: 2 },
            lines[i] ?? [],
          ] as const),
        ),
      )
      await count(tally, deed, ['first', ...lines.flat()], between)
      return tally
    }

    /** Counts what is missing, and where it is told how often others came between, those as fired. */
    async function count(
      tally: Tally,
      dir: string,
      expected: readonly string[],
      between: readonly number[] = [],
    ): Promise<void> {
      const found = await tabs[1].evaluate(place => deeds.linesIn(place), placeOf(dir))
      tally.losses += expected.filter(line => !found.includes(line)).length
      if (between.length === 0) return
      tally.attempts += expected.filter(line => line !== 'first').length
      for (const times of between) tally.fired += times
    }

    function placeOf(dir: string): TabPlace {
      return { medium, dir }
    }
  })

  async function newTab(): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(served.origin)
    await page.waitForFunction(() => 'deeds' in globalThis)
    return page
  }
})

function linesOf(id: string, count = 32): string[] {
  return Array.from({ length: count }, (_, i) => `${id}-${i}`)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
