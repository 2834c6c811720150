/** Many streams at once: a page has room for a hundred instances of WebAssembly or so, and an instance of zlib for 16 MB. */

import { expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { engine } from '../../../src/engine.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, seeded } from '../../golden/inputs.ts'

const max = 2 ** 30
const content = seeded(300_000, 8)

it.each([
  ['fflate', gzip({ level: 1 })],
  ['zlib', gzip({ level: 1, deflate: 'zlib' })],
  ['platform', gzip({ level: 1, deflate: 'platform' })],
  ['zstd', zstd({ level: 1 })],
])('writes and reads 120 layers at once, alike: %s', async (name, codec) => {
  const dir = await OciDir.ensure(memory(), { engine: engine({ workers: 0 }) })
  const layers = await Promise.all(
    Array.from({ length: 120 }, (_, i) => dir.writeLayer(chunked(content, 9_000 + i), { codec })),
  )
  if (name !== 'platform') expect(new Set(layers.map(({ descriptor }) => descriptor.digest)).size).toBe(1)
  const read = await Promise.all(
    layers.map(async layer => collect(await dir.readLayer(layer, { codecs: [codec] }), { max })),
  )
  expect(read.every(({ length }) => length === content.length)).toBe(true)
})
