/** What engines do differently, looked at in all three; docs/engines.md says what was found. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectTable } from '../interop/doc-table.ts'
import { describeWith } from '../setup/tools.ts'
import { chromium } from './chromium.ts'
import type { EnginePage } from './engine.ts'
import { openEngine } from './engine.ts'
import { firefox } from './firefox.ts'
import type { Look } from './page.ts'
import { webkit } from './webkit.ts'

const engines = [chromium, firefox, webkit]

describeWith(
  engines.flatMap(({ tools }) => tools),
  'three engines',
  () => {
    let pages: readonly EnginePage[] = []
    beforeAll(async () => {
      pages = await Promise.all(engines.map(openEngine))
      for (const page of pages) console.log(await page.call('engine'))
    })
    afterAll(() => Promise.all(pages.map(page => page.close())))

    it('differ as docs/engines.md says, and the library does the same in all of them', {
      timeout: 180_000,
    }, async () => {
      const looks = await Promise.all(pages.map(page => page.call('differences')))
      const [first = []] = looks
      const rows = first.map(({ what, ours }, i) => [what, ...looks.map(all => all[i]?.found ?? ''), ours])
      const failed = looks.flatMap((all, i) =>
        all.map((look): Look & { engine?: string } => ({ ...look, engine: engines[i]?.name ?? '' })),
      )
      expect(failed.filter(({ failure }) => failure !== undefined)).toEqual([])
      const differing = looks[0]?.filter((_, i) => new Set(looks.map(all => all[i]?.found)).size > 1).length
      console.log(`${first.length} looks in ${engines.length} engines, ${differing} of them differ`)
      expect(differing).toBeGreaterThan(5)
      await expectTable('docs/engines.md', 'engines', [
        ['the platform', ...engines.map(({ name }) => name), 'the library'],
        ...rows,
      ])
    })
  },
)
