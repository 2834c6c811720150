import { expect, it } from 'vitest'
import { type StagingMedium, Stagings } from '../../../src/staging.ts'
import { storedBytes } from '../../../src/stored-bytes.ts'

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

it('an abort while bytes are closed is the answer of the close', async () => {
  const { medium, calls } = recording()
  const abort = new AbortController()
  const reason = new Error('enough')
  const closing = { ...medium, close: async () => abort.abort(reason) }
  const staged = new Stagings('test').begin(closing, { signal: abort.signal })
  await expect(staged.writable.close()).rejects.toBe(reason)
  await staged.discard()
  expect(calls).toEqual(['drop'])
})

it('an abort while a file is adopted is told as such, and not as the loss of the file', async () => {
  const reason = new Error('enough')
  const gone = new Error('the private file is gone')
  for (const moment of ['close', 'file']) {
    const { medium, calls } = recording()
    const abort = new AbortController()
    const stop = (now: string): void => {
      if (now === moment) abort.abort(reason)
    }
    const file = async (): Promise<never> => {
      stop('file')
      throw gone
    }
    const adopting = new Stagings('test').adopt({ ...medium, close: async () => stop('close') }, file, {
      signal: abort.signal,
    })
    await expect(adopting).rejects.toBe(reason)
    expect(calls).toEqual(['drop'])
  }
})

it('what a medium has prepared when its storage closes is dropped', async () => {
  const { medium, calls } = recording()
  const stagings = new Stagings('test')
  await stagings.close()
  const staged = stagings.begin(medium)
  await expect(staged.commit('blobs/x/y')).rejects.toMatchObject({ code: 'STORAGE_CLOSED' })
  const adopting = stagings.adopt(medium, async () => storedBytes(new Uint8Array()))
  await expect(adopting).rejects.toMatchObject({ code: 'STORAGE_CLOSED' })
  expect(calls).toEqual(['drop', 'drop'])
})

function recording(): { readonly medium: StagingMedium; readonly calls: string[] } {
  const calls: string[] = []
  const medium: StagingMedium = {
    write: async () => void calls.push('write'),
    close: async () => void calls.push('close'),
    publish: async () => 'written',
    drop: async () => void calls.push('drop'),
  }
  return { medium, calls }
}
