import { describe, expect, it } from 'vitest'
import {
  type LeftBytes,
  type ResumableMedium,
  type StagingMedium,
  Stagings,
  unlessRefused,
} from '../../../src/staging.ts'
import type { HashedBytes } from '../../../src/storage.ts'
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

describe('a resumable file', () => {
  const path = 'blobs/x/y'
  const state = (size: number): HashedBytes => ({ size, state: { restore: () => Promise.reject() } })

  /** A medium that keeps what is written, and tells what was asked of it. */
  function keeping(own: Partial<ResumableMedium> = {}): { medium: ResumableMedium; calls: string[] } {
    const { medium, calls } = recording()
    const leave = async (): Promise<LeftBytes> => {
      calls.push('leave')
      return { name: 'part', size: 5 }
    }
    const kept = storedBytes(new Uint8Array(5))
    return { medium: { ...medium, kept, isUntouched: true, leave, ...own }, calls }
  }

  it('is left by an abort, by an error of its source and by the close of its storage, each once', async () => {
    for (const how of ['abort', 'source', 'close', 'leave']) {
      const { medium, calls } = keeping()
      const stagings = new Stagings('test')
      const abort = new AbortController()
      const part = await stagings.resume(path, async () => medium, { signal: abort.signal })
      if (how === 'abort') abort.abort(new Error('enough'))
      if (how === 'source') await part?.writable.abort(new Error('connection lost'))
      if (how === 'close') await stagings.close()
      await part?.leave()
      await part?.discard()
      await stagings.close()
      expect(calls, how).toEqual(['leave'])
    }
  })

  it('is dropped when a write fails, also when it is aborted in that moment', async () => {
    for (const isAborted of [false, true]) {
      const abort = new AbortController()
      const write = async (): Promise<void> => {
        if (isAborted) abort.abort(new Error('enough'))
        throw new Error('full')
      }
      const { medium, calls } = keeping({ write })
      const part = await new Stagings('test').resume(path, async () => medium, { signal: abort.signal })
      await expect(part?.writable.getWriter().write(new Uint8Array(1))).rejects.toThrow()
      await part?.leave(state(5))
      expect(calls).toEqual(['drop'])
    }
  })

  it('is dropped where the medium cannot leave it', async () => {
    const { medium, calls } = keeping({ leave: () => Promise.reject(new Error('full')) })
    const part = await new Stagings('test').resume(path, async () => medium)
    await part?.leave()
    expect(calls).toEqual(['drop'])
  })

  it('that is refused and cannot be left is dropped, and the refusal is told', async () => {
    const refusal = new Error('no room for the rest')
    const { medium, calls } = keeping({ leave: () => Promise.reject(new Error('not left')) })
    await expect(unlessRefused(medium, () => Promise.reject(refusal))).rejects.toBe(refusal)
    expect(calls).toEqual(['drop'])
    const drop = (): Promise<void> => Promise.reject(new Error('not dropped'))
    await expect(unlessRefused({ ...medium, drop }, () => Promise.reject(refusal))).rejects.toBe(refusal)
  })

  it('stays where a commit failed, and is dropped where that was its bytes', async () => {
    for (const end of ['leave', 'discard'] as const) {
      const { medium, calls } = keeping({ publish: () => Promise.reject(new Error('not now')) })
      const part = await new Stagings('test').resume(path, async () => medium)
      await part?.writable.close()
      await expect(part?.commit()).rejects.toThrow('not now')
      await part?.[end]()
      expect(calls).toEqual(['close', end === 'leave' ? 'leave' : 'drop'])
    }
  })

  it('is one at a time for each name, until its last call has ended', async () => {
    let left = (_: LeftBytes): void => {}
    const leave = (): Promise<LeftBytes> =>
      new Promise(resolve => {
        left = resolve
      })
    const stagings = new Stagings('test')
    const first = await stagings.resume(path, async () => keeping({ leave }).medium)
    expect(await stagings.resume('blobs/x/z', async () => keeping().medium)).toBeDefined()
    const leaving = first?.leave()
    await Promise.resolve()
    expect(await stagings.resume(path, async () => keeping().medium)).toBeUndefined()
    await new Promise(resolve => setTimeout(resolve, 1))
    left({ name: 'part', size: 5 })
    await leaving
    const second = await stagings.resume(path, async () => keeping().medium)
    expect(second).toBeDefined()
    await second?.discard()
    // Those that came to nothing hold no name either.
    await expect(stagings.resume(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await stagings.resume(path, async () => undefined)).toBeUndefined()
    expect(await stagings.resume(path, async () => keeping().medium)).toBeDefined()
  })

  it('gets a state back with untouched bytes of its number alone, and once', async () => {
    const untouched = keeping().medium
    const cases: readonly [string, ResumableMedium, HashedBytes | undefined, boolean][] = [
      ['its own', untouched, state(5), true],
      ['none', untouched, undefined, false],
      ['of more bytes', untouched, state(6), false],
      ['of touched bytes', { ...untouched, isUntouched: false }, state(5), false],
      [
        'of bytes that are fewer now',
        { ...untouched, kept: storedBytes(new Uint8Array(4)) },
        state(5),
        false,
      ],
    ]
    for (const [what, next, left, isGiven] of cases) {
      const stagings = new Stagings('test')
      const first = await stagings.resume(path, async () => untouched)
      expect(first?.hashed).toBeUndefined()
      await first?.leave(left)
      const told: unknown[] = []
      const second = await stagings.resume(path, async bytes => {
        told.push(bytes)
        return next
      })
      expect(told).toEqual([{ name: 'part', size: 5 }])
      expect(second?.hashed, what).toBe(isGiven ? left : undefined)
      await second?.leave()
      expect((await stagings.resume(path, async () => untouched))?.hashed, what).toBeUndefined()
    }
  })

  it('gets no state from one who leaves late, when another has written since', async () => {
    const stagings = new Stagings('test')
    const abort = new AbortController()
    const slow = await stagings.resume(path, async () => keeping().medium, { signal: abort.signal })
    abort.abort()
    await new Promise(resolve => setTimeout(resolve, 1))
    const quick = await stagings.resume(path, async () => keeping().medium)
    await quick?.leave(state(5))
    await slow?.leave(state(5))
    const last = await stagings.resume(path, async () => keeping().medium)
    expect(last?.hashed).toBeDefined()
    await last?.leave()
    await slow?.leave(state(5))
    expect((await stagings.resume(path, async () => keeping().medium))?.hashed).toBeUndefined()
  })

  it('is remembered for the last few hundred names alone', async () => {
    const stagings = new Stagings('test')
    for (let i = 0; i < 300; i++) {
      const part = await stagings.resume(`blobs/x/${i}`, async () => keeping().medium)
      await part?.leave(state(5))
    }
    const hasState = async (i: number): Promise<boolean> =>
      (await stagings.resume(`blobs/x/${i}`, async () => keeping().medium))?.hashed !== undefined
    expect([await hasState(0), await hasState(299)]).toEqual([false, true])
  })
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
