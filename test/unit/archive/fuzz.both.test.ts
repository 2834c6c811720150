import { expect, it } from 'vitest'
import { archive } from '../../../src/archive/index.ts'
import { isOciError } from '../../../src/errors.ts'
import type { LayoutPath } from '../../../src/storage.ts'
import { concat, equalBytes } from '../../../src/streams.ts'
import { readTar, writeTar } from '../../../src/tar/index.ts'
import { rounds } from '../../setup/rounds.ts'
import { randomEntries } from '../tar/random.ts'
import { bytesOf, gnuMagic, member, pax, seeded, tar } from '../tar/samples.ts'
import { listed, membersOf } from './samples.ts'

const mutations = rounds({ short: 2000, long: 20_000 })

/** Archives with something of everything, small so that a mutation hits something that matters. */
async function corpus(): Promise<Uint8Array[]> {
  const small = new Map([
    ['oci-layout', new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}')],
    ['index.json', new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}')],
    ['blobs/sha256/aa', new Uint8Array(700).fill(0x61)],
  ])
  const long = `blobs/sha256/${'c'.repeat(120)}`
  return [
    tar(...membersOf(small)),
    tar(...membersOf(small, path => `./layout/${path}`), member({ name: 'readme' }, 'x')),
    tar(
      ...membersOf(small),
      member({ name: 'blobs/sha256/bb', type: '1', linkname: 'blobs/sha256/aa' }),
      member({ name: 'blobs/sha256/dd', type: '2', linkname: 'bb' }),
      member({ name: 'index.json' }, '{}'),
    ),
    tar(pax([['path', long]]), member({}, 'by pax'), ...membersOf(small)),
    tar(
      member({ type: 'L', magic: gnuMagic }, `${long}\0`),
      member({ magic: gnuMagic }, 'by GNU'),
      ...membersOf(small),
    ),
    concat([...membersOf(small), await bytesOf(writeTar(randomEntries(3, 4)))]),
  ]
}

function mutated(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  let copy: Uint8Array = bytes.slice()
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(copy.length)
    const block = at - (at % 512)
    const kind = below(7)
    if (kind === 0) copy = copy.slice(0, at)
    else if (kind === 1) copy = concat([copy.subarray(0, block), copy.subarray(block + 512)])
    else if (kind === 2) copy = concat([copy.subarray(0, block), copy.subarray(below(copy.length) & ~511)])
    else if (kind === 3) copy[block + (below(2) === 0 ? 124 + below(12) : 156)] = 0x30 + below(10)
    else if (kind === 4) copy = concat([copy, copy.subarray(block)])
    else copy[at] = below(256)
    if (copy.length === 0) return copy
  }
  for (let at = 0; at + 512 <= copy.length; at += 512) mend(copy.subarray(at, at + 512))
  return copy
}

/** A mutation that only breaks a checksum teaches nothing. */
function mend(block: Uint8Array): void {
  if (block[257] !== 0x75) return
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
}

/** What the streaming reader says of a tar: the last ordinary file of each name. */
async function streamed(bytes: Uint8Array): Promise<Map<string, Uint8Array | undefined>> {
  const files = new Map<string, Uint8Array | undefined>()
  for await (const { path, type, sparse, body } of readTar(bytes)) {
    const plain = path.split('/').filter(name => name !== '' && name !== '.')
    const isPlain = type === 'file' && sparse === undefined
    files.set(plain.join('/'), isPlain ? await bytesOf(body) : undefined)
  }
  return files
}

it('any mutation gives a layout or an OciError, and the bytes that a streaming reader gives', async () => {
  const below = seeded(7)
  const seeds = await corpus()
  const outcomes = new Map<string, number>()
  let [compared, stricter, slowest] = [0, 0, 0]
  for (let i = 0; i < mutations; i++) {
    const bytes = mutated(seeds[i % seeds.length] ?? new Uint8Array(), below)
    const start = performance.now()
    const storage = await archive(bytes).catch(error => error)
    slowest = Math.max(slowest, performance.now() - start)
    const outcome = isOciError(storage) ? storage.code : storage instanceof Error ? String(storage) : 'opened'
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (outcome !== 'opened') continue
    const expected = await streamed(bytes).catch(() => undefined)
    // It looks at fields that matter to nobody here: times, owners.
    if (expected === undefined) stricter++
    if (expected === undefined) continue
    const names = [...expected.keys()]
    for (const { path, kind } of await listed(storage)) {
      if (kind !== 'file' || !/^(oci-layout|index\.json|blobs\/sha256\/\w+)$/.test(path)) continue
      const found = await (await storage.open(path as LayoutPath).catch(() => undefined))?.bytes()
      const name = names.find(each => each === path) ?? names.find(each => each.endsWith(`/${path}`)) ?? ''
      const whole = expected.get(name)
      // A link or a sparse file: the streaming reader has no bytes of its own for it.
      if (found === undefined || whole === undefined) continue
      expect(equalBytes(found, whole), `mutation ${i}, ${path}`).toBe(true)
      compared++
    }
  }
  console.log(
    `archive mutations: ${JSON.stringify(Object.fromEntries(outcomes))}, ${compared} files compared, slowest ${slowest.toFixed(1)} ms`,
  )
  const known = ['ARCHIVE_UNSUPPORTED', 'LIMIT_EXCEEDED', 'TAR_INVALID', 'UNSUPPORTED', 'opened']
  expect([...outcomes.keys()].filter(outcome => !known.includes(outcome))).toEqual([])
  expect(outcomes.get('opened')).toBeGreaterThan(mutations / 10)
  expect(outcomes.get('TAR_INVALID')).toBeGreaterThan(mutations / 10)
  expect(compared).toBeGreaterThan(mutations / 2)
  expect(stricter).toBeLessThan(mutations / 50)
})
