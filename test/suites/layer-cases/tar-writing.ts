/** Tars written into layers: the same entries make the same bytes, in every runtime. */

import { gzip } from '../../../src/codec/gzip.ts'
import { entriesOf } from '../../../src/tar/entries.ts'
import type { TarInput } from '../../../src/tar/input.ts'
import { createTarLayer } from '../../../src/tar/layer.ts'
import { readTar } from '../../../src/tar/read.ts'
import { tarSource, writeTar } from '../../../src/tar/write.ts'
import { fails, same, sameBytes } from '../assert.ts'
import { codecs, emptyDir, entriesOfLayer, holdsNothing } from '../layer-material.ts'
import { sameJson } from '../layout-material.ts'
import type { StorageCase } from '../storage-case.ts'
import { asText, bytesOf, latin1, member, pax, tar, text } from '../tar-bytes.ts'

const everything: readonly TarInput[] = [
  { path: 'd', type: 'directory', mtime: 1_700_000_000 },
  {
    path: 'd/ü',
    body: 'x'.repeat(1000),
    mtime: -5,
    mtimeNs: 250_000_000,
    xattrs: new Map([
      ['user.z', text('z')],
      ['user.a', Uint8Array.of(0, 10, 255)],
    ]),
  },
  { path: latin1('d/\xff'), type: 'symlink', linkname: latin1('\xfe') },
  { path: 'n'.repeat(300), uid: 4_000_000, uname: 'ü' },
  { path: 'd/dev', type: 'char', devMajor: 1, devMinor: 3 },
]
const everythingDigest = 'sha256:c21aa8a4b9a1fc3a2e1ff93b18e65b6b4b9c96ebab10750a30f0ccbbe55f8f93'

export const tarWritingCases: readonly StorageCase[] = [
  {
    name: 'writeTar: every kind of entry has the bytes of every runtime',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      same((await dir.writeLayer(tarSource(everything))).diffId, everythingDigest)
      same((await dir.writeLayer(writeTar(everything))).diffId, everythingDigest, 'as an iterable')
      same(
        (await dir.writeLayer(tarSource([]))).diffId,
        'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
        'of nothing',
      )
    },
  },
  {
    name: 'writeTar: what was written is read back, names of any bytes too',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const raw = Uint8Array.from({ length: 255 }, (_, i) => i + 1)
      const entry = {
        path: raw,
        type: 'symlink',
        linkname: raw,
        uid: 2 ** 31,
        gid: 2 ** 40,
        mtime: -62_135_596_800,
      } as const
      const layer = await dir.writeLayer(tarSource([entry, ...everything]), { codec: gzip() })
      const [first, folder, file, link, long] = await entriesOfLayer(dir, layer)
      sameBytes(first?.rawPath, raw, 'path')
      sameBytes(first?.rawLinkname, raw, 'link')
      sameJson([first?.uid, first?.gid, first?.mtime], [2 ** 31, 2 ** 40, -62_135_596_800])
      same(folder?.path, 'd/')
      sameJson([file?.path, file?.size, file?.mtime, file?.mtimeNs], ['d/ü', 1000, -5, 250_000_000])
      sameBytes(file?.xattrs.get('user.a'), Uint8Array.of(0, 10, 255), 'xattr')
      sameBytes(link?.rawLinkname, latin1('\xfe'), 'link')
      same(long?.path.length, 300)
    },
  },
  {
    name: 'writeTar: entries of a layer go into another with all that is known of them',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const sparse = [
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '9'],
      ] as const
      const layer = await dir.writeLayer(
        tar(
          pax([
            ['mtime', '1.25'],
            ['SCHILY.xattr.user.a', latin1('\xff')],
            ['path', latin1('\xe9')],
          ]),
          member({ uid: '0000005\0', uname: 'u' }, 'content'),
          pax(sparse),
          member({ name: 'x' }, `${'1\n4\n5\n'.padEnd(512, '\0')}abcde`),
          member({ name: 'l', type: '1', linkname: 'x' }),
        ),
      )
      const copy = await dir.writeLayer(writeTar(readTar(await dir.readLayer(layer))), { codec: gzip() })
      same(copy.diffId, 'sha256:316083a90a3f9e5004f6f90d8dee3aa9fd5f406f0552e47c4446511663cf0b0d')
      const again = await dir.writeLayer(writeTar(readTar(await dir.readLayer(copy, { codecs }))))
      same(again.diffId, copy.diffId, 'a copy of the copy')
      const [first, second] = await entriesOfLayer(dir, copy)
      sameBytes(first?.rawPath, latin1('\xe9'), 'path')
      same(asText(second?.bytes ?? text('')), '\0\0\0\0abcde')
    },
  },
  {
    name: 'writeTar: a body that is not of its size, and a name that no tar can hold, leave nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const write = (entry: TarInput) => () =>
        dir.writeLayer(tarSource([{ path: 'sound', body: 'x' }, entry]))
      await fails(write({ path: 'a', size: 5, body: 'four' }), { code: 'SIZE_MISMATCH' })
      await fails(write({ path: 'a', size: 3, body: 'four' }), { code: 'SIZE_MISMATCH' })
      await fails(write({ path: 'a\0b' }), { code: 'ENTRY_INVALID' })
      await holdsNothing(dir)
    },
  },
  {
    name: 'entriesOf: files of the platform are the same layer everywhere, in whatever order they come',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const chosen = [
        new File(['#!/bin/sh\necho hello\n'], 'run'),
        new File(['ü'.repeat(40_000)], 'text'),
        new File([], 'empty'),
      ]
      for (const list of [chosen, [...chosen].reverse()]) {
        const source = entriesOf(list, { prefix: 'app/', mtime: 0 })
        const layer = await dir.writeLayer(source, { codec: gzip() })
        same(layer.diffId, 'sha256:e6329c4f8d603f5123c2cba991442652c3e0b433330ce186f1fd329434240b23')
        same(
          layer.descriptor.digest,
          'sha256:80ea303e4023cba9962c7227de445e7cc23fbbe3315cf61ed2dcf8043315df54',
        )
      }
    },
  },
  {
    name: 'createTarLayer: entries that nobody awaits stand one after the other',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const writer = createTarLayer(dir, { codec: gzip() })
      const bodies = Array.from({ length: 20 }, (_, i) => 'x'.repeat(i * 700))
      const added = bodies.map((body, i) => writer.add({ path: `file-${i}` }, body))
      const layer = await writer.complete()
      await Promise.all(added)
      same(layer.diffId, 'sha256:0fceb192eafad3fbec31e4f122139f68b172ed92bc30b27ad16b3d0348673708')
      const together = await bytesOf(writeTar(bodies.map((body, i) => ({ path: `file-${i}`, body }))))
      same((await dir.writeLayer(together)).diffId, layer.diffId)
    },
  },
  {
    name: 'createTarLayer: one that is dropped, aborted or fails leaves nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const dropped = createTarLayer(dir)
      await dropped.add({ path: 'a' }, new Uint8Array(200_000))
      await dropped.discard()
      const controller = new AbortController()
      const aborted = createTarLayer(dir, { signal: controller.signal })
      await aborted.add({ path: 'a' }, new Uint8Array(200_000))
      controller.abort(new Error('enough'))
      await fails(() => aborted.complete(), { value: controller.signal.reason })
      const failing = createTarLayer(dir)
      await fails(() => failing.add({ path: 'a\0b' }), { code: 'ENTRY_INVALID' })
      await fails(() => failing.complete(), { code: 'ENTRY_INVALID' })
      await holdsNothing(dir)
    },
  },
]
