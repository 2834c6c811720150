import { describe, expect, it } from 'vitest'
import { type DeflateLevel, gunzip, gzip } from '../../../src/codec/gzip.ts'
import { digestOf } from '../../../src/digest.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { chunked, inputs, prng, seeded } from '../../golden/inputs.ts'
import fflates from '../../golden/ocidir-gzip-1.json' with { type: 'json' }
import golden from '../../golden/ocidir-gzip-2.json' with { type: 'json' }

const digests: Readonly<Record<string, Readonly<Record<string, string>>>> = golden
const levels: readonly DeflateLevel[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const max = 2 ** 30

function encode(input: Uint8Array, level: DeflateLevel, size: number | (() => number) = 65_536) {
  return collect(gzip({ level, deflate: 'zlib' }).encode(chunked(input, size)), { max })
}

describe('gzip by zlib writes ocidir-gzip-2', () => {
  for (const [name, make] of Object.entries(inputs)) {
    it(`gives the golden digests for ${name}, and its own decoder the input back`, async () => {
      const input = make()
      for (const level of levels) {
        const gz = await encode(input, level)
        expect(await digestOf(gz), `level ${level}`).toBe(digests[name]?.[level])
        expect(equalBytes(await collect(gunzip(gz), { max }), input), `level ${level}`).toBe(true)
      }
    })
  }

  it('has a golden digest for each input and level, and no other', () => {
    expect(Object.keys(digests).sort()).toEqual(Object.keys(inputs).sort())
    for (const row of Object.values(digests)) expect(Object.keys(row)).toEqual(levels.map(String))
  })

  it('is ocidir-gzip-1 at level 0', () => {
    for (const [name, row] of Object.entries(fflates)) expect(row[0]).toBe(digests[name]?.[0])
  })

  it('gives the same bytes for pushes of any size', async () => {
    const input = seeded(600_000, 5)
    const whole = await digestOf(await encode(input, 6, input.length))
    const random = prng(11)
    const sizes = [61, 511, 4_097, 32_769, 65_537, 262_143, 262_144, 262_145, 524_289]
    for (const size of sizes) expect(await digestOf(await encode(input, 6, size)), `${size}`).toBe(whole)
    expect(await digestOf(await encode(input, 6, () => random() % 90_000))).toBe(whole)
    const small = input.subarray(0, 20_000)
    expect(await encode(small, 6, 1)).toEqual(await encode(small, 6))
  })

  it('gives other bytes than fflate, behind the same header and before the same trailer', async () => {
    const input = inputs['licences as tar 700 KB']?.() ?? new Uint8Array(0)
    const fflate = await collect(gzip({ level: 6 }).encode(chunked(input, 65_536)), { max })
    const zlib = await encode(input, 6)
    expect(zlib.subarray(0, 10)).toEqual(fflate.subarray(0, 10))
    expect(zlib.subarray(-8)).toEqual(fflate.subarray(-8))
    expect(equalBytes(zlib, fflate)).toBe(false)
  })
})

it('what gzip deflates by is one of three, or refused at the door', () => {
  for (const deflate of ['zlib-ng', '', 'toString', null, 1]) {
    // @ts-expect-error: what a caller without types may pass
    expect(() => gzip({ deflate })).toThrow(RangeError)
  }
  for (const deflate of ['fflate', 'zlib', 'platform', undefined] as const)
    expect(gzip({ deflate })).toMatchObject({ name: 'gzip', suffix: '+gzip' })
})
