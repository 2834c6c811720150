import { browserArgs } from '../setup/browser.ts'
import { tool } from '../setup/tools.ts'
import type { Engine } from './engine.ts'
import { endGroup, killGroup, startGroup } from './process-group.ts'

/** Blink, started and not driven, as a user's browser is. Its suites run as vitest's own browser tests. */
export const chromium: Engine = {
  name: 'Chromium',
  tools: ['chromium'],
  async start(url, profile) {
    const args = [...browserArgs, '--headless=new', `--user-data-dir=${profile}`, url]
    const browser = await startGroup(tool('chromium'), args, { stdio: 'ignore' })
    return { kill: () => killGroup(browser), close: () => endGroup(browser) }
  },
}
