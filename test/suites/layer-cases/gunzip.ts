/** Gzip of others in a layer: engines' own decoders differ in most of this, ours doesn't. */

import { gzip } from '../../../src/codec/gzip.ts'
import { concat } from '../../../src/streams.ts'
import { same, sameBytes } from '../assert.ts'
import { ascii, member } from '../gzip-members.ts'
import { emptyDir, isRefused, plainOf, storeAs } from '../layer-material.ts'
import { drain, textOf } from '../material.ts'
import { seeded } from '../seeded-bytes.ts'
import type { StorageCase } from '../storage-case.ts'

const hello = ascii('hello, ')
const world = ascii('world')
const invalid = { code: 'GZIP_INVALID' } as const

export const gunzipCases: readonly StorageCase[] = [
  {
    name: 'gunzip: several members are one after the other, empty ones too',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const parts = [hello, new Uint8Array(0), world].map(content => member({ content }))
      const layer = await storeAs(dir, 'layerGzip', concat(await Promise.all(parts)))
      same(textOf(await plainOf(dir, layer)), 'hello, world')
    },
  },
  {
    name: 'gunzip: members that our own writer made, joined',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const contents = [seeded(280_000, 1), seeded(10, 2), seeded(70_000, 3)]
      const members: Uint8Array[] = []
      for (const content of contents) {
        const { descriptor } = await dir.writeLayer(content, { codec: gzip() })
        members.push(await drain(await dir.readBlob(descriptor)))
      }
      const layer = await storeAs(dir, 'layerGzip', concat(members))
      sameBytes(await plainOf(dir, layer), concat(contents))
    },
  },
  {
    name: 'gunzip: zeros behind the end are passed over, of any number',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const gz = await member({ content: hello })
      for (const zeros of [1, 511, 1024, 100_000]) {
        const layer = await storeAs(dir, 'layerGzip', concat([gz, new Uint8Array(zeros)]))
        same(textOf(await plainOf(dir, layer)), 'hello, ', `${zeros} zeros`)
      }
    },
  },
  {
    name: 'gunzip: other bytes behind the end are refused, also a member behind zeros',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const gz = await member({ content: hello })
      const behind = [
        ascii('junk'),
        Uint8Array.of(0, 0, 7),
        Uint8Array.of(0x1f, 0x8b, 8),
        concat([new Uint8Array(3), gz]),
      ]
      for (const junk of behind)
        await isRefused(dir, await storeAs(dir, 'layerGzip', concat([gz, junk])), invalid)
    },
  },
  {
    name: 'gunzip: every field of a header',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const fields = concat([
        Uint8Array.of(6, 0, 0x41, 0x70, 2, 0, 0xff, 0),
        ascii('a name.tar\0'),
        ascii('comment\0'),
      ])
      const layer = await storeAs(dir, 'layerGzip', await member({ content: hello, flags: 31, fields }))
      same(textOf(await plainOf(dir, layer)), 'hello, ')
    },
  },
  {
    name: 'gunzip: a wrong CRC-32, size, method, flag or header CRC is refused, in any member',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const sound = await member({ content: world })
      for (const parts of [
        { crc: 1 },
        { size: 8 },
        { method: 9 },
        { flags: 0x20 },
        { flags: 2, headerCrc: 0 },
      ]) {
        const broken = await member({ content: hello, ...parts })
        await isRefused(dir, await storeAs(dir, 'layerGzip', broken), invalid)
        await isRefused(dir, await storeAs(dir, 'layerGzip', concat([sound, broken])), invalid)
      }
    },
  },
  {
    name: 'gunzip: cut off at any byte it is refused, though its digest is right',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const { descriptor } = await dir.writeLayer(seeded(150, 2), { codec: gzip() })
      const gz = await drain(await dir.readBlob(descriptor))
      for (let length = 0; length < gz.length; length += 3) {
        await isRefused(dir, await storeAs(dir, 'layerGzip', gz.slice(0, length)), invalid)
      }
    },
  },
]
