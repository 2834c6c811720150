import { expect, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { figuresOf, flipAll } from './flips.ts'

const stride = 256

it('P1: in OPFS no reader gives a blob of which a byte was flipped, cut off or added', {
  timeout: 120_000,
}, async () => {
  const name = `flips-${crypto.randomUUID()}`
  const flips = await flipAll(await opfs(name), { stride })
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
  console.log(figuresOf('OPFS', flips))
  expect([...flips.wrongErrors]).toEqual([])
  expect(flips.attempts).toBeGreaterThan((4 * 2 * 4096) / stride)
  expect(flips.undetected).toBe(0)
  expect(flips.blindUndetected).toBe(flips.blind)
})
