/** Tabs and workers of one browser profile on one layout, in OPFS and in IndexedDB. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserArgs } from '../setup/browser.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith, tool } from '../setup/tools.ts'
import type { TabPlace } from './tab.ts'

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
    })

    it('P5: lose updates without the lock', async () => {
      const tally = await twoTabs('addLinesUnlocked')
      expect(tally.report().losses).toBeGreaterThan(0)
    })

    it('P5: lose none of 64 updates of a tab and its worker', async () => {
      const tally = new Tally(`P5: ${medium}: a tab and its worker, 32 updates each`)
      const [a, b] = [linesOf('tab'), linesOf('worker')]
      await tabs[0].evaluate(
        ([place, first, second]) =>
          Promise.all([deeds.addLines(place, first), deeds.addLinesInWorker(place, second)]),
        [placeOf('worker-and-tab'), a, b] as const,
      )
      await count(tally, 'worker-and-tab', [...a, ...b])
      expect(tally.report()).toMatchObject({ attempts: 64, losses: 0 })
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
      await count(tally, 'held', linesOf('waiting'), { counts: false })
      expect(tally.report()).toMatchObject({ fired: 1, losses: 0 })
    })

    async function twoTabs(deed: 'addLines' | 'addLinesUnlocked'): Promise<Tally> {
      const tally = new Tally(
        `P5: ${medium}: 2 tabs x 32 updates, ${deed === 'addLines' ? 'locked' : 'without lock (broken on purpose)'}`,
      )
      await tabs[0].evaluate(place => deeds.addLines(place, ['first']), placeOf(deed))
      const lines = [linesOf('a'), linesOf('b')]
      await Promise.all(
        tabs.map((tab, i) =>
          tab.evaluate(([name, place, own]) => deeds[name](place, own), [
            deed,
            placeOf(deed),
            lines[i] ?? [],
          ] as const),
        ),
      )
      await count(tally, deed, ['first', ...lines.flat()])
      return tally
    }

    /** Counts what is missing, and each line as an attempt that fired: the caller has awaited that it was done. */
    async function count(
      tally: Tally,
      dir: string,
      expected: readonly string[],
      { counts = true }: { counts?: boolean } = {},
    ): Promise<void> {
      const found = await tabs[1].evaluate(place => deeds.linesIn(place), placeOf(dir))
      tally.losses += expected.filter(line => !found.includes(line)).length
      if (!counts) return
      const updates = expected.filter(line => line !== 'first').length
      tally.attempts += updates
      tally.fired += updates
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

function linesOf(id: string): string[] {
  return Array.from({ length: 32 }, (_, i) => `${id}-${i}`)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
