import { text } from 'node:stream/consumers'
import { tool } from '../setup/tools.ts'
import type { Engine } from './engine.ts'
import { endGroup, killGroup, startGroup } from './process-group.ts'

// Off in WebKitGTK, on in Safari. A session of the driver has no private file system, so it isn't used.
const features = [
  'FileSystem',
  'FileSystemWritableStream',
  'AccessHandle',
  'StorageAPI',
  'StorageAPIEstimate',
]

/** WebKit, as GTK's own small browser: there is no headless one. */
export const webkit: Engine = {
  name: 'WebKitGTK',
  tools: ['webkit', 'xvfb'],
  async start(url, profile) {
    const flags = `--features=${features.map(feature => `+${feature}`).join()}`
    const browser = await startGroup(tool('xvfb'), ['-a', tool('webkit'), flags, url], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment(profile),
    })
    const ended = browser.stderr === null ? Promise.resolve('') : text(browser.stderr)
    return { ended, kill: () => killGroup(browser), close: () => endGroup(browser) }
  },
}

function environment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    TMPDIR: home,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    XDG_CONFIG_HOME: home,
    XDG_DATA_HOME: home,
    XDG_CACHE_HOME: home,
    WEBKIT_DISABLE_COMPOSITING_MODE: '1',
  }
}
