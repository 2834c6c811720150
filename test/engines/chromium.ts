import { chromium as launcher } from 'playwright'
import { browserArgs } from '../setup/browser.ts'
import { tool } from '../setup/tools.ts'
import type { Engine } from './engine.ts'

/** Blink. Its suites run as vitest's own browser tests; here it stands beside the others. */
export const chromium: Engine = {
  name: 'Chromium',
  tools: ['chromium'],
  async start(url, profile) {
    const browser = await launcher.launchPersistentContext(profile, {
      executablePath: tool('chromium'),
      headless: true,
      args: [...browserArgs],
    })
    await (browser.pages()[0] ?? (await browser.newPage())).goto(url)
    return browser
  },
}
