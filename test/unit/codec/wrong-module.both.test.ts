/** Another module than the pinned one must be noticed before it writes a layer with other bytes. */

import { describe, expect, it } from 'vitest'
import { GzipBlocks } from '../../../src/codec/gzip-blocks.ts'
import { carried } from '../../../src/codec/wasm/carried.ts'
import { zlibModule } from '../../../src/codec/zlib/carried.ts'
import { ZstdBlocks } from '../../../src/codec/zstd/blocks.ts'
import { zstdModule } from '../../../src/codec/zstd/carried.ts'
import { seeded } from '../../golden/inputs.ts'
import { emptyModule, lazierZlib, lazierZstd } from './wasm-modules.ts'

const block = seeded(50_000, 1)
const common = { block, dictionary: new Uint8Array(0), level: 6, last: true, number: 0 } as const

function byZlib(zlib: () => Promise<WebAssembly.Module>): Promise<Uint8Array> {
  return new GzipBlocks({ zlib }).compress({ ...common, kind: 'zlib' }, made => made.slice())
}

function byZstd(zstd: () => Promise<WebAssembly.Module>): Promise<Uint8Array> {
  return new ZstdBlocks({ zstd }).compress({ ...common, kind: 'zstd' }, made => made.slice())
}

describe('the module that writes', () => {
  it('is taken where it is the pinned one', async () => {
    expect((await byZlib(zlibModule)).length).toBeLessThan(block.length)
    expect((await byZstd(zstdModule)).length).toBeLessThan(block.length)
  })

  it.each([
    ['another zlib', () => byZlib(lazierZlib)],
    ['zstd in the place of zlib', () => byZlib(zstdModule)],
    ['nothing in the place of zlib', () => byZlib(emptyModule)],
    ['another zstd', () => byZstd(lazierZstd)],
    ['zlib in the place of zstd', () => byZstd(zlibModule)],
    ['nothing in the place of zstd', () => byZstd(emptyModule)],
  ])('is refused where it is %s', async (_, run) => {
    await expect(run()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it.each([
    ['another', lazierZlib],
    ['none', () => Promise.reject(new Error('no network'))],
  ])(
    "is not needed for fflate's bytes: they are checked by our own inflater where zlib is %s",
    async (_, zlib) => {
      const job = { ...common, kind: 'fflate' } as const
      const expected = await new GzipBlocks({ zlib: zlibModule }).compress(job, made => made.slice())
      expect(await new GzipBlocks({ zlib }).compress(job, made => made.slice())).toEqual(expected)
    },
  )
})

describe('a carried module', () => {
  it('is compiled once, and asked for again after a failure', async () => {
    let loads = 0
    const module = carried('nothing', async () => {
      if (++loads === 1) throw new Error('no network')
      // The smallest module, deflated as one stored block.
      return { deflated: btoa(String.fromCharCode(1, 8, 0, 0xf7, 0xff, 0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)) }
    })
    await expect(module()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      cause: expect.objectContaining({ message: 'no network' }),
    })
    expect(await module()).toBeInstanceOf(WebAssembly.Module)
    expect(await module()).toBe(await module())
    expect(loads).toBe(2)
  })

  it('is UNSUPPORTED where no build has filled it in', async () => {
    const module = carried('nothing', async () => ({ deflated: '' }))
    await expect(module()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      data: { feature: 'nothing in a copy that was not built' },
    })
  })
})
