import { launch } from 'puppeteer-core'
import { tool } from '../setup/tools.ts'
import type { Engine } from './engine.ts'

/** Gecko. */
export const firefox: Engine = {
  name: 'Firefox',
  tools: ['firefox'],
  async start(url, profile) {
    const browser = await launch({
      browser: 'firefox',
      executablePath: tool('firefox'),
      headless: true,
      userDataDir: profile,
    })
    await (await browser.newPage()).goto(url)
    return browser
  },
}
