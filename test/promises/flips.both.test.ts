import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { isLong } from '../setup/rounds.ts'
import { figuresOf, flipAll } from './flips.ts'

// Every byte where it is asked for; a reader that fails for one byte of sixteen verifies all that it reads.
const stride = isLong ? 1 : 16

it('P1: in memory no reader gives a blob of which a byte was flipped, cut off or added', {
  timeout: 600_000,
}, async () => {
  const flips = await flipAll(memory(), { stride })
  console.log(figuresOf('memory', flips))
  expect([...flips.wrongErrors]).toEqual([])
  expect(flips.attempts).toBeGreaterThan((4 * 2 * 4096) / stride)
  expect(flips.undetected).toBe(0)
  expect(flips.blindUndetected).toBe(flips.blind)
})
