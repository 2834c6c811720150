/** Other people's gunzips accept what we write, as one member; the tools must be there. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, it } from 'vitest'
import { gunzip, gzip } from '../../../src/codec/gzip.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, inputs } from '../../golden/inputs.ts'
import { native } from './native.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocidir-judges-'))
afterAll(() => rmSync(folder, { recursive: true }))
const max = 2 ** 31

// zlib's own object reads one member: what is left over would be a second one.
const python = `
import sys, zlib
d = zlib.decompressobj(31)
out = d.decompress(open(sys.argv[1], 'rb').read()) + d.flush()
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
	file, err := os.Open(os.Args[1])
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
}
`

function run(command: string, args: readonly string[]): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { maxBuffer: max, cwd: folder })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} failed: ${stderr.toString()}`)
  return stdout
}

it('is read as one member by gzip, Python and Go', { timeout: 120_000 }, async () => {
  writeFileSync(join(folder, 'main.go'), go)
  run('go', ['build', '-o', 'judge', 'main.go'])
  let judged = 0
  for (const [name, make] of Object.entries(inputs)) {
    for (const level of [0, 1, 6, 9] as const) {
      const input = make()
      const gz = await collect(gzip({ level }).encode(chunked(input, 50_000)), { max })
      const path = join(folder, 'judged.gz')
      writeFileSync(path, gz)
      run('gzip', ['-t', path])
      for (const [command, args] of [
        ['gzip', ['-dc', path]],
        ['python3', ['-c', python, path]],
        [join(folder, 'judge'), [path]],
      ] as const) {
        expect(run(command, args).equals(input), `${command}, ${name}, level ${level}`).toBe(true)
        judged++
      }
    }
  }
  console.log(`judges: ${judged} readings`)
  expect(judged).toBe(Object.keys(inputs).length * 4 * 3)
})

it('reads what gzip writes, at each level and with a name', async () => {
  const input = inputs['seeded 700001']?.() ?? new Uint8Array(0)
  writeFileSync(join(folder, 'named.bin'), input)
  for (const level of [1, 6, 9]) {
    const gz = run('gzip', [`-${level}`, '-c', '--name', 'named.bin'])
    expect(Buffer.from(await collect(gunzip(gz), { max })).equals(input)).toBe(true)
  }
})

it('writes the same bytes whoever checks the blocks', async () => {
  for (const level of [0, 1, 6] as const) {
    const input = inputs['licences as tar 700 KB']?.() ?? new Uint8Array(0)
    const plain = await collect(gzip({ level }).encode(chunked(input, 50_000)), { max })
    const fast = await collect(gzip({ level }).encode(chunked(input, 50_000), { native }), { max })
    expect(Buffer.compare(plain, fast)).toBe(0)
    expect(Buffer.compare(gunzipSync(fast), input)).toBe(0)
  }
})
