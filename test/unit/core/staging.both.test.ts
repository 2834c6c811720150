import { expect, it } from 'vitest'
import { Stagings } from '../../../src/staging.ts'

it('an abort while the medium makes its preparations drops what they made', async () => {
  const calls: string[] = []
  const stagings = new Stagings('test')
  const reason = new Error('enough')
  const staged = stagings.begin(
    {
      write: async () => void calls.push('write'),
      close: async () => void calls.push('close'),
      publish: async () => 'written',
      drop: async () => void calls.push('drop'),
    },
    { signal: AbortSignal.abort(reason) },
  )
  await expect(staged.commit('blobs/x/y')).rejects.toBe(reason)
  await staged.discard()
  await stagings.close()
  expect(calls).toEqual(['drop'])
})
