import { expect, it } from 'vitest'
import { compile } from './compile.ts'

const start = `
import { type Descriptor, type OciDir, type StorageAdapter, identity } from '../../src/index.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { type Decoder, unzstd, zstd } from '../../src/codec/zstd.ts'
const reader: Decoder = { name: 'zstd', suffix: '+zstd', decode: unzstd }
export const all = [identity, gzip, zstd]
export const use = (dir: OciDir<StorageAdapter>, layer: Descriptor): unknown => `

it('what only decodes reads layers; as the codec of a new one it does not compile', async () => {
  const errors = await compile('core', {
    reads: `${start}dir.readLayer(layer, { codecs: [gzip(), reader] })`,
    writes: `${start}[layer, reader, dir.writeLayer('a tar', { codec: gzip() })]`,
    writesZstd: `${start}[layer, reader, dir.createLayer({ codec: zstd() })]`,
    fails: `${start}[layer, dir.writeLayer('a tar', { codec: reader })]`,
    failsPiecewise: `${start}[layer, dir.createLayer({ codec: reader })]`,
  })
  expect([errors.reads, errors.writes, errors.writesZstd]).toEqual([[], [], []])
  for (const found of [errors.fails, errors.failsPiecewise]) {
    expect(found).toHaveLength(1)
    expect(found?.[0]).toMatch(/^TS2741: Property 'encode' is missing in type 'Decoder'/)
  }
})
