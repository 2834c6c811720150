import { describe, expect, it } from 'vitest'
import { type DeflateLevel, gunzip, gzip } from '../../../src/codec/gzip.ts'
import { digestOf } from '../../../src/digest.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { chunked, inputs, noise, prng, seeded } from '../../golden/inputs.ts'
import golden from '../../golden/ocidir-gzip-1.json' with { type: 'json' }

const digests: Readonly<Record<string, Readonly<Record<string, string>>>> = golden
const levels: readonly DeflateLevel[] = [0, 1, 6, 9]
const max = 2 ** 30

function encode(input: Uint8Array, level: DeflateLevel, size: number | (() => number) = 65_536) {
  return collect(gzip({ level }).encode(chunked(input, size)), { max })
}

describe('gzip writes ocidir-gzip-1', () => {
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

  it('gives the same bytes for pushes of any size', async () => {
    const input = seeded(600_000, 5)
    const whole = await digestOf(await encode(input, 1, input.length))
    const random = prng(11)
    const sizes = [61, 511, 4_097, 32_767, 32_769, 65_537, 262_143, 262_144, 262_145, 524_289]
    for (const size of sizes) expect(await digestOf(await encode(input, 1, size)), `${size}`).toBe(whole)
    const ragged = await encode(input, 1, () => 1 + (random() % 90_000))
    expect(await digestOf(ragged)).toBe(whole)
  })

  it('gives the same bytes for pushes of one byte, and of none between', async () => {
    const input = seeded(20_000, 6)
    const random = prng(12)
    expect(await encode(input, 6, 1)).toEqual(await encode(input, 6))
    expect(await encode(input, 6, () => random() % 3)).toEqual(await encode(input, 6))
  })

  it('works at every level, smaller upwards', async () => {
    const input = inputs['licences as tar 700 KB']?.() ?? new Uint8Array(0)
    const sizes: number[] = []
    for (const level of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const) {
      const gz = await encode(input, level)
      expect(equalBytes(await collect(gunzip(gz), { max }), input)).toBe(true)
      sizes.push(gz.length)
    }
    // Header, trailer, and five bytes for each stored block: 5, 5 and 3 of them in the three blocks.
    expect(sizes[0]).toBe(input.length + 18 + 5 * 13)
    expect(sizes[1]).toBeLessThan((sizes[0] ?? 0) / 5)
    expect(sizes[9]).toBeLessThanOrEqual(sizes[1] ?? 0)
  })

  it('begins with the header that names nothing, and ends with CRC-32 and size', async () => {
    const gz = await encode(new TextEncoder().encode('123456789'), 6)
    expect([...gz.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
    // 0xcbf43926 is the check value that every CRC-32 is published with.
    expect([...gz.subarray(-8)]).toEqual([0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0])
  })

  it('uses level 6 when none is given', async () => {
    const input = seeded(50_000, 1)
    expect(await collect(gzip().encode(chunked(input, 999)), { max })).toEqual(await encode(input, 6))
  })

  it('grows noise by less than one in a thousand', async () => {
    expect((await encode(noise(1_000_000, 3), 6)).length).toBeLessThan(1_001_000)
  })

  it('refuses other levels at the door', () => {
    for (const level of [-1, 10, 1.5, Number.NaN, '6', null]) {
      // @ts-expect-error: what a caller without types may pass
      expect(() => gzip({ level })).toThrow(RangeError)
    }
  })

  it('says what it is', () => {
    const { name, suffix } = gzip()
    expect({ name, suffix }).toEqual({ name: 'gzip', suffix: '+gzip' })
  })
})

describe.each(['fflate', 'zlib'] as const)('gzip by %s lives with others', deflate => {
  it('lets timers run while it works', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const gz = await collect(gzip({ deflate }).encode(chunked(seeded(4_000_000, 2), 4_000_000)), { max })
    clearInterval(timer)
    expect(gz.length).toBeGreaterThan(100_000)
    expect(ticks).toBeGreaterThan(3)
  })

  it('ends with the reason of an abort, from a source that is always ready', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 20)
    async function* endless() {
      const chunk = seeded(262_144, 4)
      for (;;) yield chunk
    }
    const run = collect(gzip({ deflate }).encode(endless(), { signal: controller.signal }), { max })
    await expect(run).rejects.toBe(reason)
  })

  it('does nothing for a signal that has aborted before', async () => {
    const signal = AbortSignal.abort(new Error('before'))
    let asked = false
    async function* source() {
      asked = true
      yield new Uint8Array(1)
    }
    await expect(collect(gzip({ deflate }).encode(source(), { signal }), { max })).rejects.toThrow('before')
    await expect(collect(gunzip(source(), { signal }), { max })).rejects.toThrow('before')
    expect(asked).toBe(false)
  })

  it('reads no further than it is read', async () => {
    let given = 0
    async function* source() {
      for (;;) {
        given += 65_536
        yield seeded(65_536, given)
      }
    }
    const output = gzip({ level: 1, deflate }).encode(source())[Symbol.asyncIterator]()
    await output.next()
    expect(given).toBe(0)
    await output.next()
    expect(given).toBeLessThanOrEqual(262_144 + 65_536)
    await output.return?.()
  })

  it('gives the source back when its reader stops, and passes its error on', async () => {
    let ended = false
    async function* source() {
      try {
        for (;;) yield seeded(300_000, 1)
      } finally {
        ended = true
      }
    }
    let chunks = 0
    for await (const _ of gzip({ level: 1, deflate }).encode(source())) if (++chunks === 2) break
    await new Promise(resolve => setTimeout(resolve))
    expect(ended).toBe(true)
    async function* failing() {
      yield new Uint8Array(10)
      throw new Error('disk gone')
    }
    await expect(collect(gzip({ deflate }).encode(failing()), { max })).rejects.toThrow('disk gone')
  })
})
