/** Zstd of others in a layer: no browser has a decoder, so it is ours everywhere. */

import { zstd } from '../../../src/codec/zstd.ts'
import { concat } from '../../../src/streams.ts'
import { fails, same, sameBytes } from '../assert.ts'
import { emptyDir, isRefused, plainOf, storeAs } from '../layer-material.ts'
import { drain, textOf, utf8 } from '../material.ts'
import { seeded } from '../seeded-bytes.ts'
import type { StorageCase } from '../storage-case.ts'
import { block, frame, packedText, repeated, skippable, text } from '../zstd-frames.ts'

const hello = utf8('hello, ')
const invalid = { code: 'ZSTD_INVALID' } as const

export const unzstdCases: readonly StorageCase[] = [
  {
    name: 'unzstd: a layer by the zstd command, with Huffman and FSE codes, and its checksum',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = await storeAs(dir, 'layerZstd', packedText)
      sameBytes(await plainOf(dir, layer), text)
    },
  },
  {
    name: 'unzstd: several frames, and skippable ones between, before and behind',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const parts = [skippable(hello), await frame({ content: hello }), skippable(hello, 15), packedText]
      const more = [
        await frame({ content: new Uint8Array(0) }),
        await frame({ content: hello, flags: 0 }),
        skippable(new Uint8Array(0)),
      ]
      const layer = await storeAs(dir, 'layerZstd', concat([...parts, ...more]))
      same(textOf(await plainOf(dir, layer)), `hello, ${textOf(text)}hello, `)
    },
  },
  {
    name: 'unzstd: raw and repeated blocks, more than a window of them',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const content = seeded(100_000, 4)
      const blocks = concat([block({ content }), repeated(131_072), block({ content, last: true })])
      const whole = concat([content, new Uint8Array(131_072).fill(0x61), content])
      const layer = await storeAs(dir, 'layerZstd', await frame({ content: whole, blocks }))
      sameBytes(await plainOf(dir, layer), whole)
    },
  },
  {
    name: 'unzstd: a wrong checksum is refused, in any frame',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const broken = await frame({ content: hello, checksum: 1 })
      await isRefused(dir, await storeAs(dir, 'layerZstd', broken), invalid)
      await isRefused(dir, await storeAs(dir, 'layerZstd', concat([packedText, broken])), invalid)
    },
  },
  {
    name: 'unzstd: cut off anywhere, and with other bytes behind, it is refused',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (let length = 0; length < packedText.length; length += 61) {
        await isRefused(dir, await storeAs(dir, 'layerZstd', packedText.slice(0, length)), invalid)
      }
      await isRefused(dir, await storeAs(dir, 'layerZstd', concat([packedText, utf8('junk')])), invalid)
    },
  },
  {
    name: 'unzstd: a window beyond the limit is refused before it is had',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const beyond = await storeAs(dir, 'layerZstd', await frame({ content: hello, fields: [(17 << 3) | 1] }))
      await isRefused(dir, beyond, { code: 'LIMIT_EXCEEDED' })
      const layer = await storeAs(dir, 'layerZstd', await frame({ content: hello }))
      const small = [zstd({ maxWindowSize: 1024 })]
      await fails(async () => drain(await dir.readLayer(layer, { codecs: small })), {
        code: 'LIMIT_EXCEEDED',
      })
    },
  },
]
