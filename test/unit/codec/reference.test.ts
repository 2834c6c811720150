/** docs/ocidir-gzip-1.md is a description that another can write the format by: its own encoder is run here. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import { Deflate, deflateSync } from 'fflate'
import { createCRC32 } from 'hash-wasm'
import { expect, it } from 'vitest'
import { digestOf } from '../../../src/digest.ts'
import { inputs } from '../../golden/inputs.ts'
import golden from '../../golden/ocidir-gzip-1.json' with { type: 'json' }

const digests: Readonly<Record<string, Readonly<Record<string, string>>>> = golden
const page = readFileSync(fileURLToPath(new URL('../../../docs/ocidir-gzip-1.md', import.meta.url)), 'utf8')

type Encoder = (input: Uint8Array, level: number) => Uint8Array

async function encoderOfThePage(): Promise<Encoder> {
  const source = /```js reference\n([\s\S]+?)```/.exec(page)?.[1]
  if (source === undefined) throw new Error('the page has no reference encoder')
  const wasm = await createCRC32()
  const crc32 = (bytes: Uint8Array) => Number.parseInt(wasm.init().update(bytes).digest('hex'), 16)
  const make = new Function('Deflate', 'deflateSync', 'crc32', `${source}; return ocidirGzip1`)
  return make(Deflate, deflateSync, crc32)
}

it('gives the golden digests by the encoder in the description', async () => {
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

it('lists digests that are the golden ones', () => {
  const rows = [...page.matchAll(/^\| (.+?) +\| ([0169]) +\| `([0-9a-f]{64})` +\|$/gm)]
  expect(rows.length).toBe(28)
  for (const [, name = '', level = '', hex] of rows) expect(digests[name]?.[level]).toBe(`sha256:${hex}`)
})
