/** Where there is no WebAssembly, what needs it says so, and the rest goes on with the same bytes. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { digestOf } from '../../../src/digest.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, seeded } from '../../golden/inputs.ts'
import fflates from '../../golden/ocidir-gzip-1.json' with { type: 'json' }
import zlibs from '../../golden/ocidir-gzip-2.json' with { type: 'json' }
import { packedText, text } from './frames.ts'

const max = 2 ** 30
const input = seeded(262_145, 262_145)

beforeEach(() => {
  // What was found before, and what was compiled, is forgotten.
  vi.resetModules()
  vi.stubGlobal('WebAssembly', undefined)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

it('gzip by zlib and zstd are UNSUPPORTED', async () => {
  const { gzip } = await import('../../../src/codec/gzip.ts')
  const { zstd } = await import('../../../src/codec/zstd.ts')
  for (const [codec, feature] of [
    [gzip({ deflate: 'zlib' }), 'zlib without WebAssembly'],
    [zstd(), 'zstd without WebAssembly'],
  ] as const) {
    const run = collect(codec.encode(chunked(input, 50_000)), { max })
    await expect(run).rejects.toMatchObject({ code: 'UNSUPPORTED', data: { feature } })
  }
})

it('gzip by fflate gives the golden digests, by zlib those of level 0, by the platform what can be read', async () => {
  const { gunzip, gzip } = await import('../../../src/codec/gzip.ts')
  const digest = async (codec: ReturnType<typeof gzip>) =>
    digestOf(await collect(codec.encode(chunked(input, 50_000)), { max }))
  for (const level of [0, 1, 6, 9] as const)
    expect(await digest(gzip({ level }))).toBe(fflates['seeded 262145'][level])
  expect(await digest(gzip({ level: 0, deflate: 'zlib' }))).toBe(zlibs['seeded 262145'][0])
  const gz = await collect(gzip({ deflate: 'platform' }).encode(chunked(input, 50_000)), { max })
  expect(await digestOf(await collect(gunzip(gz), { max }))).toBe(await digestOf(input))
})

it('gzip and zstd are read by our own decoders', async () => {
  const { createInflater } = await import('../../../src/codec/inflaters.ts')
  const { Inflater } = await import('../../../src/codec/inflate.ts')
  const { unzstd } = await import('../../../src/codec/zstd.ts')
  expect(await createInflater()).toBeInstanceOf(Inflater)
  expect(await collect(unzstd(packedText), { max })).toEqual(text)
})
