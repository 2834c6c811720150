/** P14: whichever inflater is at hand, gunzip takes the same files, with the same bytes, and refuses the others alike. */

import { deflateSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { gunzipBy } from '../../../src/codec/gunzip.ts'
import { gunzip, gzip } from '../../../src/codec/gzip.ts'
import { Inflater, type RawInflater } from '../../../src/codec/inflate.ts'
import { createInflater } from '../../../src/codec/inflaters.ts'
import { storeBlock } from '../../../src/codec/stored.ts'
import { ZlibBlocks } from '../../../src/codec/zlib/blocks.ts'
import { zlibModule } from '../../../src/codec/zlib/carried.ts'
import { ZlibInflater } from '../../../src/codec/zlib/inflater.ts'
import { collect, concat, equalBytes } from '../../../src/streams.ts'
import { gzipTarget } from '../../fuzz/codecs.ts'
import { corpusOf } from '../../fuzz/corpus.ts'
import { mutate } from '../../fuzz/mutate.ts'
import { chunked, noise, prng, seeded } from '../../golden/inputs.ts'
import { isLong, rounds, seed } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'
import { lots } from '../../suites/seeded-bytes.ts'
import { type Gunzipped, gunzipped, inflaters, offsetBound } from './inflaters.ts'
import { ascii, member } from './members.ts'

const max = 2 ** 30
const mutants = rounds({ short: 6_000, long: 300_000 })

/** Deflate data of all kinds of blocks, by three compressors. */
async function streams(): Promise<
  readonly { readonly content: Uint8Array; readonly deflated: Uint8Array }[]
> {
  const zlib = await ZlibBlocks.of(await zlibModule())
  const contents = [
    new Uint8Array(0),
    ascii('fixed codes, fixed codes, fixed codes'),
    seeded(3_000, 1),
    noise(70_000, 2),
    seeded(300_000, 3),
    new Uint8Array(1_000_000),
  ]
  return contents.flatMap(content => [
    { content, deflated: storeBlock(content, true) },
    { content, deflated: deflateSync(content, { level: 6, mem: 4 }) },
    ...[1, 6, 9].map(level => ({
      content,
      deflated: zlib.deflate(content, { level, last: true }).slice(),
    })),
  ])
}

/** Pushes pieces of any size, and says what came of it. */
function pushed(inflater: RawInflater, bytes: Uint8Array, size: () => number) {
  const chunks: Uint8Array[] = []
  let taken = 0
  inflater.reset()
  for (let at = 0; at < bytes.length && !inflater.ended; ) {
    const piece = bytes.subarray(at, at + size())
    at += piece.length
    const pieces = inflater.push(piece)
    let next = pieces.next()
    for (; !next.done; next = pieces.next()) chunks.push(next.value)
    taken += next.value
  }
  const largest = Math.max(0, ...chunks.map(({ length }) => length))
  return { content: concat(chunks), largest, taken, offset: inflater.offset, ended: inflater.ended }
}

describe.each(Object.entries(inflaters))('the inflater: %s', (_, create) => {
  it('gives what went in, in pieces of any size, and leaves what is behind the end', async () => {
    const inflater = await create()
    const random = prng(seed)
    const junk = noise(90_000, 5)
    for (const { content, deflated } of await streams()) {
      for (const most of [3, 40, 5_000, 300_000]) {
        if (most === 3 && deflated.length > 10_000) continue
        const found = pushed(inflater, concat([deflated, junk]), () => 1 + (random() % most))
        expect(equalBytes(found.content, content)).toBe(true)
        expect(found).toMatchObject({ taken: deflated.length, offset: deflated.length, ended: true })
        expect(found.largest).toBeLessThanOrEqual(262_144)
      }
    }
    inflater.end()
  })

  it('has not ended where the data are cut, and takes all of them', async () => {
    const inflater = await create()
    const deflated = deflateSync(seeded(2_000, 4), { level: 6, mem: 4 })
    const lengths = Array.from({ length: deflated.length }, (_, i) => i)
    for (const length of lengths) {
      const found = pushed(inflater, deflated.subarray(0, length), () => 100)
      expect(found).toMatchObject({ taken: length, ended: false })
    }
    inflater.end()
  })

  it('keeps several streams apart, also amid their chunks', async () => {
    const random = prng(seed)
    const count = 24
    const contents = Array.from({ length: count }, (_, i) => seeded(200_000 + i * 40_000, i))
    const gzs = await Promise.all(
      contents.map(content => collect(gzip({ level: 1 }).encode(chunked(content, 99_999)), { max })),
    )
    const readers = gzs.map(gz => gunzipBy(create, chunked(gz, 1 + (random() % 100_000))))
    const given = contents.map(() => [] as Uint8Array[])
    const open = new Set(readers.keys())
    while (open.size > 0) {
      const at = [...open][random() % open.size] as number
      const next = await readers[at]?.next()
      if (next?.done) open.delete(at)
      else if (next !== undefined) given[at]?.push(next.value)
    }
    expect(
      given.map(chunks => concat(chunks)).every((found, i) => equalBytes(found, contents[i] as Uint8Array)),
    ).toBe(true)
  })

  it.each([
    ['read to its end', async () => {}, 0],
    ['left early', async () => 'break' as const, 0],
    ['refused', async () => {}, 1],
    ['failing', async () => Promise.reject(new Error('reader gone')), 0],
  ])('is ended once by a gunzip that is %s', async (_, onChunk, flips) => {
    let [made, ended] = [0, 0]
    const watched = async (): Promise<RawInflater> => {
      const inflater = await create()
      made++
      const end = inflater.end.bind(inflater)
      inflater.end = () => {
        ended++
        end()
      }
      return inflater
    }
    const gz = (await member({ content: seeded(600_000, 1) })).slice()
    gz[gz.length - 8] = (gz[gz.length - 8] as number) ^ flips
    const run = (async () => {
      for await (const _ of gunzipBy(watched, chunked(gz, 50_000))) if ((await onChunk()) === 'break') break
    })()
    await run.catch(() => {})
    expect([made, ended]).toEqual([1, 1])
  })
})

describe("zlib's inflater", () => {
  it('gives its memory back, whether its stream was read to the end or not', async () => {
    const [content] = [seeded(40_000, 1)]
    const zlib = await ZlibBlocks.of(await zlibModule())
    const deflated = zlib.deflate(content, { level: 6, last: true }).slice()
    const invalid = Uint8Array.of(7)
    // A tenth of it that stayed would fill the instance's 16 MB.
    for (let i = 0; i < 4_000; i++) {
      const inflater = await ZlibInflater.create()
      inflater.reset()
      if (i % 4 === 3) expect(() => [...inflater.push(invalid)]).toThrow('type 3')
      else if (i % 4 === 2) inflater.push(deflated).next()
      else [...inflater.push(i % 4 === 1 ? deflated.subarray(0, 4_000) : deflated)]
      inflater.end()
      if (i % 7 === 0) inflater.end()
    }
    const last = await ZlibInflater.create()
    expect(equalBytes(pushed(last, deflated, () => 1_000).content, content)).toBe(true)
    last.end()
  })

  it('gives way to ours beyond so many streams at once, and comes back', async () => {
    const content = seeded(500_000, 2)
    const gz = await collect(gzip({ level: 1 }).encode(chunked(content, 99_999)), { max })
    const open = Array.from({ length: 300 }, () => gunzip(chunked(gz, 30_000)))
    // All are amid their streams, each with a window of its own.
    const begun = await Promise.all(open.map(async reader => (await reader.next()).value as Uint8Array))
    const other = await createInflater()
    expect(other).toBeInstanceOf(Inflater)
    await expect(ZlibInflater.create()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    for (const [i, reader] of open.entries()) {
      const whole = concat([begun[i] as Uint8Array, await collect(reader, { max })])
      expect(equalBytes(whole, content)).toBe(true)
    }
    const again = await createInflater()
    expect(again).toBeInstanceOf(ZlibInflater)
    again.end()
  })
})

/** What differs between two inflaters' readings of a file. */
function difference(ours: Gunzipped, other: Gunzipped): string | undefined {
  if (ours.reason !== other.reason) return `${ours.reason} | ${other.reason}`
  if (!equalBytes(ours.content, other.content))
    return `${ours.content.length} | ${other.content.length} bytes`
  const further = other.offset - ours.offset
  return further < 0 || further > offsetBound ? `at ${ours.offset} | ${other.offset}` : undefined
}

/** An inflater as it was before: what comes before a fault is kept back. */
async function withholding(): Promise<RawInflater> {
  const inflater = new Inflater()
  const push = inflater.push.bind(inflater)
  inflater.push = function* (input) {
    const chunks: Uint8Array[] = []
    const pieces = push(input)
    let next = pieces.next()
    for (; !next.done; next = pieces.next()) chunks.push(next.value)
    yield* chunks
    return next.value
  }
  return inflater
}

it(`P14: the inflaters agree on ${mutants} mutated files: bytes, reasons, and nearly the place`, {
  timeout: isLong ? 3_600_000 : 300_000,
}, async () => {
  const tally = new Tally("P14: gunzip by zlib's inflater against ours")
  const broken = new Tally(
    'P14: gunzip by an inflater that keeps back what comes before a fault (broken on purpose)',
  )
  const below = lots(seed)
  const own = await Promise.all((await streams()).slice(0, 15).map(parts => member({ ...parts })))
  const seeds = [...(await gzipTarget.seeds()), ...own, concat(own.slice(5, 9))].filter(
    ({ length }) => length < 8_000,
  )
  const reasons = new Map<string, number>()
  let furthest = 0
  const kept = corpusOf('gzip')
  for (let i = 0; i < kept.length + mutants; i++) {
    const bytes = kept[i] ?? mutate(seeds, gzipTarget.format, below).bytes
    const size = 1 + below(2_000)
    const ours = await gunzipped(inflaters.ours, chunked(bytes, size))
    const zlib = await gunzipped(inflaters.zlib, chunked(bytes, size))
    const fault = difference(ours, zlib)
    tally.attempts++
    if (ours.reason !== undefined) tally.fired++
    if (fault !== undefined && ++tally.losses <= 5)
      console.log(`# ${fault} (seed ${seed})\n${btoa(String.fromCharCode(...bytes))}`)
    reasons.set(ours.reason ?? 'accepted', (reasons.get(ours.reason ?? 'accepted') ?? 0) + 1)
    furthest = Math.max(furthest, zlib.offset - ours.offset)
    if (i >= 1_000) continue
    broken.attempts++
    if (ours.reason !== undefined) broken.fired++
    if (difference(ours, await gunzipped(withholding, chunked(bytes, size)))) broken.losses++
  }
  console.log(`inflaters: zlib's is at the most ${furthest} bytes further; ${JSON.stringify([...reasons])}`)
  expect(tally.report().losses).toBe(0)
  expect(tally.fired).toBeGreaterThan(mutants / 4)
  expect(reasons.get('accepted') ?? 0).toBeGreaterThan(mutants / 20)
  // All that an inflater can complain of has been met.
  const complaints = [...reasons.keys()].filter(reason => /block|literal|distance|match/.test(reason))
  expect(complaints.length).toBeGreaterThanOrEqual(9)
  expect(broken.report().losses).toBeGreaterThan(0)
})
