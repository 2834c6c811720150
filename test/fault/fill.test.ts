/** Firefox at the end of a small quota: what Chromium's tests ask at many values, asked of its own errors (P10). */

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { beforeAll, expect, it } from 'vitest'
import { firefox } from '../engines/firefox.ts'
import { servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith } from '../setup/tools.ts'
import { workFolder } from '../setup/work-folder.ts'
import { type Filling, type Fillings, fillings } from './fill-page.ts'

// In KiB, of all origins; one origin has a fifth of it and 10 MiB at least.
const quota = 'user_pref("dom.quotaManager.temporaryStorage.fixedLimit", 51200);\n'

describeWith(['firefox'], 'Firefox, filled to the end of its quota', () => {
  let all: Fillings

  beforeAll(async () => {
    let filled = (_: unknown): void => {}
    const said = new Promise(resolve => {
      filled = resolve
    })
    const served = await servePage(new URL('./fill-page.ts', import.meta.url), {
      onPost: async (request, response) => {
        filled(await json(request))
        response.end()
      },
    })
    const profile = await workFolder('ocidir-fill-')
    await writeFile(join(profile, 'prefs.js'), quota)
    const running = await firefox.start(served.origin, profile)
    try {
      all = (await said) as Fillings
    } finally {
      await running.close()
      await served.close()
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    }
  }, 180_000)

  it.each(Object.keys(fillings))('P10: %s', name => {
    const tally = new Tally(`P10: Firefox, filled to the end of its quota: ${name}`)
    expect(all).not.toHaveProperty('fault')
    const isBroken = name.endsWith('(broken on purpose)')
    for (const filling of all[name] ?? []) {
      const { written, outcome, cause, wrong, toWorker } = filling
      expect(toWorker > 0).toBe(name === 'OPFS by the worker of sync handles')
      const isFull = isBroken || (outcome === 'STORAGE_FULL' && cause === 'QuotaExceededError')
      tally.attempts++
      if (isFull && written > 0) tally.fired++
      else console.log(filling)
      if (wrong.length > 0 || isKept(name, filling)) tally.losses++
    }
    tally.report()
    expect(tally.fired).toBe(tally.attempts)
    if (isBroken) expect(tally.losses).toBe(tally.attempts)
    else expect(tally.losses).toBe(0)
  })
})

/** Whether room isn't given back, to one per cent; a database keeps what it has grown by, and uses it again. */
function isKept(name: string, { usage: [before, after] }: Filling): boolean {
  return !name.startsWith('IndexedDB') && Math.abs(after - before) > before / 100
}
