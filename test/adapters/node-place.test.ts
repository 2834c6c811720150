/** The folder of a layout while it comes to be: answers of the system that come late. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { LayoutFolder } from '../../adapters/node/place.ts'

/** The first look at a path is answered only when this is called. */
const late = vi.hoisted(() => ({ calls: 0, answer: (): void => {} }))

vi.mock('node:fs/promises', async original => {
  const real = await original<typeof import('node:fs/promises')>()
  const realpath = async (path: string): Promise<string> => {
    const call = ++late.calls
    const answer = real.realpath(path)
    answer.catch(() => {})
    if (call === 1) await new Promise<void>(resolve => Object.assign(late, { answer: resolve }))
    return answer
  }
  return { ...real, realpath }
})

let work = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-place-'))
})
afterAll(() => rm(work, { recursive: true }))

it('a look that finds no folder, and ends late, takes it from nobody who has made it meanwhile', async () => {
  const place = new LayoutFolder(join(work, 'layout'), { storage: 'layout', strict: true })
  const looking = place.find()
  const made = await place.make()
  late.answer()
  await looking
  late.calls = 0
  expect(await Promise.race([place.find(), Promise.resolve('asks the disk again')])).toBe(made)
  expect(late.calls).toBe(0)
})
