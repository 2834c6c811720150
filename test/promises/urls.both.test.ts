import { afterEach, expect, it, vi } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { Tally } from '../setup/tally.ts'
import { doEverything, obliging } from './urls.ts'

const url = 'http://127.0.0.1:9'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** Every way for a script to ask for an address that this runtime has. */
function watch(): { asked: number } {
  const seen = { asked: 0 }
  const ask = (): never => {
    seen.asked++
    throw new TypeError('nobody may be asked')
  }
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => ask())
  for (const name of ['XMLHttpRequest', 'WebSocket', 'EventSource', 'Image'] as const) {
    if (name in globalThis) vi.stubGlobal(name, ask)
  }
  if (typeof navigator === 'object' && 'sendBeacon' in navigator)
    vi.spyOn(navigator, 'sendBeacon').mockImplementation(ask)
  return seen
}

it('P13: no verb asks for an address that a descriptor names', async () => {
  const tally = new Tally('P13: verbs over descriptors with urls')
  const loser = new Tally('P13: a reader that fetches what is missing (broken on purpose)')
  const seen = watch()
  const { otherwise, ...counts } = await doEverything(url, async () => memory())
  Object.assign(tally, counts)
  tally.losses = seen.asked
  loser.attempts = loser.fired = 1
  await obliging(url, async () => memory())
  loser.losses = seen.asked - tally.losses
  expect(otherwise).toEqual([])
  expect(tally.report()).toMatchObject({ attempts: 22, fired: 22, losses: 0 })
  expect(loser.report().losses).toBe(1)
})
