import { describe, expect, it } from 'vitest'
import { gunzip, gzip } from '../../../src/codec/gzip.ts'
import { isOciError } from '../../../src/errors.ts'
import { collect, concat, equalBytes } from '../../../src/streams.ts'
import { chunked, inputs, seeded } from '../../golden/inputs.ts'
import { gunzipped, inflaters, offsetBound } from './inflaters.ts'
import { ascii, member } from './members.ts'

const max = 2 ** 30
const hello = ascii('hello, ')
const world = ascii('world')
const [fhcrc, fextra, fname, fcomment] = [2, 4, 8, 16] as const

async function reasonOf(gz: Uint8Array): Promise<string> {
  try {
    await collect(gunzip(gz), { max })
    return 'accepted'
  } catch (error) {
    if (isOciError(error, 'GZIP_INVALID')) return error.data.reason
    throw error
  }
}

async function textOf(gz: Uint8Array, pushes = 4_096): Promise<string> {
  return new TextDecoder().decode(await collect(gunzip(chunked(gz, pushes)), { max }))
}

describe('gunzip reads', () => {
  it('P14: several members one after the other, empty ones too, in pushes of any size', async () => {
    const parts = [hello, new Uint8Array(0), world].map(content => member({ content }))
    const gz = concat(await Promise.all(parts))
    for (const pushes of [1, 2, 3, 7, 20, 1_000]) expect(await textOf(gz, pushes)).toBe('hello, world')
  })

  it('zeros behind the end, also between chunks', async () => {
    const gz = await member({ content: hello })
    for (const zeros of [1, 2, 511, 1_024, 100_000]) {
      expect(await textOf(concat([gz, new Uint8Array(zeros)]))).toBe('hello, ')
    }
  })

  it('every header field, with and without its CRC', async () => {
    const extra = Uint8Array.of(6, 0, 0x41, 0x70, 2, 0, 0xff, 0)
    const name = ascii('a name.tar\0')
    const comment = concat([new Uint8Array(70_000).fill(0xe9), Uint8Array.of(0)])
    const all = concat([extra, name, comment])
    for (const [flags, fields] of [
      [1, undefined],
      [fextra, extra],
      [fname, name],
      [fcomment, comment],
      [fhcrc, undefined],
      [fextra | fname | fcomment, all],
      [1 | fextra | fname | fcomment | fhcrc, all],
    ] as const) {
      const gz = await member({ content: hello, flags, ...(fields && { fields }) })
      for (const pushes of [1_000, 70_001, 1]) expect(await textOf(gz, pushes)).toBe('hello, ')
    }
  })

  it('what it is given as stream, Blob, bytes or chunks', async () => {
    const gz = await member({ content: hello })
    const whole = new Blob([new Uint8Array(gz)])
    for (const source of [whole, whole.stream(), gz, chunked(gz, 3)]) {
      expect(await collect(gunzip(source), { max })).toEqual(hello)
    }
  })

  it('a block joined to others across empty stored and fixed blocks', async () => {
    // Stored empty, fixed empty (10 bits), stored "hello, ", final fixed empty.
    const middle = concat([Uint8Array.of(0, 7, 0, 0xf8, 0xff), hello])
    const joined = [Uint8Array.of(0, 0, 0, 0xff, 0xff), Uint8Array.of(2, 0, 0, 0, 0xff, 0xff), middle]
    const deflated = concat([...joined, Uint8Array.of(3, 0)])
    expect(await textOf(await member({ content: hello, deflated }), 1)).toBe('hello, ')
  })
})

describe('gunzip refuses', () => {
  it('a file cut off at any byte', async () => {
    const fields = concat([Uint8Array.of(2, 0, 1, 2), ascii('name\0comment\0')])
    const first = await member({ content: seeded(300, 1), flags: fhcrc | fextra | fname | fcomment, fields })
    const second = await collect(gzip().encode(chunked(seeded(3_000, 2), 999)), { max })
    const gz = concat([first, second])
    const outcomes = new Map<string, number>()
    for (let length = 0; length < gz.length; length++) {
      const reason = await reasonOf(gz.subarray(0, length))
      outcomes.set(reason, (outcomes.get(reason) ?? 0) + 1)
    }
    expect(outcomes.get('accepted')).toBe(1) // The end of the first member.
    outcomes.delete('accepted')
    for (const reason of outcomes.keys())
      expect(reason).toMatch(/^cut off in the (header|deflate data|trailer)$/)
    expect(await reasonOf(gz)).toBe('accepted')
  })

  it.each([
    ['a wrong CRC-32', { crc: 1 }, 'the CRC-32 of the content is wrong'],
    ['a wrong size', { size: 8 }, 'the size of the content is wrong'],
    ['another method', { method: 9 }, 'unknown compression method 9'],
    ['a wrong header CRC', { flags: fhcrc, headerCrc: 0 }, "the header's CRC is wrong"],
    ['reserved flag 0x20', { flags: 0x20 }, 'reserved header flags are set'],
    ['reserved flag 0x80', { flags: 0x80 }, 'reserved header flags are set'],
  ])('%s', async (_, parts, reason) => {
    expect(await reasonOf(await member({ content: hello, ...parts }))).toBe(reason)
    const second = concat([await member({ content: world }), await member({ content: hello, ...parts })])
    expect(await reasonOf(second)).toBe(reason)
  })

  it.each([
    ['text behind the end', ascii('junk behind the end'), 'no gzip header'],
    ['junk behind zeros', concat([new Uint8Array(600), ascii('j')]), 'other bytes than zeros follow the end'],
    ['half a header', Uint8Array.of(0x1f, 0x8b, 8), 'cut off in the header'],
  ])('%s', async (_, junk, reason) => {
    expect(await reasonOf(concat([await member({ content: hello }), junk]))).toBe(reason)
  })

  it('P14: a member behind zeros: what would be skipped is not silently lost', async () => {
    const gz = await member({ content: hello })
    expect(await reasonOf(concat([gz, new Uint8Array(3), gz]))).toBe('other bytes than zeros follow the end')
  })

  it('an empty file and one of zeros', async () => {
    expect(await reasonOf(new Uint8Array(0))).toBe('cut off in the header')
    expect(await reasonOf(new Uint8Array(100))).toBe('no gzip header')
  })

  it.each([
    ['block type 3', [7], 'a deflate block has the reserved type 3'],
    ['a wrong complement', [1, 1, 0, 0xff, 0xff, 0], "a stored block's length and its complement differ"],
    ['a match before the start', [0x03, 0x02, 0, 0, 0], 'a match reaches back before the start'],
    ['too many symbols', [0xf5, 0xff, 0xff, 0xff], 'a dynamic block has too many length or distance symbols'],
    ['code lengths without a code', [0x05, 0, 0, 0, 0, 0, 0, 0], undefined],
  ])('%s', async (_, bytes, reason) => {
    const deflated = concat([Uint8Array.from(bytes), new Uint8Array(64)])
    const found = await reasonOf(await member({ content: hello, deflated }))
    if (reason === undefined) expect(found).not.toBe('accepted')
    else expect(found).toBe(reason)
  })

  it('and says at which byte', async () => {
    const gz = await member({ content: hello, crc: 1 })
    await expect(collect(gunzip(concat([gz])), { max })).rejects.toMatchObject({
      code: 'GZIP_INVALID',
      data: { offset: gz.length - 8 },
    })
  })

  it.each([
    ['the reserved type of a block', [0, 0, 0, 0xff, 0xff, 7, 0, 0], 15],
    ['a wrong complement', [0, 0, 0, 0xff, 0xff, 1, 1, 0, 0xff, 0xff, 0], 15],
    [
      'a match before the start, behind nine literals',
      [0x4b, 0x4c, 0x4c, 0x4c, 0x4c, 0x4c, 0x4c, 0x4c, 0x84, 0x4a, 0, 0],
      18,
    ],
  ])('and says at which byte: %s; by zlib a little further', async (_, bytes, offset) => {
    const broken = await member({ content: hello, deflated: Uint8Array.from(bytes) })
    expect((await gunzipped(inflaters.ours, broken)).offset).toBe(offset)
    const { offset: further } = await gunzipped(inflaters.zlib, broken)
    expect(further).toBeGreaterThanOrEqual(offset)
    expect(further).toBeLessThanOrEqual(offset + offsetBound)
  })
})

describe('gunzip is bounded', () => {
  it('P14: gives 64 MiB of zeros in chunks of at most 1 MiB, lets timers run, and heeds an abort', async () => {
    const size = 64 * 1_048_576
    const zeros = new Uint8Array(1_048_576)
    async function* source() {
      for (let given = 0; given < size; given += zeros.length) yield zeros
    }
    const bomb = await collect(gzip({ level: 1 }).encode(source()), { max })
    expect(bomb.length).toBeLessThan(size / 200)
    let total = 0
    let largest = 0
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    for await (const chunk of gunzip(bomb)) {
      total += chunk.length
      largest = Math.max(largest, chunk.length)
      if (!equalBytes(chunk, zeros.subarray(0, chunk.length))) throw new Error('not zeros')
    }
    clearInterval(timer)
    expect(total).toBe(size)
    expect(largest).toBeLessThanOrEqual(1_048_576)
    expect(ticks).toBeGreaterThan(3)

    const controller = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 5)
    const run = (async () => {
      for (;;) for await (const _ of gunzip(bomb, { signal: controller.signal }));
    })()
    await expect(run).rejects.toBe(reason)
  })

  it('gives chunks that stay as they are when more is read', async () => {
    const input = inputs['seeded 700001']?.() ?? new Uint8Array(0)
    const chunks: Uint8Array[] = []
    const gz = await collect(gzip({ level: 1 }).encode(chunked(input, 50_000)), { max })
    for await (const chunk of gunzip(gz)) chunks.push(chunk)
    expect(chunks.length).toBeGreaterThan(2)
    expect(equalBytes(concat(chunks), input)).toBe(true)
  })

  it('gives the source back when its reader stops', async () => {
    let ended = false
    async function* source() {
      try {
        yield* chunked(await member({ content: seeded(500_000, 1) }), 10_000)
      } finally {
        ended = true
      }
    }
    for await (const _ of gunzip(source())) break
    await new Promise(resolve => setTimeout(resolve))
    expect(ended).toBe(true)
  })
})
