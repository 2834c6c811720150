import { describe, expect, it } from 'vitest'
import { unzstd, zstd } from '../../../src/codec/zstd.ts'
import { digestOf } from '../../../src/digest.ts'
import { collect, concat, equalBytes } from '../../../src/streams.ts'
import { chunked, noise, prng, seeded, zstdInputs } from '../../golden/inputs.ts'
import golden from '../../golden/ocidir-zstd-1.json' with { type: 'json' }

const digests: Readonly<Record<string, Readonly<Record<string, string>>>> = golden
const max = 2 ** 30
const frameSize = 2_097_152

function encode(input: Uint8Array, level: number, size: number | (() => number) = 65_536) {
  return collect(zstd({ level }).encode(chunked(input, size)), { max })
}

describe('zstd writes ocidir-zstd-1', () => {
  for (const [name, make] of Object.entries(zstdInputs)) {
    it(`gives the golden digests for ${name}, and its own decoder the input back`, async () => {
      const input = make()
      for (const [level, digest] of Object.entries(digests[name] ?? {})) {
        const zst = await encode(input, Number(level))
        expect(await digestOf(zst), `level ${level}`).toBe(digest)
        const found = await collect(unzstd(zst, { maxWindowSize: frameSize }), { max })
        expect(equalBytes(found, input), `level ${level}`).toBe(true)
      }
    })
  }

  it('has golden digests for each input, for some of them at every level, and no others', () => {
    expect(Object.keys(digests).sort()).toEqual(Object.keys(zstdInputs).sort())
    const all = Array.from({ length: 19 }, (_, i) => String(i + 1))
    const rows = Object.values(digests).map(row => Object.keys(row))
    for (const levels of rows) expect([all, ['1', '3', '9', '19']]).toContainEqual(levels)
    expect(rows.filter(({ length }) => length === 19)).toHaveLength(2)
  })

  it('gives the same bytes for pushes of any size', async () => {
    const input = seeded(2_500_000, 5)
    const whole = await digestOf(await encode(input, 3, input.length))
    const random = prng(11)
    for (const size of [4_097, 65_537, 1_048_577, frameSize - 1, frameSize, frameSize + 1])
      expect(await digestOf(await encode(input, 3, size)), `${size}`).toBe(whole)
    expect(await digestOf(await encode(input, 3, () => random() % 90_000))).toBe(whole)
    const small = input.subarray(0, 20_000)
    expect(await encode(small, 3, 1)).toEqual(await encode(small, 3))
  })

  it('compresses each 2 MiB as if they were alone', async () => {
    const input = seeded(2 * frameSize + 7, 9)
    const parts = [0, 1, 2].map(i => encode(input.subarray(i * frameSize, (i + 1) * frameSize), 1))
    const whole = await encode(input, 1)
    expect(equalBytes(whole, concat(await Promise.all(parts)))).toBe(true)
  })

  it('begins each frame with its size and ends it with its checksum, in a window of 2 MiB at the most', async () => {
    const input = seeded(frameSize, 3)
    for (const level of [1, 2, 3, 19]) {
      const frame = await encode(input, level)
      const view = new DataView(frame.buffer, frame.byteOffset)
      const descriptor = view.getUint8(4)
      const isSegment = (descriptor & 0x20) !== 0
      // A size of four bytes, a checksum, no dictionary, nothing reserved (RFC 8878, 3.1.1.1.1).
      expect(descriptor & ~0x20).toBe(0x84)
      expect(view.getUint32(isSegment ? 5 : 6, true)).toBe(frameSize)
      expect(isSegment ? 21 : 10 + (view.getUint8(5) >> 3)).toBe([19, 20][level - 1] ?? 21)
      const narrow = collect(unzstd(frame, { maxWindowSize: 2 ** 19 - 1 }), { max })
      await expect(narrow).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    }
  })

  it('works at every level, smaller upwards, and at 3 when none is given', async () => {
    const input = zstdInputs['licences as tar 700 KB']?.() ?? new Uint8Array(0)
    const [first = 0, third = 0, last = 0] = await Promise.all(
      [1, 3, 19].map(async level => (await encode(input, level)).length),
    )
    expect([first >= third, third >= last, first < input.length / 10]).toEqual([true, true, true])
    expect(await collect(zstd().encode(chunked(input, 999)), { max })).toEqual(await encode(input, 3))
    expect((await encode(noise(1_000_000, 3), 3)).length).toBeLessThan(1_000_100)
  })

  it('refuses other levels at the door', () => {
    for (const level of [-1, 0, 20, 22, 1.5, Number.NaN, '3', null]) {
      // @ts-expect-error: what a caller without types may pass
      expect(() => zstd({ level })).toThrow(RangeError)
    }
  })
})

describe('zstd lives with others', () => {
  it('lets timers run while it works', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    await encode(seeded(16_000_000, 2), 3, 16_000_000)
    clearInterval(timer)
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
    const run = collect(zstd().encode(endless(), { signal: controller.signal }), { max })
    await expect(run).rejects.toBe(reason)
    const before = collect(zstd().encode(endless(), { signal: controller.signal }), { max })
    await expect(before).rejects.toBe(reason)
  })

  it('reads no further than it is read, gives the source back, and passes its error on', async () => {
    let [given, ended] = [0, false]
    async function* source() {
      try {
        for (;;) {
          given += 65_536
          yield seeded(65_536, given)
        }
      } finally {
        ended = true
      }
    }
    const output = zstd({ level: 1 }).encode(source())[Symbol.asyncIterator]()
    await output.next()
    expect(given).toBeLessThanOrEqual(frameSize + 65_536)
    await output.return?.()
    expect(ended).toBe(true)
    async function* failing() {
      yield new Uint8Array(10)
      throw new Error('disk gone')
    }
    await expect(collect(zstd().encode(failing()), { max })).rejects.toThrow('disk gone')
  })

  it('takes no heed of what becomes of chunks that it was given', async () => {
    const input = seeded(3_000_000, 6)
    async function* reused() {
      const chunk = new Uint8Array(50_000)
      for (let at = 0; at < input.length; at += chunk.length) {
        chunk.set(input.subarray(at, at + chunk.length))
        yield chunk.subarray(0, input.length - at)
        chunk.fill(0)
      }
    }
    const found = await collect(zstd({ level: 1 }).encode(reused()), { max })
    expect(equalBytes(found, await encode(input, 1))).toBe(true)
  })
})
