import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { tool } from '../setup/tools.ts'
import type { Engine } from './engine.ts'

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
    const browser = spawn(tool('xvfb'), ['-a', tool('webkit'), flags, url], {
      // A process group of its own, for a browser is many processes.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment(profile),
    })
    await once(browser, 'spawn')
    const ended = text(browser.stderr)
    // Also when the run is cut: nobody else ends the group.
    process.once('exit', () => browser.pid && signalled(-browser.pid, 'SIGKILL'))
    return { ended, close: () => endGroup(browser) }
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

async function endGroup({ pid }: ChildProcess): Promise<void> {
  if (pid === undefined) return
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (let tries = 0; tries < 100 && signalled(-pid, tries === 0 ? signal : 0); tries++) await wait(50)
  }
}

/** Whether there was a process to take the signal. */
function signalled(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
