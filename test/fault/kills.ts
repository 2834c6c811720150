/** Kills a browser again and again while its page writes, on one profile, and counts what is lost. */

import { rm } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Engine } from '../engines/engine.ts'
import { isLong } from '../setup/rounds.ts'
import { servePage } from '../setup/served-page.ts'
import { workFolder } from '../setup/work-folder.ts'
import { KillWatch, type Sums } from './kill-watch.ts'

/** How often, and by which lots: `below` draws a whole number below its argument. */
export interface KillOptions {
  readonly kills: number
  readonly below: (end: number) => number
}

// Milliseconds after which a page has failed, on a machine that is busy with other things, too.
const longest = 90_000

/** Kills an engine so many times and looks after each at what is there. */
export async function killAgainAndAgain(engine: Engine, { kills, below }: KillOptions): Promise<Sums> {
  const watch = new KillWatch()
  const served = await servePage(new URL('./kill-page.ts', import.meta.url), {
    onPost: (request, response) => watch.hear(request, response),
  })
  const profile = await workFolder('ocidir-kill-')
  try {
    for (let round = 0; round < kills; round++) {
      // Most often when each layout is in the midst of it, every fourth time at any moment from the beginning.
      await run({ isLast: false, isEarly: round % 4 === 3 })
    }
    await run({ isLast: true, isEarly: true })
    return watch.sums
  } finally {
    await served.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }

  async function run({ isLast, isEarly }: { isLast: boolean; isEarly: boolean }): Promise<void> {
    watch.begin({ isLast })
    const running = await engine.start(served.origin, profile)
    try {
      await within(watch.until('reported'))
      if (!isEarly) await within(watch.until('at work'))
      if (!isLast) await wait(below(isLong ? 1500 : 500))
    } finally {
      watch.end()
      await running.kill()
    }
  }

  function within(awaited: Promise<void>): Promise<void> {
    const late = wait(longest, undefined, { ref: false }).then(() => {
      throw new Error(`${engine.name}: nothing more within ${longest} ms; ${watch.state}`)
    })
    return Promise.race([awaited, late])
  }
}
