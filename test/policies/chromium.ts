import { chromium as playwright } from 'playwright'
import type { Engine } from '../engines/engine.ts'
import { browserArgs } from '../setup/browser.ts'
import { tool } from '../setup/tools.ts'

/** Blink, on a profile on disk. */
export const chromium: Engine = {
  name: 'Chromium',
  tools: ['chromium'],
  async start(url, profile) {
    const browser = await playwright.launchPersistentContext(profile, {
      executablePath: tool('chromium'),
      args: [...browserArgs],
    })
    await (await browser.newPage()).goto(url)
    return browser
  },
}
