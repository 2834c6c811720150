import { describe, expect, it } from 'vitest'
import { type UnzstdOptions, unzstd, zstd } from '../../../src/codec/zstd.ts'
import { isOciError } from '../../../src/errors.ts'
import { collect, concat, equalBytes } from '../../../src/streams.ts'
import { chunked, noise, seeded } from '../../golden/inputs.ts'
import { block, frame, little, packedText, repeated, skippable, text } from './frames.ts'
import { ascii } from './members.ts'

const max = 2 ** 30
const hello = ascii('hello, ')
const world = ascii('world')

async function outcomeOf(bytes: Uint8Array, options?: UnzstdOptions): Promise<string> {
  try {
    await collect(unzstd(bytes, options), { max })
    return 'accepted'
  } catch (error) {
    if (isOciError(error, 'ZSTD_INVALID')) return error.data.reason
    if (isOciError(error)) return error.code
    throw error
  }
}

async function textOf(bytes: Uint8Array, pushes = 4_096): Promise<string> {
  return new TextDecoder().decode(await collect(unzstd(chunked(bytes, pushes)), { max }))
}

describe('unzstd reads', () => {
  it('what the zstd command wrote, in pushes of any size', async () => {
    for (const pushes of [1, 7, 100, 704, 4_096]) {
      expect(equalBytes(await collect(unzstd(chunked(packedText, pushes)), { max }), text)).toBe(true)
    }
  })

  it('several frames one after the other, empty ones too', async () => {
    const parts = [hello, new Uint8Array(0), world].map(content => frame({ content }))
    const bytes = concat(await Promise.all(parts))
    for (const pushes of [1, 2, 3, 7, 20, 1_000]) expect(await textOf(bytes, pushes)).toBe('hello, world')
  })

  it('past skippable frames of all sixteen kinds, in every place, and one alone', async () => {
    const [first, second] = [await frame({ content: hello }), await frame({ content: world })]
    for (let kind = 0; kind < 16; kind++) {
      const skipped = skippable(noise(kind * 100, kind), kind)
      expect(await textOf(concat([skipped, first, skipped, skipped, second, skipped]), 13)).toBe(
        'hello, world',
      )
      expect(await textOf(skipped)).toBe('')
    }
  })

  it.each([
    ['no checksum and no size', 0, [7 << 3]],
    ['a checksum', 4, [7 << 3]],
    ['a size of one byte, as one segment', 0x20, [7]],
    ['a size of four bytes', 0x80, [7 << 3, 7, 0, 0, 0]],
    ['a size of eight bytes, as one segment', 0xe4, [7, 0, 0, 0, 0, 0, 0, 0]],
    ['a dictionary that is none', 1, [7 << 3, 0]],
    ['the bit that says nothing', 0x10, [7 << 3]],
    ['the smallest window', 0, [0]],
  ])('a header with %s', async (_, flags, fields) => {
    expect(await textOf(await frame({ content: hello, flags, fields }), 1)).toBe('hello, ')
  })

  it('a size of two bytes, which counts from 256', async () => {
    const content = seeded(300, 1)
    const bytes = await frame({ content, flags: 0x44, fields: [7 << 3, 44, 0] })
    expect(await collect(unzstd(bytes), { max })).toEqual(content)
  })

  it('blocks of all types, also empty ones', async () => {
    const blocks = concat([
      block({ content: hello }),
      block({ content: world, size: 0, last: false }).subarray(0, 3),
    ])
    const all = concat([blocks, repeated(3), block({ content: world, last: true })])
    const content = concat([hello, ascii('aaa'), world])
    expect(await textOf(await frame({ content, blocks: all }), 2)).toBe('hello, aaaworld')
  })

  it('what it is given as stream, Blob, bytes or chunks', async () => {
    const whole = new Blob([new Uint8Array(packedText)])
    for (const source of [whole, whole.stream(), packedText, chunked(packedText, 3)]) {
      expect(equalBytes(await collect(unzstd(source), { max }), text)).toBe(true)
    }
  })
})

describe('unzstd refuses', () => {
  it('a file cut off at any byte', async () => {
    const bytes = concat([await frame({ content: seeded(200, 1) }), skippable(noise(20, 1)), packedText])
    const outcomes = new Map<string, number>()
    for (let length = 0; length < bytes.length; length++) {
      const reason = await outcomeOf(bytes.subarray(0, length))
      outcomes.set(reason, (outcomes.get(reason) ?? 0) + 1)
    }
    // The ends of the first two frames.
    expect(outcomes.get('accepted')).toBe(2)
    outcomes.delete('accepted')
    for (const reason of outcomes.keys()) expect(reason).toMatch(/^cut off in the [a-z ]+$/)
    expect(await outcomeOf(bytes)).toBe('accepted')
  })

  it('a changed bit in any byte of a file with a checksum, or gives the same bytes all the same', async () => {
    const harmless: number[] = []
    for (let at = 0; at < packedText.length; at++) {
      const bytes = packedText.slice()
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
      if ((await outcomeOf(bytes)) !== 'accepted') continue
      harmless.push(at)
      expect(equalBytes(await collect(unzstd(bytes), { max }), text)).toBe(true)
    }
    // The header's unused bit, a larger window than is needed, and two matches that are also found elsewhere.
    expect(harmless).toEqual([4, 5, 533, 553])
  })

  const segment = 0x20
  it.each([
    ['a wrong checksum', { checksum: 1 }, 'the checksum of the content is wrong'],
    ['the reserved bit of the header', { flags: 8 }, 'a reserved bit of the frame header is set'],
    [
      'more content than its size',
      { flags: segment, fields: [6] },
      'a block is larger than its frame allows',
    ],
    [
      'more content than its size, in blocks',
      { flags: 0x80, fields: [56, 6, 0, 0, 0] },
      'there is more content than the frame says',
    ],
    [
      'less content than its size',
      { flags: segment, fields: [8] },
      'there is less content than the frame says',
    ],
    [
      'a size beyond 2^53',
      { flags: 0xc0, fields: [56, 7, 0, 0, 0, 0, 0, 0, 1] },
      'there is less content than the frame says',
    ],
    ['block type 3', { blocks: Uint8Array.of(7, 0, 0) }, 'a block has the reserved type 3'],
    [
      'a raw block beyond the window',
      { fields: [0], blocks: block({ content: noise(1_025, 1), last: true }) },
      'a block is larger than its frame allows',
    ],
    [
      'a repeated block beyond 128 KiB',
      { blocks: repeated(131_073, true) },
      'a block is larger than its frame allows',
    ],
    ['a dictionary', { flags: 1, fields: [56, 9] }, 'UNSUPPORTED'],
    ['a dictionary of four bytes', { flags: 3, fields: [56, 0, 0, 0, 9] }, 'UNSUPPORTED'],
  ])('%s', async (_, parts, reason) => {
    expect(await outcomeOf(await frame({ content: hello, ...parts }))).toBe(reason)
    const second = concat([await frame({ content: world }), await frame({ content: hello, ...parts })])
    expect(await outcomeOf(second)).toBe(reason)
  })

  it.each([
    ['text behind the end', ascii('junk behind the end'), 'no zstd frame'],
    ['zeros behind the end', new Uint8Array(512), 'no zstd frame'],
    ['half a header', Uint8Array.of(0x28, 0xb5), 'cut off in the frame header'],
    [
      'a frame of zstd 0.7',
      Uint8Array.of(0x27, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0),
      'a frame of a zstd before 0.8',
    ],
  ])('%s', async (_, junk, reason) => {
    expect(await outcomeOf(concat([await frame({ content: hello }), junk]))).toBe(reason)
    expect(await outcomeOf(junk)).toBe(reason)
  })

  it('an empty file, as the zstd command does', async () => {
    expect(await outcomeOf(new Uint8Array(0))).toBe('cut off in the frame header')
  })

  // Each is a compressed block: literals, the number of sequences, how they are coded, bits from the end.
  it.each([
    ['a block of nothing', [], 'a block ends too early'],
    ['literals without their bytes', [5 << 3], 'a block ends too early'],
    [
      'literals by a code that is not there',
      [0x13, 0x40, 0, 1, 0],
      'literals need the Huffman code of an earlier block',
    ],
    [
      'more literals than a block may give',
      [0x0d, 0xff, 0xff, 0x61, 0],
      'a block has more literals than it may give',
    ],
    [
      'bytes behind a block without sequences',
      [1 << 3, 0x61, 0, 0],
      'other bytes follow the literals of a block',
    ],
    [
      'a Huffman code whose bits give one of its two states',
      [0x72, 0x40, 1, 3, 0x10, 0x3f, 0x23, 0x80, 0],
      'a Huffman code ends before its first weights',
    ],
    ['reserved bits', [1 << 3, 0x61, 1, 1, 0x80], 'reserved bits of a block are set'],
    [
      'a table of an earlier block',
      [1 << 3, 0x61, 1, 0xc0, 0x80],
      'literal length codes need the table of an earlier block',
    ],
    ['a code that is none', [1 << 3, 0x61, 1, 0x54, 36, 0, 0, 0x80], 'there is no such literal length code'],
    ['bits without an end mark', [1 << 3, 0x61, 1, 0x54, 1, 0, 0, 0], 'a bit stream has no end mark'],
    [
      'too few bits',
      [1 << 3, 0x61, 1, 0x54, 1, 5, 0, 0x02],
      "the bits of the sequences don't end where the block begins",
    ],
    [
      'too many bits',
      [1 << 3, 0x61, 1, 0x54, 1, 0, 0, 0x80],
      "the bits of the sequences don't end where the block begins",
    ],
    [
      'literals that are not there',
      [1 << 3, 0x61, 1, 0x54, 2, 0, 0, 1],
      'sequences use more literals than there are',
    ],
    [
      'a match before the start',
      [1 << 3, 0x61, 1, 0x54, 1, 2, 0, 0x07],
      'a match reaches back beyond the window or the start',
    ],
    [
      'more sequences than a block may give',
      [1 << 3, 0x61, 0xff, 0xff, 0xff, 0x54, 0, 0, 0, 1],
      'a block gives more than its frame allows',
    ],
  ])('a compressed block with %s', async (_, bytes, reason) => {
    const blocks = block({ content: Uint8Array.from(bytes), type: 2, last: true })
    expect(await outcomeOf(await frame({ content: hello, flags: 0, blocks }))).toBe(reason)
  })

  it('and says at which byte', async () => {
    const bytes = concat([skippable(hello), await frame({ content: hello, checksum: 1 })])
    await expect(collect(unzstd(bytes), { max })).rejects.toMatchObject({
      code: 'ZSTD_INVALID',
      data: { offset: bytes.length - 4 },
    })
  })
})

describe('unzstd is bounded', () => {
  it('by the window that a frame may ask for: 128 MiB, or what is given', async () => {
    const [fits, beyond] = [17 << 3, (17 << 3) | 1]
    expect(await outcomeOf(await frame({ content: hello, fields: [fits] }))).toBe('accepted')
    const refused = collect(unzstd(await frame({ content: hello, fields: [beyond] })), { max })
    await expect(refused).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      data: { limit: 'maxWindowSize', max: 2 ** 27, found: 2 ** 27 + 2 ** 24 },
    })
    const segment = await frame({ content: hello, flags: 0xa0, fields: [...little(2 ** 27 + 1, 4)] })
    expect(await outcomeOf(segment)).toBe('LIMIT_EXCEEDED')
    const given = await frame({ content: hello, fields: [0] })
    expect(await outcomeOf(given, { maxWindowSize: 1_024 })).toBe('accepted')
    expect(await outcomeOf(given, { maxWindowSize: 1_023 })).toBe('LIMIT_EXCEEDED')
  })

  it('gives 64 MiB of one byte in chunks of at most 1 MiB, lets timers run, and heeds an abort', async () => {
    const size = 64 * 1_048_576
    const blocks = concat(
      Array.from({ length: size / 131_072 }, (_, i) => repeated(131_072, i === size / 131_072 - 1)),
    )
    const bomb = await frame({ content: new Uint8Array(0), flags: 0, blocks })
    expect(bomb.length).toBeLessThan(size / 30_000)
    const expected = new Uint8Array(1_048_576).fill(0x61)
    let [total, largest, ticks] = [0, 0, 0]
    const timer = setInterval(() => ticks++, 1)
    for await (const chunk of unzstd(bomb)) {
      total += chunk.length
      largest = Math.max(largest, chunk.length)
      if (!equalBytes(chunk, expected.subarray(0, chunk.length))) throw new Error('other bytes')
    }
    clearInterval(timer)
    expect(total).toBe(size)
    expect(largest).toBeLessThanOrEqual(1_048_576)
    expect(ticks).toBeGreaterThan(3)

    const controller = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 5)
    const run = (async () => {
      for (;;) for await (const _ of unzstd(bomb, { signal: controller.signal }));
    })()
    await expect(run).rejects.toBe(reason)
  })

  it('heeds an abort also where nothing comes out', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const empty = concat([await frame({ content: new Uint8Array(0) }), skippable(new Uint8Array(0))])
    async function* source() {
      for (;;) yield empty
    }
    setTimeout(() => controller.abort(reason), 20)
    const run = collect(unzstd(source(), { signal: controller.signal }), { max })
    await expect(run).rejects.toBe(reason)
  })

  it('holds no more than has come, whatever the window', async () => {
    // A decoder that moves its whole window for each block takes minutes for these 40 KB.
    const blocks = concat(Array.from({ length: 10_000 }, (_, i) => repeated(1, i === 9_999)))
    const bytes = await frame({ content: new Uint8Array(10_000).fill(0x61), fields: [17 << 3], blocks })
    expect((await collect(unzstd(bytes), { max })).length).toBe(10_000)
  })

  it('gives chunks that stay as they are when more is read', async () => {
    const content = seeded(700_001, 1)
    const pieces: Uint8Array[] = []
    for (let at = 0; at < content.length; at += 1_024) {
      const piece = content.subarray(at, at + 1_024)
      pieces.push(block({ content: piece, last: at + 1_024 >= content.length }))
    }
    const chunks: Uint8Array[] = []
    const bytes = await frame({ content, fields: [0], blocks: concat(pieces) })
    for await (const chunk of unzstd(chunked(bytes, 50_000))) chunks.push(chunk)
    expect(chunks.length).toBeGreaterThan(2)
    expect(equalBytes(concat(chunks), content)).toBe(true)
  })

  it('gives the source back when its reader stops', async () => {
    let ended = false
    async function* source() {
      try {
        yield* chunked(concat(Array.from({ length: 500 }, () => packedText)), 10_000)
      } finally {
        ended = true
      }
    }
    for await (const _ of unzstd(source())) break
    await new Promise(resolve => setTimeout(resolve))
    expect(ended).toBe(true)
  })
})

describe('zstd()', () => {
  it('decodes layers of +zstd within its own window', async () => {
    const decoder = zstd({ maxWindowSize: 1_024 })
    expect(decoder).toMatchObject({ name: 'zstd', suffix: '+zstd' })
    const small = await frame({ content: hello, fields: [0] })
    expect(await collect(decoder.decode(chunked(small, 5)), { max })).toEqual(hello)
    const large = collect(decoder.decode(chunked(await frame({ content: hello }), 5)), { max })
    await expect(large).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 30 + 1])('refuses a window of %s at its door', async maxWindowSize => {
    expect(() => zstd({ maxWindowSize })).toThrow(RangeError)
    await expect(collect(unzstd(packedText, { maxWindowSize }), { max })).rejects.toThrow(RangeError)
  })
})
