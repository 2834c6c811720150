/** Another fflate than the pinned one must be noticed before it writes a layer with other bytes. */

import type { DeflateOptions } from 'fflate'
import { afterEach, expect, it, vi } from 'vitest'

const input = new Uint8Array(5_000).map((_, i) => i % 97)
const options = { level: 6, dictionary: new Uint8Array(0), last: true } as const

afterEach(() => {
  vi.doUnmock('fflate')
  vi.resetModules()
})

async function deflateBy(change: (fflate: typeof import('fflate')) => object): Promise<Uint8Array> {
  vi.resetModules()
  vi.doMock('fflate', async original => change(await original<typeof import('fflate')>()))
  const { deflateBlock } = await import('../../../src/codec/deflate.ts')
  return deflateBlock(input, options)
}

it('takes the pinned fflate', async () => {
  expect((await deflateBy(fflate => fflate)).length).toBeLessThan(input.length / 10)
})

it.each([
  ['a smaller hash table', (): DeflateOptions => ({ mem: 3 })],
  ['a larger hash table', (): DeflateOptions => ({ mem: 5 })],
  ['longer chains', (level: number): DeflateOptions => ({ level: levelOf(level + 1) })],
  ['shorter chains', (level: number): DeflateOptions => ({ level: levelOf(level - 1) })],
])('refuses one with %s', async (_, changed) => {
  const run = deflateBy(fflate => ({
    ...fflate,
    Deflate: class extends fflate.Deflate {
      constructor(options: DeflateOptions, onData: (chunk: Uint8Array) => void) {
        super({ ...options, ...changed(Number(options.level)) }, onData)
      }
    },
  }))
  await expect(run).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})

it('refuses one whose state is laid out otherwise', async () => {
  const run = deflateBy(fflate => ({
    ...fflate,
    Deflate: class extends fflate.Deflate {
      constructor(options: object, onData: (chunk: Uint8Array) => void) {
        super(options, onData)
        Object.assign(this, { s: { l: 0, i: 0, w: 0, z: 0 } })
      }
    },
  }))
  await expect(run).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})

function levelOf(level: number): 1 | 2 | 5 | 7 {
  return level < 2 ? 1 : level < 5 ? 2 : level < 6 ? 5 : 7
}
