/** Mutated gzip files: we and zlib must agree on which are valid, and on their bytes. */

import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { gunzip, gzip } from '../../../src/codec/gzip.ts'
import { isOciError } from '../../../src/errors.ts'
import { collect, concat } from '../../../src/streams.ts'
import { chunked, noise, prng, seeded } from '../../golden/inputs.ts'
import { isLong } from '../../setup/rounds.ts'
import { ascii, member } from './members.ts'

const mutations = isLong ? 100_000 : 3_000
const max = 2 ** 30
const random = prng(1_952)

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

async function ours(gz: Uint8Array): Promise<Uint8Array | string> {
  try {
    return await collect(gunzip(chunked(gz, 1 + (random() % 2_000))), { max })
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

it(`agrees with zlib on ${mutations} mutated files`, { timeout: isLong ? 3_600_000 : 60_000 }, async () => {
  const originals = await seeds()
  const counts = { accepted: 0, refused: 0, intended: 0 }
  const disagreements: string[] = []
  for (let i = 0; i < mutations; i++) {
    let gz = mutated(originals[i % originals.length] ?? new Uint8Array(0))
    if (random() % 4 === 0) gz = mutated(gz)
    const [found, expected] = [await ours(gz), zlibs(gz)]
    if (typeof found !== 'string' && expected !== undefined && Buffer.from(found).equals(expected)) {
      counts.accepted++
    } else if (typeof found === 'string' && expected === undefined) counts.refused++
    // Node stops at the first zero behind a member and drops what follows; we don't lose data silently.
    else if (found === 'other bytes than zeros follow the end') counts.intended++
    else disagreements.push(`${found} ${expected?.length} ${Buffer.from(gz).toString('hex')}`)
  }
  console.log(`mutations: ${mutations}, ${JSON.stringify(counts)}, ${disagreements.length} disagreements`)
  expect(disagreements).toEqual([])
  expect(counts.accepted).toBeGreaterThan(mutations / 100)
  expect(counts.refused).toBeGreaterThan(mutations / 2)
})
