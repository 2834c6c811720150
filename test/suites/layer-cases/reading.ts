/** Layers read: what isn't what its descriptor and its diffID say is refused before its end. */

import { gzip } from '../../../src/codec/gzip.ts'
import { digestOf } from '../../../src/digest.ts'
import { type Digest, mediaTypes } from '../../../src/spec.ts'
import { chunksOf } from '../../../src/streams.ts'
import { fails, ok, same, sameBytes } from '../assert.ts'
import { codecs, emptyDir, isRefused, plainOf, storeAs } from '../layer-material.ts'
import { pathOf } from '../layout-material.ts'
import { bytesOf, drain, stageBytes, utf8 } from '../material.ts'
import { seeded } from '../seeded-bytes.ts'
import type { StorageCase } from '../storage-case.ts'

const wrongDigest: Digest = `sha256:${'0'.repeat(64)}`

export const readingCases: readonly StorageCase[] = [
  {
    name: 'readLayer: a descriptor alone gives the tar, too',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = seeded(400_000, 4)
      for (const codec of [undefined, gzip({ level: 9 })]) {
        const layer = await dir.writeLayer(bytes, codec ? { codec } : {})
        sameBytes(await plainOf(dir, layer.descriptor), bytes)
      }
    },
  },
  {
    name: 'readLayer: two readers beside each other, and one that stops early',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = seeded(400_000, 5)
      const layer = await dir.writeLayer(bytes, { codec: gzip({ level: 1 }) })
      const [one, two, three] = await Promise.all([1, 2, 3].map(() => dir.readLayer(layer, { codecs })))
      ok(one && two && three, 'three streams')
      const reader = one.getReader()
      await reader.read()
      await reader.cancel()
      const [second, third] = await Promise.all([drain(two), drain(three)])
      sameBytes(second, bytes)
      sameBytes(third, bytes)
    },
  },
  {
    name: 'readLayer: a wrong diffID is told at the end, and never passes',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const { descriptor, diffId } = await dir.writeLayer(bytesOf(300_000), { codec: gzip() })
      await isRefused(dir, { descriptor, diffId: wrongDigest }, { code: 'DIFF_ID_MISMATCH' })
      await isRefused(
        dir,
        { descriptor, diffId: descriptor.digest.toUpperCase() as Digest },
        { code: 'DIGEST_INVALID' },
      )
      same((await plainOf(dir, { descriptor, diffId })).length, 300_000)
      const plain = await dir.writeLayer(bytesOf(300_000))
      await isRefused(dir, { ...plain, diffId: wrongDigest }, { code: 'DIFF_ID_MISMATCH' })
    },
  },
  {
    name: 'readLayer: bytes that the medium changed are refused, whatever the codec makes of them',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const codec of [undefined, gzip({ level: 0 }), gzip()]) {
        const layer = await dir.writeLayer(seeded(70_000, 6), codec ? { codec } : {})
        const sound = await drain(await dir.readBlob(layer.descriptor))
        for (const at of [0, 9, 35_000, sound.length - 1].filter(at => at < sound.length)) {
          await replace(
            layer.descriptor.digest,
            sound.map((byte, i) => (i === at ? byte ^ 0x10 : byte)),
          )
          const thrown = await fails(() => plainOf(dir, layer), { code: 'DIGEST_MISMATCH' }).catch(error => {
            // A codec may notice it before the digest can.
            if (codec === undefined) throw error
            return isRefused(dir, layer, { code: 'GZIP_INVALID' })
          })
          ok(thrown instanceof Error, 'an error')
        }
        for (const size of [0, 1, sound.length - 1]) {
          await replace(layer.descriptor.digest, sound.slice(0, size))
          await isRefused(dir, layer, { code: 'SIZE_MISMATCH' })
        }
        await replace(layer.descriptor.digest, Uint8Array.of(...sound, 0))
        await isRefused(dir, layer, { code: 'SIZE_MISMATCH' })
      }

      async function replace(digest: Digest, bytes: Uint8Array): Promise<void> {
        await storage.remove(() => [pathOf({ digest })])
        await (await stageBytes(storage, bytes)).commit(pathOf({ digest }))
      }
    },
  },
  {
    name: 'readLayer: its chunks are of at most 1 MiB, whatever it unpacks to',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = await dir.writeLayer(new Uint8Array(3_000_000), { codec: gzip() })
      ok(layer.descriptor.size < 20_000, 'zeros pack well')
      let total = 0
      for await (const chunk of chunksOf(await dir.readLayer(layer, { codecs }))) {
        ok(chunk.length <= 1_048_576, `a chunk of ${chunk.length} bytes`)
        total += chunk.length
      }
      same(total, 3_000_000)
    },
  },
  {
    name: 'readLayer: a compression without its codec is said, and a type that is none',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = await dir.writeLayer('tar', { codec: gzip() })
      await fails(() => dir.readLayer(layer), { code: 'CODEC_MISSING' })
      const strange = await dir.writeBlob('tar', { mediaType: 'application/vnd.example.layer+xz' })
      await isRefused(dir, strange, { code: 'CODEC_MISSING' })
    },
  },
  {
    name: 'readLayer: a plain tar under the type of gzip is refused, and gzip under that of a tar stays gzip',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      await isRefused(dir, await storeAs(dir, 'layerGzip', bytesOf(2000)), { code: 'GZIP_INVALID' })
      await isRefused(dir, await storeAs(dir, 'layerZstd', bytesOf(2000)), { code: 'ZSTD_INVALID' })
      const { descriptor } = await dir.writeLayer('tar', { codec: gzip() })
      const packed = await drain(await dir.readBlob(descriptor))
      sameBytes(await plainOf(dir, { ...descriptor, mediaType: mediaTypes.layer }), packed)
    },
  },
  {
    name: 'readLayer: a layer that is not there, and one of another size',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const digest = await digestOf(utf8('gone'))
      await isRefused(dir, { mediaType: mediaTypes.layer, digest, size: 4 }, { code: 'BLOB_MISSING' })
      const { descriptor } = await dir.writeLayer('here')
      await isRefused(dir, { ...descriptor, size: 3 }, { code: 'SIZE_MISMATCH' })
      await isRefused(dir, { ...descriptor, size: 5 }, { code: 'SIZE_MISMATCH' })
    },
  },
]
