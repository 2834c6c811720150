/** Thousands of slices of real files, since noise never shows fflate's faults; zlib judges. */

import { constants, deflateRawSync, gunzipSync, inflateRawSync } from 'node:zlib'
import { Deflate } from 'fflate'
import { expect, it } from 'vitest'
import { type DeflateLevel, gzip } from '../../../src/codec/gzip.ts'
import type { RawInflater } from '../../../src/codec/inflate.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, prng } from '../../golden/inputs.ts'
import { isLong } from '../../setup/rounds.ts'
import { inflaters } from './inflaters.ts'
import { native } from './native.ts'
import { files, slice } from './slices.ts'

const max = 2 ** 31
const random = prng(1_951)

const plans: readonly { size: number; counts: Readonly<Partial<Record<DeflateLevel, number>>> }[] = [
  { size: 20, counts: { 1: 100, 6: 200, 9: 100 } },
  { size: 300, counts: { 1: 200, 6: 300, 9: 200 } },
  { size: 4_096, counts: { 1: 600, 6: 1_200, 9: 300 } },
  { size: 33_000, counts: { 1: 60, 6: 100, 9: 20 } },
  { size: 65_536, counts: { 1: 40, 6: 60, 9: 10 } },
  { size: 262_145, counts: { 1: 12, 6: 16, 9: 3 } },
  { size: 900_000, counts: { 1: 4, 6: 5, 9: 1 } },
]

it.each(['fflate', 'zlib'] as const)(
  'encodes slices of real files by %s so that zlib gives them back',
  {
    timeout: isLong ? 3_600_000 : 120_000,
  },
  async deflate => {
    let slices = 0
    let bytes = 0
    let wrong = 0
    for (const { size, counts } of plans) {
      for (const [level, count] of Object.entries(counts)) {
        const codec = gzip({ level: Number(level) as DeflateLevel, deflate })
        for (let i = 0; i < count * (isLong ? 30 : 1); i++) {
          const input = slice(size, random)
          const gz = await collect(codec.encode(chunked(input, 70_000), i % 2 ? { native } : {}), { max })
          if (!gunzipSync(gz).equals(input)) wrong++
          slices++
          bytes += input.length
        }
      }
    }
    console.log(
      `real slices by ${deflate}: ${files.length} files, ${slices} slices, ${bytes} bytes, ${wrong} wrong`,
    )
    expect(files.length).toBeGreaterThan(40)
    expect(slices).toBeGreaterThanOrEqual(3_000)
    expect(wrong).toBe(0)
  },
)

it('would notice the faults of fflate’s streaming class in the same slices', () => {
  let wrong = 0
  const slices = 1_000
  for (let i = 0; i < slices; i++) {
    const input = slice(4_096, random)
    const chunks: Uint8Array[] = []
    new Deflate({ level: 6, mem: 4 }, chunk => chunks.push(chunk)).push(input, true)
    try {
      if (!inflateRawSync(Buffer.concat(chunks)).equals(input)) wrong++
    } catch {
      wrong++
    }
  }
  console.log(`fflate's own stream: ${slices} slices, ${wrong} wrong`)
  expect(wrong).toBeGreaterThan(0)
})

it.each(Object.entries(inflaters))(
  'inflates by %s what zlib deflates, by every strategy and level, in pieces of any size',
  async (_, create) => {
    const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = constants
    const strategies = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE]
    const inflater = await create()
    let runs = 0
    for (const strategy of strategies) {
      for (const level of [0, 1, 6, 9]) {
        for (const size of [1, 50, 3_000, 70_000, 600_000]) {
          const input = slice(size, random)
          const options = { strategy, level, memLevel: 1 + (random() % 9) }
          const tail = Buffer.from('behind the end')
          const deflated = Buffer.concat([deflateRawSync(input, options), tail])
          const step = size < 5_000 ? 1 + (random() % 40) : 1 + (random() % 200_000)
          const found = inflated(inflater, deflated, step)
          expect(found.bytes.equals(input), `strategy ${strategy}, level ${level}, ${size} bytes`).toBe(true)
          expect(found.rest).toBe(tail.length)
          runs++
        }
      }
    }
    inflater.end()
    expect(runs).toBe(100)
  },
)

function inflated(
  inflater: RawInflater,
  deflated: Uint8Array,
  step: number,
): { bytes: Buffer; rest: number } {
  const chunks: Uint8Array[] = []
  let taken = 0
  inflater.reset()
  while (!inflater.ended && taken < deflated.length) {
    const pieces = inflater.push(deflated.subarray(taken, taken + step))
    let next = pieces.next()
    for (; !next.done; next = pieces.next()) chunks.push(next.value)
    taken += next.value
  }
  return { bytes: Buffer.concat(chunks), rest: deflated.length - taken }
}
