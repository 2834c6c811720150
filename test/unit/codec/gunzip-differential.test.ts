/** P14: of mutated gzip files we and zlib take the same ones, with the same bytes. */

import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { gunzipBy } from '../../../src/codec/gunzip.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import type { RawInflater } from '../../../src/codec/inflate.ts'
import { isOciError } from '../../../src/errors.ts'
import { collect, concat } from '../../../src/streams.ts'
import { uncheckedContent } from '../../fuzz/codecs.ts'
import { corpusOf } from '../../fuzz/corpus.ts'
import { chunked, noise, prng, seeded } from '../../golden/inputs.ts'
import { isLong, rounds, seed } from '../../setup/rounds.ts'
import { Agreement } from './agreement.ts'
import { inflaters } from './inflaters.ts'
import { ascii, member } from './members.ts'

const mutations = rounds({ short: 3_000, long: 100_000 })
const max = 2 ** 30
const random = prng(seed)

async function seeds(): Promise<Uint8Array[]> {
  const text = seeded(2_500, 9)
  const own = await collect(gzip({ level: 6 }).encode(chunked(text, 100)), { max })
  const fields = concat([Uint8Array.of(3, 0, 1, 2, 3), ascii('name\0'), ascii('comment\0')])
  const headed = await member({ content: ascii('a header with all of its fields'), flags: 0x1f, fields })
  return [
    own,
    headed,
    gzipSync(text),
    gzipSync(text, { level: 0 }),
    gzipSync(ascii('fixed codes, fixed codes, fixed codes'), { strategy: constants.Z_FIXED }),
    gzipSync(noise(700, 2), { strategy: constants.Z_HUFFMAN_ONLY }),
    gzipSync(new Uint8Array(40_000)),
    concat([gzipSync(ascii('one')), headed, gzipSync(ascii('three'))]),
    concat([gzipSync(ascii('padded')), new Uint8Array(20)]),
  ]
}

function mutated(seed: Uint8Array): Uint8Array {
  const bytes = Buffer.from(seed)
  // Headers and block beginnings hold most of the rules: every second mutation goes there.
  const at = random() % (random() % 2 === 0 ? Math.min(bytes.length, 60) : bytes.length)
  switch (random() % 6) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random() & 255), bytes.subarray(at)])
    case 2:
      return bytes.subarray(0, at)
    case 3:
      return Buffer.concat([bytes, Buffer.from(noise(1 + (random() % 12), random()))])
    case 4:
      bytes[at] = random() & 255
      return bytes
    default:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (random() & 7))
      return bytes
  }
}

function ours(gz: Uint8Array, inflater: () => Promise<RawInflater>): Promise<Uint8Array | string> {
  return outcomeOf(() => collect(gunzipBy(inflater, chunked(gz, 1 + (random() % 2_000))), { max }))
}

async function outcomeOf(read: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array | string> {
  try {
    return await read()
  } catch (error) {
    if (isOciError(error, 'GZIP_INVALID')) return error.data.reason
    throw error
  }
}

function zlibs(gz: Uint8Array): Uint8Array | undefined {
  try {
    return gunzipSync(gz)
  } catch {
    return undefined
  }
}

// Node stops at the first zero behind a member and drops what follows; we don't lose data silently.
const intended = ['other bytes than zeros follow the end']

it.each([
  ['', inflaters.ours],
  [" by zlib's WebAssembly", inflaters.zlib],
] as const)(
  `P14: gzip%s agrees with node:zlib on ${mutations} mutated files`,
  {
    timeout: isLong ? 3_600_000 : 300_000,
  },
  async (by, inflater) => {
    const name = `P14: gzip${by} against node:zlib`
    const careful = new Agreement(name, intended)
    const careless = new Agreement(`${name}, no CRC-32, no size (broken on purpose)`, intended)
    const kept = corpusOf('gzip')
    for (const bytes of kept) careful.add({ bytes, ours: await ours(bytes, inflater), theirs: zlibs(bytes) })
    const originals = await seeds()
    const before = originals.map(zlibs)
    for (let i = 0; i < mutations; i++) {
      let bytes = mutated(originals[i % originals.length] ?? new Uint8Array(0))
      if (random() % 4 === 0) bytes = mutated(bytes)
      const judged = { bytes, theirs: zlibs(bytes), before: before[i % originals.length] }
      careful.add({ ...judged, ours: await ours(bytes, inflater) })
      if (i < 500) careless.add({ ...judged, ours: await outcomeOf(() => uncheckedContent(bytes)) })
    }
    const { losses, fired } = careful.report()
    expect(losses).toBe(0)
    expect(fired).toBeGreaterThan(mutations / 2)
    expect(careful.counts.accepted).toBeGreaterThan(mutations / 100)
    expect(careful.counts.refused).toBeGreaterThan(mutations / 2)
    expect(careful.counts.intended).toBeLessThan(kept.length + mutations * 0.06)
    expect(careless.report().losses).toBeGreaterThan(0)
  },
)
