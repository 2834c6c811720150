/** P14: the zstd command as a judge: of real files at all levels, and of mutated ones, which both take or both refuse. */

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { unzstd } from '../../../src/codec/zstd.ts'
import { isOciError } from '../../../src/errors.ts'
import { collect, concat, equalBytes } from '../../../src/streams.ts'
import { unchecked } from '../../fuzz/codecs.ts'
import { corpusOf } from '../../fuzz/corpus.ts'
import { chunked, noise, prng, seeded } from '../../golden/inputs.ts'
import { isLong, rounds, seed } from '../../setup/rounds.ts'
import { itWith, tool } from '../../setup/tools.ts'
import { Agreement } from './agreement.ts'
import { skippable } from './frames.ts'

const mutations = rounds({ short: 2_000, long: 100_000 })
const batch = 2_000
const timeout = isLong ? 7_200_000 : 300_000
const max = 2 ** 30
const random = prng(seed)
const folder = mkdtempSync(join(tmpdir(), 'ocidir-zstd-'))
afterAll(() => rmSync(folder, { recursive: true }))

const real = readFileSync(new URL('../../golden/apache-2.0.txt', import.meta.url))
const program = readFileSync(process.execPath).subarray(1_000_000, 1_400_000)

function packed(content: Uint8Array, ...args: readonly string[]): Uint8Array {
  return execFileSync(tool('zstd'), ['-c', '-q', ...args], { input: content, maxBuffer: max })
}

const ways: readonly (readonly string[])[] = [
  ['--fast=10'],
  ...[1, 2, 3, 5, 7, 10, 13, 16, 19].map(level => [`-${level}`]),
  ['--ultra', '-22', '--long=27'],
  ['-3', '--no-check'],
  ['-9', '-B65536', '-T2'],
  ['-12', '--zstd=wlog=10'],
]

itWith('reads what the zstd command writes, at all its levels', { tools: ['zstd'], timeout }, async () => {
  const inputs = [
    real,
    program,
    seeded(300_000, 5),
    noise(200_000, 6),
    new Uint8Array(300_000),
    new Uint8Array(0),
  ]
  for (const way of ways) {
    for (const input of inputs) {
      const found = await collect(unzstd(chunked(packed(input, ...way), 60_000)), { max })
      expect([way, input.length, equalBytes(found, input)]).toEqual([way, input.length, true])
    }
  }
})

/** Most without a checksum, which would hide what else is wrong. */
function seeds(): readonly Uint8Array[] {
  const bare = (content: Uint8Array, level: string): Uint8Array => packed(content, level, '--no-check')
  return [
    bare(real.subarray(0, 5_000), '-3'),
    packed(real.subarray(0, 5_000), '-19'),
    bare(program.subarray(0, 40_000), '-19'),
    bare(program.subarray(100_000, 160_000), '-1'),
    bare(program.subarray(0, 3_000), '-3'),
    bare(real.subarray(0, 600), '-3'),
    bare(real.subarray(0, 200), '-19'),
    bare(new Uint8Array(50_000), '-3'),
    bare(Buffer.alloc(30_000, '0123456789'), '-3'),
    concat([
      packed(real.subarray(0, 300), '-3'),
      skippable(noise(3, 1), 3),
      bare(real.subarray(300, 900), '-3'),
    ]),
    bare(program, '-19'),
    bare(real.subarray(0, 6_000), '--fast=5'),
  ]
}

function mutated(seed: Uint8Array): Uint8Array {
  const bytes = Buffer.from(seed)
  const at = random() % (random() % 2 === 0 ? Math.min(bytes.length, 80) : bytes.length)
  switch (random() % 8) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random() & 255), bytes.subarray(at)])
    case 2:
      // Cuts and junk are soon said: fewer of them.
      if (random() % 4 !== 0) return mutated(seed)
      return random() % 2 ? bytes.subarray(0, at) : Buffer.concat([bytes, noise(4, random())])
    case 3:
      bytes[at] = random() & 255
      return bytes
    default:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (random() & 7))
      return bytes
  }
}

async function ours(bytes: Uint8Array): Promise<Uint8Array | string> {
  try {
    return await collect(unzstd(chunked(bytes, 1 + (random() % 3_000))), { max })
  } catch (error) {
    if (isOciError(error, 'ZSTD_INVALID')) return error.data.reason
    if (isOciError(error, 'LIMIT_EXCEEDED') || isOciError(error, 'UNSUPPORTED')) return error.code
    throw error
  }
}

/** What the command makes of each file: its content, or nothing where it is refused. */
function theirs(files: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  for (const each of [from, to]) rmSync(each, { recursive: true, force: true })
  for (const each of [from, to]) mkdirSync(each)
  const paths = files.map((_, i) => join(from, `${i}.zst`))
  for (const [i, path] of paths.entries()) writeFileSync(path, files[i] as Uint8Array)
  const { error } = spawnSync(tool('zstd'), ['-dqf', '--output-dir-flat', to, ...paths], { stdio: 'ignore' })
  if (error) throw error
  return files.map((_, i) => (existsSync(join(to, `${i}`)) ? readFileSync(join(to, `${i}`)) : undefined))
}

/**
 * What the specification calls faulty and the command seldom lets pass: its fast way through four streams of literals takes
 * a last byte of 0, which has no end mark; and it reads from as far back as it still has bytes, whatever the window says.
 */
const seldom = ['a bit stream has no end mark', 'a match reaches back beyond the window or the start']

/**
 * What the specification calls faulty and the command lets pass, with bytes that mean nothing: it doesn't look whether
 * four streams of literals and (before 1.5.6) the sequences end where they should, nor (before 1.5.5) at reserved bits.
 */
const stricter = [
  ...seldom,
  "a stream of literals doesn't end where it should",
  "the bits of the sequences don't end where the block begins",
  'reserved bits of a block are set',
]

itWith(
  `P14: agrees with the zstd command on ${mutations} mutated files`,
  { tools: ['zstd'], timeout },
  async () => {
    const careful = new Agreement('P14: zstd against the zstd command', stricter)
    const careless = new Agreement(
      'P14: zstd against the zstd command, no checksum (broken on purpose)',
      stricter,
    )
    const kept = corpusOf('zstd')
    for (const [i, found] of theirs(kept).entries()) {
      const bytes = kept[i] as Uint8Array
      careful.add({ bytes, ours: await ours(bytes), theirs: found })
    }
    const originals = seeds()
    const before = theirs(originals)
    for (let done = 0; done < mutations; done += batch) {
      const files = Array.from({ length: batch }, (_, i) => {
        const once = mutated(originals[i % originals.length] as Uint8Array)
        return random() % 4 === 0 ? mutated(once) : once
      })
      for (const [i, found] of theirs(files).entries()) {
        const bytes = files[i] as Uint8Array
        const judged = { bytes, theirs: found, before: before[i % originals.length] }
        careful.add({ ...judged, ours: await ours(bytes) })
        if (done === 0 && i < 500) careless.add({ ...judged, ours: await ours(unchecked(bytes)) })
      }
    }
    const { losses, fired } = careful.report()
    expect(losses).toBe(0)
    expect(fired).toBeGreaterThan(mutations / 2)
    expect(careful.counts.accepted).toBeGreaterThan(mutations / 50)
    expect(careful.counts.refused).toBeGreaterThan(mutations / 2)
    expect(careful.counts.intended).toBeLessThan(mutations * 0.08)
    for (const reason of seldom)
      expect(careful.reasons.get(reason) ?? 0).toBeLessThanOrEqual(Math.ceil(mutations / 10_000))
    expect(careless.report().losses).toBeGreaterThan(0)
  },
)
