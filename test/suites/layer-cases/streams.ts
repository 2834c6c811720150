/** Layers as streams: odd pieces, any source, a slow sink, a failure or an abort at each chunk. */

import { gzip } from '../../../src/codec/gzip.ts'
import { engine } from '../../../src/engine.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { chunksOf, streamOf } from '../../../src/streams.ts'
import { fails, ok, same, sameBytes, thrownBy } from '../assert.ts'
import { chunks, counted, InFlight, slow } from '../in-flight.ts'
import { codecs, emptyDir, holdsNothing, plainOf } from '../layer-material.ts'
import { bytesOf, pause, utf8 } from '../material.ts'
import { chunked, prng, seeded } from '../seeded-bytes.ts'
import type { StorageCase } from '../storage-case.ts'

const gzipped = 'sha256:1f0f05c9c2d81f9368233e9056402600c1456d575b991db0f546af2bbf511da3'

async function* failingAfter(count: number, error: unknown): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield bytesOf(70_000, i + 1)
  throw error
}

async function* abortingAfter(count: number, controller: AbortController): AsyncGenerator<Uint8Array> {
  for (let i = 0; ; i++) {
    if (i === count) controller.abort(new Error('enough'))
    yield bytesOf(70_000, i + 1)
  }
}

export const streamCases: readonly StorageCase[] = [
  {
    name: 'writeLayer: pieces of any size make the same blob',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = seeded(300_000, 8)
      const random = prng(21)
      for (const size of [257, 4097, 65_535, 262_145, () => 1 + (random() % 50_000)]) {
        const layer = await dir.writeLayer(chunked(bytes, size), { codec: gzip({ level: 1 }) })
        same(layer.descriptor.digest, gzipped, `pieces of ${size}`)
      }
    },
  },
  {
    name: 'writeLayer: pieces of one byte, and empty ones between',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = seeded(3000, 9)
      const random = prng(22)
      const layer = await dir.writeLayer(
        chunked(bytes, () => random() % 3),
        { codec: gzip() },
      )
      same(
        (await dir.writeLayer(chunked(bytes, 1), { codec: gzip() })).descriptor.digest,
        layer.descriptor.digest,
      )
      same(layer.descriptor.digest, 'sha256:8b8890869ccf800ec5eec85728900975aa5bf909b8edaab532b5edbbf5809bb2')
      sameBytes(await plainOf(dir, layer), bytes)
    },
  },
  {
    name: 'writeLayer: bytes, a text, a Blob, its stream and an iterable are the same',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const text = 'ü'.repeat(20_000)
      const bytes = utf8(text)
      const blob = new Blob([text])
      for (const source of [
        bytes,
        text,
        blob,
        blob.stream(),
        streamOf(chunked(bytes, 999)),
        chunked(bytes, 7777),
      ]) {
        const layer = await dir.writeLayer(source, { codec: gzip() })
        same(
          layer.descriptor.digest,
          'sha256:78b1b6da5c2dbe6db82d30635e17dc972e6a22cf81786324b6afe5dc19f8cb37',
        )
      }
    },
  },
  {
    name: 'createLayer: what is written piece by piece, however, is the same blob',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const random = prng(23)
      const writer = dir.createLayer({ codec: gzip({ level: 1 }) })
      await streamOf(chunked(seeded(300_000, 8), () => 1 + (random() % 90_000))).pipeTo(writer.writable)
      same((await writer.complete()).descriptor.digest, gzipped)
    },
  },
  {
    name: 'writeLayer: holds up a source by a slow medium, by no more than the blocks being compressed',
    async run({ storage }) {
      const flow = new InFlight()
      const dir = await emptyDir(slow(storage, flow))
      await dir.writeLayer(flow.source())
      same(flow.given, chunks, 'chunks given')
      ok(flow.most <= 2, `without a codec ${flow.most} chunks were in flight`)
      // Of a block's four chunks: the one that is written and the one that fills; a worker has two more, and one waits.
      for (const [workers, blocks] of [
        [0, 2],
        [1, 5],
      ] as const) {
        const compressed = new InFlight()
        const own = engine({ workers })
        const second = await OciDir.ensure(slow(storage, compressed), { engine: own })
        await second.writeLayer(compressed.source(), { codec: gzip({ level: 1 }) })
        own.pool.close()
        ok(
          compressed.most <= 2 + blocks * 4,
          `by ${workers} workers ${compressed.most} chunks were in flight`,
        )
      }
    },
  },
  {
    name: 'readLayer: reads ahead of a slow reader by no more than 2 chunks',
    async run({ storage }) {
      const layer = await (await emptyDir(storage)).writeLayer(new InFlight().source())
      const flow = new InFlight()
      const dir = await emptyDir(counted(storage, flow))
      for await (const _chunk of chunksOf(await dir.readLayer(layer))) {
        await pause(1)
        flow.taken++
      }
      ok(flow.given >= chunks, 'all of it must have been read')
      ok(flow.most <= 2, `${flow.most} chunks were in flight`)
    },
  },
  {
    name: 'writeLayer: the error of a source passes at whichever chunk it comes, and nothing is left',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const error = new Error('the source broke')
      for (const codec of [undefined, gzip({ level: 1 })]) {
        for (const count of [0, 1, 4, 9]) {
          const source = failingAfter(count, error)
          await fails(() => dir.writeLayer(source, codec ? { codec } : {}), { value: error })
        }
      }
      await holdsNothing(dir)
    },
  },
  {
    name: 'writeLayer: an abort at each chunk ends it with its reason, and nothing is left',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const codec of [undefined, gzip({ level: 1 })]) {
        for (const count of [0, 1, 2, 5]) {
          const controller = new AbortController()
          const { signal } = controller
          const call = dir.writeLayer(
            abortingAfter(count, controller),
            codec ? { codec, signal } : { signal },
          )
          same(await thrownBy(() => call), signal.reason, `abort at chunk ${count}`)
        }
      }
      await holdsNothing(dir)
    },
  },
  {
    name: 'readLayer: an abort at each chunk ends it with its reason',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = await dir.writeLayer(bytesOf(1_200_000), { codec: gzip({ level: 1 }) })
      for (const at of [0, 1, 3]) {
        const controller = new AbortController()
        const { signal } = controller
        const reading = async (): Promise<void> => {
          let seen = 0
          const stream = await dir.readLayer(layer, { codecs, signal })
          if (at === 0) controller.abort(new Error('enough'))
          for await (const _chunk of chunksOf(stream))
            if (++seen === at) controller.abort(new Error('enough'))
        }
        same(await thrownBy(reading), signal.reason, `abort at chunk ${at}`)
      }
      same((await plainOf(dir, layer)).length, 1_200_000)
    },
  },
]
