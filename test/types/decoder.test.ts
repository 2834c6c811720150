import { expect, it } from 'vitest'
import { compile } from './compile.ts'

const start = `
import { type Descriptor, type OciDir, type StorageAdapter, identity } from '../../src/index.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { zstd } from '../../src/codec/zstd.ts'
export const all = [identity, gzip, zstd]
export const use = (dir: OciDir<StorageAdapter>, layer: Descriptor): unknown => `

it('what only decodes reads layers; as the codec of a new one it does not compile', async () => {
  const errors = await compile('core', {
    reads: `${start}dir.readLayer(layer, { codecs: [gzip(), zstd()] })`,
    writes: `${start}[layer, dir.writeLayer('a tar', { codec: gzip() })]`,
    fails: `${start}[layer, dir.writeLayer('a tar', { codec: zstd() })]`,
    failsPiecewise: `${start}[layer, dir.createLayer({ codec: zstd() })]`,
  })
  expect([errors.reads, errors.writes]).toEqual([[], []])
  for (const found of [errors.fails, errors.failsPiecewise]) {
    expect(found).toHaveLength(1)
    expect(found?.[0]).toMatch(/^TS2741: Property 'encode' is missing in type 'Decoder'/)
  }
})
