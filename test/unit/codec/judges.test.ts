/** Other people's decoders accept what we write, gzip as one member; the tools must be there. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { native as nodes } from '../../../adapters/node/native.ts'
import type { Codec } from '../../../src/codec/codec.ts'
import { gunzip, gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, inputs, prng, zstdInputs } from '../../golden/inputs.ts'
import { rounds, seed } from '../../setup/rounds.ts'
import { describeWith, tool } from '../../setup/tools.ts'
import { native } from './native.ts'
import { slice } from './slices.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocidir-judges-'))
afterAll(() => rmSync(folder, { recursive: true }))
const max = 2 ** 31
const slices = rounds({ short: 250, long: 20_000 })

// zlib's own object reads one member: what is left over would be a second one.
const python = `
import sys, zlib
for path in sys.argv[1:]:
    d = zlib.decompressobj(31)
    out = d.decompress(open(path, 'rb').read()) + d.flush()
    assert d.eof and d.unused_data == b'', 'more than one member'
    sys.stdout.buffer.write(out)`

const go = `package main

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
)

func main() {
	for _, path := range os.Args[1:] {
		file, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		input := bufio.NewReader(file)
		reader, err := gzip.NewReader(input)
		if err != nil {
			panic(err)
		}
		reader.Multistream(false)
		if _, err := io.Copy(os.Stdout, reader); err != nil {
			panic(err)
		}
		if _, err := input.ReadByte(); err != io.EOF {
			panic("more than one member")
		}
		file.Close()
	}
}
`

function run(command: string, args: readonly string[]): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { maxBuffer: max, cwd: folder })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} failed: ${stderr.toString()}`)
  return stdout
}

/** Encodes all of them into files, and gives the files' names. */
async function written(
  contents: readonly Uint8Array[],
  { codec, suffix, options = {} }: { codec: Codec; suffix: string; options?: { native?: typeof nodes } },
): Promise<string[]> {
  const names: string[] = []
  for (const [i, content] of contents.entries()) {
    const bytes = await collect(codec.encode(chunked(content, 50_000), options), { max })
    writeFileSync(join(folder, `${i}${suffix}`), bytes)
    names.push(`${i}${suffix}`)
  }
  return names
}

const goldens = Object.values(inputs).map(make => make())

function realSlices(): Uint8Array[] {
  const random = prng(seed)
  const sizes = [20, 300, 4_096, 4_096, 4_096, 33_000, 33_000, 262_145]
  return Array.from({ length: slices }, () => slice(sizes[random() % sizes.length] ?? 1, random))
}

describeWith(['go', 'gzip', 'python3'], 'gzip is read as one member by gzip, Python and Go', () => {
  beforeAll(() => {
    writeFileSync(join(folder, 'main.go'), go)
    run(tool('go'), ['build', '-o', 'judge', 'main.go'])
  })

  const readers = (): readonly (readonly [string, readonly string[]])[] => [
    [tool('gzip'), ['-dc']],
    [tool('python3'), ['-c', python]],
    [join(folder, 'judge'), []],
  ]

  it.each([
    ['fflate', [0, 1, 6, 9], {}],
    ['zlib', [0, 1, 6, 9], {}],
    ['platform', [0, 1, 6, 9], { native: nodes }],
    // By CompressionStream, which has one level.
    ['platform', [6], {}],
  ] as const)(
    'of the golden inputs and of slices of real files: %s, levels %o',
    async (deflate, levels, options) => {
      let judged = 0
      for (const level of levels) {
        const contents = level === 6 || level === 1 ? [...goldens, ...realSlices()] : goldens
        const files = await written(contents, { codec: gzip({ level, deflate }), suffix: '.gz', options })
        run(tool('gzip'), ['-t', ...files])
        const expected = Buffer.concat(contents)
        for (const [command, args] of readers()) {
          expect(run(command, [...args, ...files]).equals(expected), `${command}, level ${level}`).toBe(true)
          judged += files.length
        }
      }
      console.log(`judges of ${deflate}: ${judged} readings`)
      expect(judged).toBeGreaterThanOrEqual(3 * (goldens.length + slices))
    },
    600_000,
  )
})

describeWith(['zstd'], 'zstd is read by the zstd command', () => {
  it.each([1, 3, 9, 19])(
    'of the golden inputs and of slices of real files, level %s',
    async level => {
      const few = level === 19 ? 20 : slices
      const contents = [...Object.values(zstdInputs).map(make => make()), ...realSlices().slice(0, few)]
      const files = await written(contents, { codec: zstd({ level }), suffix: '.zst' })
      run(tool('zstd'), ['-tq', ...files])
      // As little memory as a window of 2 MiB needs.
      const found = run(tool('zstd'), ['-dcq', '--memory=2MiB', ...files])
      expect(found.equals(Buffer.concat(contents))).toBe(true)
      const large = files[Object.keys(zstdInputs).indexOf('seeded 5000000')] ?? ''
      const listed = run(tool('zstd'), ['-lv', large]).toString()
      expect(listed).toMatch(/Frames: 3\n/)
      expect(listed).toMatch(/Check: XXH64/)
      expect(() => run(tool('zstd'), ['-dcq', '--memory=256KiB', large])).toThrow('too much memory')
    },
    600_000,
  )
})

describe('gzip', () => {
  it('reads what the gzip command writes, at each level and with a name', async () => {
    const input = inputs['seeded 700001']?.() ?? new Uint8Array(0)
    writeFileSync(join(folder, 'named.bin'), input)
    for (const level of [1, 6, 9]) {
      const gz = run(tool('gzip'), [`-${level}`, '-c', '--name', 'named.bin'])
      expect(Buffer.from(await collect(gunzip(gz), { max })).equals(input)).toBe(true)
    }
  })

  it.each(['fflate', 'zlib'] as const)(
    'writes the same bytes whoever checks the blocks: %s',
    async deflate => {
      for (const level of [0, 1, 6] as const) {
        const input = inputs['licences as tar 700 KB']?.() ?? new Uint8Array(0)
        const codec = gzip({ level, deflate })
        const plain = await collect(codec.encode(chunked(input, 50_000)), { max })
        for (const checker of [native, nodes]) {
          const fast = await collect(codec.encode(chunked(input, 50_000), { native: checker }), { max })
          expect(Buffer.compare(plain, fast)).toBe(0)
        }
        expect(Buffer.compare(gunzipSync(plain), input)).toBe(0)
      }
    },
  )
})
