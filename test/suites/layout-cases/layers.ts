/** Layers: the crate's `create_…_layer` and `LayerWriter::complete`. */

import type { Codec } from '../../../src/codec/codec.ts'
import { identity } from '../../../src/codec/codec.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { digestOf } from '../../../src/digest.ts'
import { engine } from '../../../src/engine.ts'
import type { Layer, LayerWriter } from '../../../src/layer.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { mediaTypes } from '../../../src/spec.ts'
import { createTarLayer } from '../../../src/tar/layer.ts'
import { readTar } from '../../../src/tar/read.ts'
import { tarSource } from '../../../src/tar/write.ts'
import { fails, ok, same, sameBytes, sameNames, thrownBy } from '../assert.ts'
import {
  blobsIn,
  emptyDir,
  gzipLayer,
  pathOf,
  sameJson,
  tarball,
  tarballDiffId,
  textIn,
} from '../layout-material.ts'
import { bytesOf, drain, namesIn, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

/** A compression that nobody else has: every bit turned over. */
const flipped: Codec = {
  name: 'flipped',
  suffix: '+zstd',
  encode: turned,
  decode: turned,
}

async function* turned(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield chunk.map(byte => byte ^ 0xff)
}

async function write(writer: LayerWriter, ...texts: readonly string[]): Promise<Layer> {
  const sink = writer.writable.getWriter()
  for (const text of texts) await sink.write(utf8(text))
  await sink.close()
  return writer.complete()
}

async function wasDiscarded(writer: { complete(): Promise<Layer> }): Promise<void> {
  const error = await thrownBy(() => writer.complete())
  ok(error instanceof DOMException && error.name === 'AbortError', 'complete must reject with an AbortError')
}

/** Zstd without compression: the content in raw blocks of one frame each (RFC 8878). */
const rawZstd: Codec = {
  name: 'zstd, raw blocks',
  suffix: '+zstd',
  async *encode(source) {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += rawBlock) {
        const block = chunk.subarray(at, at + rawBlock)
        const header = (block.length << 3) | 1
        // A frame of one segment, its size in four bytes, and one block, the last.
        const size = [block.length & 255, (block.length >> 8) & 255, block.length >> 16, 0]
        yield Uint8Array.of(
          0x28,
          0xb5,
          0x2f,
          0xfd,
          0xa0,
          ...size,
          header & 255,
          (header >> 8) & 255,
          header >> 16,
        )
        yield block
      }
    }
  },
  decode: zstd().decode,
}
const rawBlock = 128 * 1024

export const layerCases: readonly StorageCase[] = [
  {
    name: 'create_layer_zstd, create_layer_zstd_multithread: has the diffID of the tar, and unpacks to it, at every level',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const level of [undefined, 1, 3, 9, 19]) {
        const layer = await write(dir.createLayer({ codec: zstd({ level }) }), tarball)
        same(layer.diffId, tarballDiffId)
        same(layer.descriptor.mediaType, mediaTypes.layerZstd, 'media type')
        same(await textIn(await dir.readLayer(layer, { codecs: [zstd()] })), tarball, `level ${level}`)
      }
    },
  },
  {
    name: 'create_layer_zstd, create_layer_zstd_multithread: the same bytes by any number of workers, however the tar comes',
    async run({ storage }) {
      await emptyDir(storage)
      const bytes = bytesOf(5_000_000)
      const digests = new Set<string>()
      for (const [workers, size] of [
        [0, 5_000_000],
        [2, 65_536],
        [4, 3_000_000],
      ] as const) {
        const own = engine({ workers })
        const dir = await OciDir.open(storage, { engine: own })
        const pieces = (async function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
        })()
        const layer = await dir.writeLayer(pieces, { codec: zstd() }).finally(() => own.pool.close())
        digests.add(layer.descriptor.digest)
        sameBytes(await drain(await dir.readLayer(layer, { codecs: [zstd()] })), bytes)
      }
      same(digests.size, 1)
      same((await blobsIn(storage)).length, 1)
    },
  },
  {
    name: 'create_layer_zstd, create_layer_zstd_multithread: a zstd codec of the caller stores, ours reads',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const content = bytesOf(300_000)
      const layer = await dir.writeLayer(content, { codec: rawZstd })
      same(layer.descriptor.mediaType, mediaTypes.layerZstd, 'media type')
      same(layer.diffId, await digestOf(content), 'diffID')
      sameBytes(await drain(await dir.readLayer(layer, { codecs: [zstd()] })), content)
    },
  },
  {
    name: 'create_custom_layer: any codec value, under any media type',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const mediaType = 'application/vnd.example.layer+flipped'
      const layer = await write(
        dir.createLayer({ codec: flipped, mediaType }),
        'pretend this ',
        'is a tarball',
      )
      same(layer.diffId, tarballDiffId)
      same(layer.descriptor.mediaType, mediaType)
      sameBytes(
        await drain(await dir.readBlob(layer.descriptor)),
        utf8(tarball).map(byte => byte ^ 0xff),
      )
      const typed = await dir.writeLayer(tarball, { codec: flipped })
      same(typed.descriptor.mediaType, mediaTypes.layerZstd)
      same(await textIn(await dir.readLayer(typed, { codecs: [flipped] })), tarball)
      await fails(() => dir.readLayer(typed, { codecs: [gzip()] }), { code: 'CODEC_MISSING' })
    },
  },
  {
    name: 'create_uncompressed_layer: test_uncompressed_layer: its digest is its diffID, and that of the gzip layer',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const data = 'pretend this is an uncompressed tarball'
      const gz = await write(dir.createLayer({ codec: gzip() }), data)
      const plain = await write(dir.createLayer({ codec: identity }), data)
      ok(gz.descriptor.digest !== gz.diffId, 'the gzip blob must have a digest of its own')
      same(plain.descriptor.digest, plain.diffId)
      same(plain.diffId, gz.diffId)
      same(plain.descriptor.mediaType, mediaTypes.layer)
      same((await write(dir.createLayer(), data)).descriptor.digest, plain.diffId, 'without a codec')
    },
  },
  {
    name: 'create_gzip_layer: has the diffID of the tar, and unpacks to it, at every level',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      same((await gzipLayer(dir)).diffId, tarballDiffId)
      for (const level of [0, 1, 6, 9] as const) {
        const layer = await write(dir.createLayer({ codec: gzip({ level }) }), tarball)
        same(layer.diffId, tarballDiffId)
        same(await textIn(await dir.readLayer(layer, { codecs: [gzip()] })), tarball, `level ${level}`)
      }
    },
  },
  {
    name: 'create_gzip_layer: the same bytes, however the tar comes in pieces',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = bytesOf(300_000)
      const digests = new Set<string>()
      for (const size of [300_000, 65_536, 1000]) {
        const pieces = (async function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
        })()
        digests.add((await dir.writeLayer(pieces, { codec: gzip() })).descriptor.digest)
      }
      same(digests.size, 1)
      same((await blobsIn(storage)).length, 1)
    },
  },
  {
    name: 'create_layer: entries added one by one are the tar that they make together',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const entries = [
        { path: 'etc', type: 'directory' },
        { path: 'etc/motd', body: 'hello\n', mode: 0o600 },
        { path: 'etc/alias', type: 'symlink', linkname: 'motd' },
        { path: 'usr/.wh.gone' },
      ] as const
      const writer = createTarLayer(dir, { codec: gzip() })
      for (const { body, ...entry } of entries.map(entry => ({ body: undefined, ...entry }))) {
        await writer.add(entry, body)
      }
      sameNames(await blobsIn(storage), [])
      const layer = await writer.complete()
      const together = await dir.writeLayer(tarSource(entries), { codec: gzip() })
      sameJson(layer, together)
      const paths: string[] = []
      for await (const { path } of readTar(await dir.readLayer(layer, { codecs: [gzip()] }))) paths.push(path)
      same(paths.join(' '), 'etc/ etc/motd etc/alias usr/.wh.gone')
    },
  },
  {
    name: 'create_layer: a dropped builder, and one whose entry fails, leave nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const dropped = createTarLayer(dir)
      await dropped.add({ path: 'a' }, bytesOf(100_000))
      await dropped.discard()
      await wasDiscarded(dropped)
      const failing = createTarLayer(dir)
      await fails(() => failing.add({ path: 'a', size: 5 }, 'four'), { code: 'SIZE_MISMATCH' })
      await fails(() => failing.add({ path: 'b' }), { code: 'SIZE_MISMATCH' })
      await fails(() => failing.complete(), { code: 'SIZE_MISMATCH' })
      sameNames(await namesIn(storage), ['index.json', 'oci-layout'])
    },
  },
  {
    name: 'LayerWriter::complete: gives descriptor and diffID of what is stored',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const { descriptor, diffId } = await write(dir.createLayer({ codec: gzip() }), tarball)
      const blob = await drain(await dir.readBlob(descriptor))
      same(descriptor.size, blob.length)
      same(descriptor.digest, await digestOf(blob))
      same(descriptor.mediaType, mediaTypes.layerGzip)
      same(diffId, await digestOf(utf8(tarball)))
      sameNames(await blobsIn(storage), [pathOf(descriptor)])
    },
  },
  {
    name: 'LayerWriter::complete: a dropped writer leaves nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const writer = dir.createLayer({ codec: gzip() })
      const sink = writer.writable.getWriter()
      await sink.write(bytesOf(300_000))
      await writer.discard()
      await wasDiscarded(writer)
      sameNames(await namesIn(storage), ['index.json', 'oci-layout'])
    },
  },
]
