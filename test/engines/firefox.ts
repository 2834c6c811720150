import { launch } from 'puppeteer-core'
import { tool } from '../setup/tools.ts'
import type { Engine } from './engine.ts'
import { killGroup } from './process-group.ts'

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
    // puppeteer starts it in a process group of its own.
    return { kill: () => killGroup({ pid: browser.process()?.pid }), close: () => browser.close() }
  },
}
