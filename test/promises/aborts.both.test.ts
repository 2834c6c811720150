import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { abortAt, calls } from './aborts.ts'

const make = async () => ({ storage: memory(), remove: async () => {} })

describe('P9: aborted at each chunk, while all that it waits for hangs', () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`P9: ${name} ends with the signal's reason and leaves nothing, in memory`, async () => {
      const { attempts, fired, wrong, leftovers, slowest } = await abortAt(make, { name, call, chunks: 5 })
      console.log(`P9 ${name}: ${attempts} attempts, ${fired} aborts fired, slowest ${slowest.toFixed(0)} ms`)
      expect(fired).toBeGreaterThan(2)
      expect(wrong).toEqual([])
      expect(leftovers).toEqual([])
    })
  }

  it('P9: a call that heeds no signal is found out', async () => {
    const call = calls.writeBlob as NonNullable<(typeof calls)[string]>
    const deaf: typeof call = attempt => call({ ...attempt, signal: new AbortController().signal })
    const { wrong } = await abortAt(make, { name: 'deaf', call: deaf, chunks: 1 })
    expect(wrong).toEqual(['deaf at chunk 0: still waiting a second after the abort'])
  })
})
