/** Zstd encoders that are broken on purpose: what they make is caught before it is passed on. */

import { expect, it } from 'vitest'
import type { CompressZstd } from '../../../src/codec/zstd/blocks.ts'
import { encodeZstd, type ZstdEncoderOptions } from '../../../src/codec/zstd/encode.ts'
import { unzstd } from '../../../src/codec/zstd.ts'
import { isOciError } from '../../../src/errors.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { chunked, prng, seeded } from '../../golden/inputs.ts'

const max = 2 ** 30
const random = prng(8_878)

const faults: Readonly<Record<string, CompressZstd>> = {
  'flips a bit': (zstd, { block, level }) => {
    const length = zstd.compress(block, level)
    // Behind the header: what that says is looked at by everybody.
    const frame = zstd.frame(length).subarray(Math.min(12, length - 1))
    const at = random() % frame.length
    frame[at] = (frame[at] as number) ^ (1 << (random() & 7))
    return length
  },
  'drops the last byte': (zstd, { block, level }) => zstd.compress(block, level) - 1,
  'adds a byte': (zstd, { block, level }) => zstd.compress(block, level) + 1,
  'loses a byte of input': (zstd, { block, level }) => zstd.compress(block.subarray(0, -1), level),
  'compresses another block': (zstd, { block, level }) => zstd.compress(seeded(block.length, 99), level),
  'makes nothing': () => 0,
}

async function attempt(input: Uint8Array, options: ZstdEncoderOptions): Promise<'caught' | 'lost' | 'whole'> {
  let zst: Uint8Array
  try {
    zst = await collect(encodeZstd(chunked(input, 100_000), options), { max })
  } catch (error) {
    if (isOciError(error, 'DEFLATE_UNVERIFIED')) return 'caught'
    throw error
  }
  const found = await collect(unzstd(zst), { max }).catch(() => undefined)
  return found !== undefined && equalBytes(found, input) ? 'whole' : 'lost'
}

it.each(Object.entries(faults))('is caught when it %s', async (name, compress) => {
  const verified = { caught: 0, lost: 0, whole: 0 }
  const unverified = { caught: 0, lost: 0, whole: 0 }
  const attempts = 24
  for (let i = 0; i < attempts; i++) {
    const input = seeded(i % 3 === 0 ? 2_100_000 + i : 30_000 + i, i)
    const options = { level: [1, 3, 9][i % 3] ?? 3, compress }
    verified[await attempt(input, options)]++
    // As a page would get it if nobody looked.
    const made = attempt(input, { ...options, verify: () => true })
    unverified[await made.catch(() => 'lost' as const)]++
  }
  console.log(
    `zstd ${name}: ${attempts} attempts, ${verified.caught} caught; unchecked ${unverified.lost} lost`,
  )
  expect(verified.caught).toBeGreaterThan(attempts / 2)
  expect(verified.lost).toBe(0)
  expect(unverified.caught).toBe(0)
  expect(unverified.lost, 'without the check these faults get through').toBeGreaterThan(attempts / 2)
})

it('is told by the number of the frame, with the cause', async () => {
  const compress: CompressZstd = (zstd, { block, level, last }) => {
    const length = zstd.compress(block, level)
    if (last) zstd.frame(length).fill(7)
    return length
  }
  const run = collect(encodeZstd(chunked(seeded(5_000_000, 1), 99_999), { level: 1, compress }), { max })
  await expect(run).rejects.toMatchObject({
    code: 'DEFLATE_UNVERIFIED',
    data: { block: 2 },
    cause: expect.objectContaining({ message: expect.stringContaining('zstd answered') }),
  })
})
