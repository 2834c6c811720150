import { expect, it } from 'vitest'
import { isOciError } from '../../../src/errors.ts'
import { concat } from '../../../src/streams.ts'
import { writeTar } from '../../../src/tar/index.ts'
import { randomEntries } from './random.ts'
import { bytesOf, gnuMagic, inChunks, member, pax, readAll, seeded, tar } from './samples.ts'

const mutations = 6000
const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`

/** Tars with something of everything, small so that a mutation hits something that matters. */
async function corpus(): Promise<Uint8Array[]> {
  const at = { 386: octal(0) + octal(3) + octal(1024) + octal(2), 483: octal(4000) }
  const sparse = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.realsize', '900'],
  ] as const
  return [
    await bytesOf(writeTar(randomEntries(1, 6))),
    await bytesOf(writeTar(randomEntries(2, 6))),
    tar(member({ type: 'L', magic: gnuMagic }, `${'n'.repeat(200)}\0`), member({ magic: gnuMagic }, 'x')),
    tar(member({ type: 'S', magic: gnuMagic, at }, 'abcde')),
    tar(pax(sparse), member({}, `${'2\n1\n2\n600\n3\n'.padEnd(512, '\0')}abcde`)),
    tar(
      pax([
        ['GNU.sparse.size', '90'],
        ['GNU.sparse.map', '1,2,60,3'],
      ]),
      member({}, 'abcde'),
    ),
    tar(
      pax(
        [
          ['comment', 'x'],
          ['uid', '5'],
        ],
        'g',
      ),
      pax([['mtime', '-1.5']]),
      member({ type: '1' }, 'body'),
    ),
  ]
}

/** Some bytes changed, a block removed, doubled or moved; then, mostly, checksums made right again. */
function mutated(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  let copy: Uint8Array = bytes.slice()
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(copy.length)
    const block = at - (at % 512)
    const kind = below(9)
    if (kind === 0) copy = copy.slice(0, at)
    else if (kind === 1) copy = concat([copy.subarray(0, block), copy.subarray(block + 512)])
    else if (kind === 2) copy = concat([copy.subarray(0, at), copy.subarray(block)])
    else if (kind === 3) copy[block + (below(2) === 0 ? 124 + below(12) : 156)] = 0x30 + below(80)
    else if (kind === 4) nextDigit(copy, at, below(10))
    else copy[at] = below(2) === 0 ? below(256) : (copy[at] ?? 0) ^ (1 << below(8))
    if (copy.length === 0) return copy
  }
  if (below(5) > 0) for (let at = 0; at + 512 <= copy.length; at += 512) mend(copy.subarray(at, at + 512))
  return copy
}

/** Makes another number of the next one: a claim that is wrong but well-formed. */
function nextDigit(bytes: Uint8Array, from: number, digit: number): void {
  const at = bytes.findIndex((byte, index) => index >= from && byte > 0x30 && byte <= 0x39)
  if (at >= 0) bytes[at] = 0x30 + digit
}

/** A mutation that only breaks a checksum teaches nothing. */
function mend(block: Uint8Array): void {
  if (block[257] !== 0x75) return
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
}

it('answers any mutation with entries or an OciError, the same from chunks of any size, and soon', async () => {
  const below = seeded(42)
  const seeds = await corpus()
  const limits = { maxSparseSize: 1 << 20 }
  const codes = new Map<string, number>()
  let slowest = 0
  for (let i = 0; i < mutations; i++) {
    const bytes = mutated(seeds[i % seeds.length] ?? new Uint8Array(), below)
    const start = performance.now()
    const whole = await readAll(bytes, { limits }).catch(error => error)
    slowest = Math.max(slowest, performance.now() - start)
    const code = isOciError(whole) ? whole.code : Array.isArray(whole) ? 'entries' : String(whole)
    codes.set(code, (codes.get(code) ?? 0) + 1)
    if (i % 10 > 0) continue
    const pieces = await readAll(inChunks(bytes, 1 + below(600)), { limits }).catch(error => error)
    expect(pieces, `mutation ${i}`).toEqual(whole)
  }
  console.log(`tar mutations: ${JSON.stringify(Object.fromEntries(codes))}, slowest ${slowest.toFixed(1)} ms`)
  expect([...codes.keys()].sort()).toEqual(['LIMIT_EXCEEDED', 'TAR_INVALID', 'UNSUPPORTED', 'entries'])
  expect(codes.get('entries')).toBeGreaterThan(mutations / 10)
  expect(codes.get('TAR_INVALID')).toBeGreaterThan(mutations / 10)
  expect(slowest).toBeLessThan(1000)
})
