/** Compressors that are broken on purpose, and the proof that an encoder catches them. */

import { expect } from 'vitest'
import { type DeflateBlock, deflateBlock } from '../../../src/codec/deflate.ts'
import { type CanonicalDeflate, type EncoderParts, encodeGzip } from '../../../src/codec/encode.ts'
import { gunzip } from '../../../src/codec/gzip.ts'
import { storeBlock } from '../../../src/codec/stored.ts'
import { blockVerifier, type VerifyBlock } from '../../../src/codec/verify.ts'
import { ZlibBlocks } from '../../../src/codec/zlib/blocks.ts'
import { zlibModule } from '../../../src/codec/zlib/carried.ts'
import { isOciError } from '../../../src/errors.ts'
import type { NativeTools } from '../../../src/storage.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { chunked, prng, seeded } from '../../golden/inputs.ts'

const max = 2 ** 30
const random = prng(260)

/** What a broken deflate may do to a block that came out right. */
export const faults: Readonly<Record<string, (right: DeflateBlock) => DeflateBlock>> = {
  'flips a bit': right => (block, options) => {
    const out = right(block, options).slice()
    const at = random() % out.length
    out[at] = (out[at] ?? 0) ^ (1 << (random() & 7))
    return out
  },
  'drops the last byte': right => (block, options) => right(block, options).slice(0, -1),
  'adds a byte': right => (block, options) => {
    const out = right(block, options)
    const longer = new Uint8Array(out.length + 1)
    longer.set(out)
    return longer
  },
  'ends the stream early, or never': right => (block, options) =>
    right(block, { ...options, last: !options.last }),
  'forgets the sync marker': right => (block, options) =>
    options.last ? right(block, options).slice(0, -2) : right(block, options).slice(0, -4),
  'takes another dictionary': right => (block, options) =>
    right(block, { ...options, dictionary: seeded(32_768, 77) }),
  'loses a byte of input': right => (block, options) => right(block.subarray(0, -1), options),
}

/** What deflates, unbroken. */
export const compressors: Readonly<Record<CanonicalDeflate, () => Promise<DeflateBlock>>> = {
  fflate: async () => deflateBlock,
  async zlib() {
    const zlib = await ZlibBlocks.of(await zlibModule())
    return (block, { level, last }) =>
      level === 0 ? storeBlock(block, last) : zlib.deflate(block, { level, last }).slice()
  },
}

/** What checks. */
export const checkers = {
  /** By zlib's WebAssembly, as everywhere but in Node. */
  zlib: {},
  /** By our own inflater, as without WebAssembly. */
  ours: { verify: blockVerifier() },
} as const

interface Outcome {
  caught: number
  lost: number
}

async function attempt(parts: EncoderParts, input: Uint8Array, outcome: Outcome): Promise<void> {
  let gz: Uint8Array
  try {
    gz = await collect(encodeGzip(chunked(input, 100_000), parts), { max })
  } catch (error) {
    if (!isOciError(error, 'DEFLATE_UNVERIFIED')) throw error
    outcome.caught++
    return
  }
  const same = await collect(gunzip(gz), { max }).then(
    found => equalBytes(found, input),
    () => false,
  )
  if (!same) outcome.lost++
}

interface Proof {
  readonly by?: CanonicalDeflate
  readonly native?: NativeTools
  readonly verify?: VerifyBlock
}

/** Runs an encoder with one fault: all that fire are caught; the same without the check gets through. */
export async function proveCaught(name: string, { by = 'fflate', ...checker }: Proof): Promise<void> {
  const fault = faults[name]
  if (fault === undefined) throw new Error(`no fault ${name}`)
  const right = await compressors[by]()
  const attempts = 24
  const verified: Outcome = { caught: 0, lost: 0 }
  const unverified: Outcome = { caught: 0, lost: 0 }
  for (let i = 0; i < attempts; i++) {
    const input = seeded(i % 3 === 0 ? 5_000 + i : 300_000 + i, i)
    const parts = { level: ([1, 6, 0] as const)[i % 3] ?? 6, by, deflate: fault(right) }
    await attempt({ ...parts, ...checker }, input, verified)
    if (i < 6) await attempt({ ...parts, verify: () => {} }, input, unverified)
  }
  const fired = verified.caught + verified.lost
  const without = `unchecked ${unverified.lost} of 6 lost`
  console.log(`${by} ${name}: ${attempts} attempts, ${fired} fired, ${verified.lost} lost; ${without}`)
  expect(fired).toBeGreaterThan(attempts / 2)
  expect(verified.lost).toBe(0)
  expect(unverified.caught).toBe(0)
  expect(unverified.lost, 'without the check these faults get through').toBeGreaterThan(0)
}
