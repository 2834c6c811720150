/** The descriptions in docs are such that another can write the formats by them: their own encoders are run here. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import { Deflate, deflateSync } from 'fflate'
import { createCRC32 } from 'hash-wasm'
import { afterAll, expect, it } from 'vitest'
import { gzip } from '../../../src/codec/gzip.ts'
import { digestOf } from '../../../src/digest.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, inputs, prng, zstdInputs } from '../../golden/inputs.ts'
import fflates from '../../golden/ocidir-gzip-1.json' with { type: 'json' }
import zlibs from '../../golden/ocidir-gzip-2.json' with { type: 'json' }
import zstds from '../../golden/ocidir-zstd-1.json' with { type: 'json' }
import { isLong, rounds, seed } from '../../setup/rounds.ts'
import { itWith, type ToolName, tool } from '../../setup/tools.ts'
import { slice } from './slices.ts'

type Digests = Readonly<Record<string, Readonly<Record<string, string>>>>

const folder = mkdtempSync(join(tmpdir(), 'ocidir-reference-'))
afterAll(() => rmSync(folder, { recursive: true }))

function pageOf(format: string): string {
  return readFileSync(fileURLToPath(new URL(`../../../docs/${format}.md`, import.meta.url)), 'utf8')
}

/** The reference that stands on a page, and nothing else of it. */
function referenceOf(format: string, language: string): string {
  const source = new RegExp(`\`\`\`${language} reference\n([^]+?)\`\`\``).exec(pageOf(format))?.[1]
  if (source === undefined) throw new Error(`docs/${format}.md has no reference encoder`)
  return source
}

type Encoder = (input: Uint8Array, level: number) => Uint8Array

async function encoderOfThePage(): Promise<Encoder> {
  const wasm = await createCRC32()
  const crc32 = (bytes: Uint8Array) => Number.parseInt(wasm.init().update(bytes).digest('hex'), 16)
  const source = referenceOf('ocidir-gzip-1', 'js')
  return new Function('Deflate', 'deflateSync', 'crc32', `${source}; return ocidirGzip1`)(
    Deflate,
    deflateSync,
    crc32,
  )
}

it('ocidir-gzip-1: gives the golden digests by the encoder in the description', async () => {
  const digests: Digests = fflates
  const encode = await encoderOfThePage()
  let compared = 0
  for (const [name, make] of Object.entries(inputs)) {
    for (const level of [0, 1, 6, 9]) {
      const gz = encode(make(), level)
      expect(Buffer.compare(zlib.gunzipSync(gz), make())).toBe(0)
      expect(await digestOf(gz), `${name}, level ${level}`).toBe(digests[name]?.[level])
      compared++
    }
  }
  expect(compared).toBe(Object.keys(inputs).length * 4)
})

/** What a program prints, as JSON, of the inputs: a digest by name and level, as the golden files have them. */
function digestsBy(
  name: ToolName,
  program: string,
  given: Readonly<Record<string, () => Uint8Array>>,
): Digests {
  for (const [i, make] of Object.values(given).entries()) writeFileSync(join(folder, `${i}.bin`), make())
  const script = join(folder, name === 'python3' ? 'encode.py' : 'encode.mjs')
  writeFileSync(script, program)
  const { status, stdout, stderr, error } = spawnSync(tool(name), [script], { cwd: folder, encoding: 'utf8' })
  if (error) throw error
  if (status !== 0) throw new Error(`${name} failed: ${stderr}`)
  const found: readonly Digests[string][] = JSON.parse(stdout)
  return Object.fromEntries(Object.keys(given).map((input, i) => [input, found[i] ?? {}]))
}

const byPython = `
import hashlib, json, sys
assert 'zlib-ng' not in zlib.ZLIB_RUNTIME_VERSION, 'this Python stands on zlib-ng, whose bytes are others'
def digest(data, level):
    return 'sha256:' + hashlib.sha256(ocidir_gzip_2(data, level)).hexdigest()
def read(i):
    with open(f'{i}.bin', 'rb') as file:
        return file.read()
print(json.dumps([{ level: digest(read(i), level) for level in range(1, 10) } for i in range(COUNT)]))`

itWith(
  "ocidir-gzip-2: Python's zlib gives the golden digests, by the encoder in the description",
  { tools: ['python3'], timeout: 120_000 },
  () => {
    const program = `${referenceOf('ocidir-gzip-2', 'python')}${byPython}`
    const count = Object.keys(inputs).length
    const found = digestsBy('python3', program.replace('COUNT', String(count)), inputs)
    // What zlib would store at level 0 is no part of the format.
    const levels = ({ 0: _, ...rest }: Digests[string]): Digests[string] => rest
    expect(found).toEqual(
      Object.fromEntries(Object.entries<Digests[string]>(zlibs).map(([name, row]) => [name, levels(row)])),
    )
    expect(Object.values(found).flatMap(row => Object.keys(row)).length).toBe(count * 9)
  },
)

itWith(
  "ocidir-gzip-2: Python's zlib makes the same of slices of real files, at every level",
  { tools: ['python3'], timeout: isLong ? 3_600_000 : 120_000 },
  async () => {
    const random = prng(seed)
    const sizes = [20, 300, 4_096, 4_096, 33_000, 33_000, 70_000, 300_000]
    const count = rounds({ short: 160, long: 4_000 })
    const slices = Array.from({ length: count }, () => slice(sizes[random() % sizes.length] ?? 1, random))
    const program = `${referenceOf('ocidir-gzip-2', 'python')}${byPython}`
    const given = Object.fromEntries(slices.map((bytes, i) => [`slice ${i}`, () => bytes]))
    const found = digestsBy('python3', program.replace('COUNT', String(count)), given)
    let compared = 0
    for (const [i, bytes] of slices.entries()) {
      for (const level of [1, 2, 3, 4, 5, 6, 7, 8, 9] as const) {
        const codec = gzip({ level, deflate: 'zlib' })
        const gz = await collect(codec.encode(chunked(bytes, 100_000)), { max: 2 ** 30 })
        expect(found[`slice ${i}`]?.[level], `slice ${i}, level ${level}`).toBe(await digestOf(gz))
        compared++
      }
    }
    console.log(`ocidir-gzip-2 by Python: ${compared} files, seed ${seed}`)
  },
)

const byNode = `
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
if (process.versions.zstd !== '1.5.7') throw new Error('this is zstd ' + process.versions.zstd)
const digest = (input, level) => 'sha256:' + createHash('sha256').update(ocidirZstd1(input, level)).digest('hex')
const row = (levels, i) => Object.fromEntries(levels.map(level => [level, digest(readFileSync(i + '.bin'), Number(level))]))
console.log(JSON.stringify(LEVELS.map(row)))`

itWith(
  "ocidir-zstd-1: Node 24's zstd gives the golden digests, by the encoder in the description",
  { tools: ['node24'], timeout: 300_000 },
  () => {
    const levels = Object.keys(zstdInputs).map(name => Object.keys((zstds as Digests)[name] ?? {}))
    const program = `${referenceOf('ocidir-zstd-1', 'js')}${byNode}`
    const found = digestsBy('node24', program.replace('LEVELS', JSON.stringify(levels)), zstdInputs)
    expect(found).toEqual(zstds)
    expect(levels.flat().length).toBeGreaterThan(100)
  },
)

it.each([
  ['ocidir-gzip-1', fflates],
  ['ocidir-gzip-2', zlibs],
  ['ocidir-zstd-1', zstds],
] as const)('%s: lists digests that are the golden ones', (format, golden) => {
  const digests: Digests = golden
  const rows = [...pageOf(format).matchAll(/^\| (.+?) +\| (\d+) +\| `([0-9a-f]{64})` +\|$/gm)]
  expect(rows.length).toBe(28)
  for (const [, name = '', level = '', hex] of rows) expect(digests[name]?.[level]).toBe(`sha256:${hex}`)
})
