/** Tars of every dialect, made byte by byte, through a layer and out of it again. */

import { concat } from '../../../src/streams.ts'
import { readTar } from '../../../src/tar/read.ts'
import { fails, same, sameBytes } from '../assert.ts'
import { emptyDir, throughLayer } from '../layer-material.ts'
import { sameJson } from '../layout-material.ts'
import type { StorageCase } from '../storage-case.ts'
import {
  asText,
  base256,
  bytesOf,
  gnuMagic,
  header,
  inChunks,
  latin1,
  member,
  pax,
  tar,
  text,
  type Whole,
} from '../tar-bytes.ts'

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`

/** A file of 4000 bytes of which only "abc" at 0 and "de" at 1024 are stored. */
const map = [
  [0, 3],
  [1024, 2],
  [4000, 0],
] as const
const stored = 'abcde'
const expanded = new Uint8Array(4000)
expanded.set(text('abc'))
expanded.set(text('de'), 1024)

const isExpanded = (entry: Whole | undefined, next: Whole | undefined, message: string): void => {
  sameBytes(entry?.bytes, expanded, message)
  same(entry?.size, 4000, `${message}: size`)
  same(next?.path, 'next', `${message}: the next entry`)
}

export const tarReadingCases: readonly StorageCase[] = [
  {
    name: 'readTar: every field of a ustar header',
    async run({ storage }) {
      const fields = {
        name: 'name',
        prefix: 'some/prefix',
        mode: '0006755\0',
        uid: '0001750\0',
        gid: '0000144\0',
      }
      const more = { mtime: 0o12345670123, uname: 'user', gname: 'group' }
      const [entry] = await throughLayer(
        await emptyDir(storage),
        tar(member({ ...fields, ...more }, 'hello')),
      )
      const { path, type, mode, uid, gid, uname, gname, size, mtime, bodyOffset } =
        entry ?? ({} as Partial<Whole>)
      sameJson(
        { path, type, mode, uid, gid, uname, gname, size, mtime, bodyOffset },
        {
          path: 'some/prefix/name',
          type: 'file',
          mode: 0o6755,
          uid: 1000,
          gid: 100,
          uname: 'user',
          gname: 'group',
          size: 5,
          mtime: 0o12345670123,
          bodyOffset: 512,
        },
      )
      same(asText(entry?.bytes ?? text('')), 'hello')
    },
  },
  {
    name: 'readTar: every type, also those of before POSIX',
    async run({ storage }) {
      const device = { major: '0000010\0', minor: '0000377\0' }
      const entries = await throughLayer(
        await emptyDir(storage),
        tar(
          member({ name: 'v7', type: '\0', magic: '' }, 'x'),
          member({ name: 'v7-folder/', type: '\0', magic: '' }),
          member({ name: 'contiguous', type: '7' }, 'y'),
          member({ name: 'hard', type: '1', linkname: 'v7' }),
          member({ name: 'sym', type: '2', linkname: '../v7' }),
          member({ name: 'char', type: '3', ...device }),
          member({ name: 'block', type: '4', ...device }),
          member({ name: 'folder/', type: '5' }),
          member({ name: 'fifo', type: '6' }),
          member({ name: 'odd', type: 'Z' }, 'kept'),
        ),
      )
      same(
        entries.map(({ type, linkname, devMajor }) => [type, linkname, devMajor || ''].join(':')).join(' '),
        'file:: directory:: file:: hardlink:v7: symlink:../v7: char::8 block::8 directory:: fifo:: other::',
      )
    },
  },
  {
    name: 'readTar: pax, the entry over global records, and both over the header',
    async run({ storage }) {
      const global = pax(
        [
          ['path', 'global'],
          ['uid', '11'],
        ],
        'g',
      )
      const own = pax([
        ['path', 'own'],
        ['gid', '7'],
        ['mtime', '-0.25'],
      ])
      const bytes = tar(global, member({ name: 'one', gid: '0000005\0' }), own, member({ name: 'two' }))
      const entries = await throughLayer(await emptyDir(storage), bytes)
      sameJson(
        entries.map(({ path, uid, gid, mtime, mtimeNs }) => [path, uid, gid, mtime, mtimeNs]),
        [
          ['global', 11, 5, 0, 0],
          ['own', 11, 7, -1, 750_000_000],
        ],
      )
    },
  },
  {
    name: 'readTar: pax keeps binary xattrs, large ids and names that are no text',
    async run({ storage }) {
      const binary = Uint8Array.of(1, 0, 0, 2, 10, 0xff, 0x3d)
      const raw = latin1('caf\xe9')
      const records = pax([
        ['SCHILY.xattr.security.capability', binary],
        ['path', raw],
        ['uid', '4000000'],
      ])
      const [entry, short] = await throughLayer(
        await emptyDir(storage),
        tar(records, member({}), member({ name: raw })),
      )
      sameBytes(entry?.xattrs.get('security.capability'), binary, 'xattr')
      sameBytes(entry?.rawPath, raw, 'path')
      sameBytes(short?.rawPath, raw, 'path of a header')
      same(entry?.path, 'caf\ufffd')
      same(entry?.uid, 4_000_000)
    },
  },
  {
    name: 'readTar: long names and links of GNU',
    async run({ storage }) {
      const long = `${'d/'.repeat(300)}f`
      const [entry, next] = await throughLayer(
        await emptyDir(storage),
        tar(
          member({ name: '././@LongLink', type: 'K', magic: gnuMagic }, `${long}L\0`),
          member({ name: '././@LongLink', type: 'L', magic: gnuMagic }, `${long}\0`),
          member({ type: '2', magic: gnuMagic }),
          member({ name: 'next' }),
        ),
      )
      same(entry?.path, long)
      same(entry?.linkname, `${long}L`)
      same(next?.path, 'next')
    },
  },
  {
    name: 'readTar: base 256 in every field, negative too',
    async run({ storage }) {
      for (const value of [1n, -1n, 0o7777777n + 1n, -62135596800n]) {
        const fields = { mtime: base256(value, 12), uid: base256(value, 8), gid: base256(value, 8) }
        const bytes = tar(member({ ...fields, size: base256(3n, 12) }, 'abc'))
        const [entry] = await throughLayer(await emptyDir(storage), bytes)
        same(entry?.mtime, Number(value), 'mtime')
        same(entry?.uid, Number(value), 'uid')
        same(asText(entry?.bytes ?? text('')), 'abc', 'body')
      }
    },
  },
  {
    name: 'readTar: sparse files of old GNU and of pax 0.0, 0.1 and 1.0 are expanded',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const next = member({ name: 'next' }, 'n')
      const at = Object.fromEntries(
        map.map(([offset, size], i) => [386 + 24 * i, octal(offset) + octal(size)]),
      )
      const old = member({ type: 'S', magic: gnuMagic, at: { ...at, 483: octal(4000) } }, stored)
      const pairs = map.flatMap(([offset, size]) => [
        ['GNU.sparse.offset', String(offset)] as const,
        ['GNU.sparse.numbytes', String(size)] as const,
      ])
      const size = ['GNU.sparse.size', '4000'] as const
      const v1 = [
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '4000'],
      ] as const
      const forms = {
        'old GNU': [old],
        '0.0': [pax([size, ['GNU.sparse.numblocks', '3'], ...pairs]), member({}, stored)],
        '0.1': [pax([size, ['GNU.sparse.map', map.flat().join()]]), member({}, stored)],
        '1.0': [pax(v1), member({}, `3\n${map.flat().join('\n')}\n`.padEnd(512, '\0') + stored)],
      }
      for (const [name, members] of Object.entries(forms)) {
        const [entry, after] = await throughLayer(dir, tar(...members, next))
        isExpanded(entry, after, name)
      }
    },
  },
  {
    name: 'readTar: the same from pieces of any size',
    async run({ storage }) {
      const bytes = tar(
        member({ type: 'L' }, `${'n'.repeat(600)}\0`),
        member({}, 'a body of more than one block'.repeat(30)),
        pax([
          ['path', 'p'],
          ['mtime', '1.5'],
        ]),
        member({ type: '1', linkname: 'x' }),
        member({ name: 'last/', type: '5' }),
      )
      const shown = async (
        entries: AsyncIterable<Omit<Whole, 'bytes'> & { body: AsyncIterable<Uint8Array> }>,
      ) => {
        const lines: string[] = []
        for await (const { path, type, mtimeNs, body } of entries) {
          lines.push(`${type} ${path} ${mtimeNs} ${asText(await bytesOf(body))}`)
        }
        return lines.join('\n')
      }
      const dir = await emptyDir(storage)
      const expected = await shown(readTar(await dir.readLayer(await dir.writeLayer(bytes))))
      for (const sizes of [[1], [2, 511], [512], [513], [7, 1000, 3], [5000]]) {
        same(await shown(readTar(inChunks(bytes, ...sizes))), expected, `pieces of ${sizes}`)
      }
    },
  },
  {
    name: 'readTar: ends at two zero blocks, at one, or without any',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const one = member({}, 'x')
      const ends = [
        tar(one),
        concat([one, new Uint8Array(512)]),
        one,
        one.subarray(0, 513),
        concat([tar(one), text('junk')]),
      ]
      for (const bytes of ends) same((await throughLayer(dir, bytes)).length, 1, `${bytes.length} bytes`)
      same((await throughLayer(dir, new Uint8Array(0))).length, 0)
    },
  },
  {
    name: 'readTar: what is cut short, of a wrong checksum or no tar is refused',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const whole = tar(member({}, 'x'.repeat(700)))
      const broken = [
        whole.slice(0, 100),
        whole.slice(0, 600),
        header({ checksum: '000000\0 ' }),
        text('z'.repeat(1024)),
      ]
      for (const bytes of broken) await fails(() => throughLayer(dir, bytes), { code: 'TAR_INVALID' })
    },
  },
]
