/** Chunks in memory that is used again: given to who is done with each in time, and to nobody else. */

import { describe, expect, it, vi } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { type Codec, identity } from '../../../src/codec/codec.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import type { FromWorker } from '../../../src/jobs.ts'
import type { LayerSource } from '../../../src/layer.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { Pool } from '../../../src/pool.ts'
import type { AbortOptions } from '../../../src/storage.ts'
import { storedBlob } from '../../../src/stored-blob.ts'
import { chunksOf, concat, equalBytes, lentChunksOf, streamOf } from '../../../src/streams.ts'
import { entriesOf } from '../../../src/tar/index.ts'
import { noise, seeded } from '../../golden/inputs.ts'
import { LocalWorkers } from '../work/local-worker.ts'

const bytes = seeded(1_000_000, 3)
const step = 70_000

describe('a stream that lends', () => {
  it('does so to who is done with each chunk in time: a keeper would find another one in its place', async () => {
    const { stream, lent } = lending()
    const kept: Uint8Array[] = []
    const copies: Uint8Array[] = []
    for await (const chunk of lentChunksOf(stream)) {
      kept.push(chunk)
      copies.push(chunk.slice())
    }
    expect(equalBytes(concat(copies), bytes)).toBe(true)
    // Else the cases below would prove nothing.
    expect(equalBytes(concat(kept), bytes)).toBe(false)
    expect(lent()).toBe(1)
    expect(stream.locked).toBe(false)
    expect(await read(stream)).toHaveLength(0)
  })

  it.each<[string, (stream: ReadableStream<Uint8Array>) => AsyncIterable<Uint8Array>]>([
    ['who reads it himself', stream => chunksOf(stream)],
    ['who reads what it is piped through', stream => lentChunksOf(stream.pipeThrough(new TransformStream()))],
    ['one of two readers', stream => lentChunksOf(stream.tee()[0])],
  ])('gives chunks of their own to %s', async (_name, chunksBy) => {
    const { stream, lent } = lending()
    expect(equalBytes(concat(await keep(chunksBy(stream))), bytes)).toBe(true)
    expect(lent()).toBe(0)
  })

  it('gives the rest, and not all again, once somebody has begun to read', async () => {
    const { stream, lent } = lending()
    const reader = stream.getReader()
    const { value } = await reader.read()
    reader.releaseLock()
    const rest = concat(await keep(lentChunksOf(stream)))
    expect(equalBytes(concat([value ?? new Uint8Array(), rest]), bytes)).toBe(true)
    expect(lent()).toBe(0)
  })

  it('says no to who comes while another one reads', async () => {
    const { stream } = lending()
    const reader = stream.getReader()
    await expect(keep(lentChunksOf(stream))).rejects.toThrow(TypeError)
    reader.releaseLock()
  })

  it('is closed when it was cancelled', async () => {
    const { stream, lent } = lending()
    await stream.cancel()
    expect(await keep(lentChunksOf(stream))).toEqual([])
    expect(lent()).toBe(0)
  })

  it.each(['of the stream', 'of the reader'])(
    'ends by the signal %s, and so does the source',
    async whose => {
      const controller = new AbortController()
      const { signal } = controller
      const { stream, ended } = lending(whose === 'of the stream' ? { signal } : {})
      const chunks = lentChunksOf(stream, whose === 'of the reader' ? { signal } : {})
      await chunks.next()
      controller.abort(new Error('enough'))
      await expect(chunks.next()).rejects.toThrow('enough')
      await settled()
      expect(ended()).toBe(true)
      expect(stream.locked).toBe(false)
    },
  )

  it('ends its source when its reader stops early', async () => {
    const { stream, ended } = lending()
    for await (const _chunk of lentChunksOf(stream)) break
    await settled()
    expect(ended()).toBe(true)
  })
})

describe('a blob', () => {
  const large = seeded(5_000_001, 6) as Uint8Array<ArrayBuffer>
  const blob = new Blob([large.slice(0, 3_000_000), large.slice(3_000_000)])

  it('gives its bytes in one buffer, where its stream is one of bytes', async () => {
    const copies: Uint8Array[] = []
    const kept: Uint8Array[] = []
    for await (const chunk of lentChunksOf(blob)) {
      kept.push(chunk)
      copies.push(chunk.slice())
    }
    expect(equalBytes(concat(copies), large)).toBe(true)
    // The buffer has moved on with each chunk, and left empty ones behind.
    expect(kept.some(({ length }) => length === 0)).toBe(givesBytes(blob))
  })

  it('that is empty has none', async () => {
    expect(await keep(lentChunksOf(new Blob([])))).toEqual([])
  })

  it('is read as it can be where its stream is none of bytes', async () => {
    const odd = { size: 5, type: '', stream: () => new Blob(['12345']).stream().pipeThrough(passing()) }
    expect(new TextDecoder().decode(concat(await keep(lentChunksOf(odd as unknown as Blob))))).toBe('12345')
  })

  it('that only looks like one ends, though its stream of bytes closes without an answer to who reads into a buffer', {
    timeout: 5_000,
  }, async () => {
    let pulls = 0
    const stream = (): ReadableStream<Uint8Array<ArrayBuffer>> =>
      new ReadableStream({
        type: 'bytes',
        pull(controller) {
          if (pulls++ === 0) controller.enqueue(new Uint8Array([49, 50]))
          else controller.close()
        },
      })
    const odd = { name: 'odd', size: 2, lastModified: 0, stream }
    expect(new TextDecoder().decode(concat(await keep(lentChunksOf(odd as unknown as Blob))))).toBe('12')
    pulls = 0
    const tar = concat(await keep(lentChunksOf(entriesOf([odd]).tar())))
    expect(new TextDecoder().decode(tar.subarray(512, 514))).toBe('12')
  })

  it('ends by the signal, before and between', async () => {
    const controller = new AbortController()
    const chunks = lentChunksOf(blob, { signal: controller.signal })
    await chunks.next()
    controller.abort(new Error('enough'))
    await expect(chunks.next()).rejects.toThrow('enough')
    await expect(keep(lentChunksOf(blob, { signal: controller.signal }))).rejects.toThrow('enough')
  })

  it('lets go of its stream when its reader stops early', async () => {
    const streams: ReadableStream<Uint8Array>[] = []
    const given = Blob.prototype.stream
    const watched = vi.spyOn(Blob.prototype, 'stream').mockImplementation(function (this: Blob) {
      const stream = given.call(this)
      streams.push(stream)
      return stream
    })
    for await (const _chunk of lentChunksOf(blob)) break
    watched.mockRestore()
    await settled()
    const [stream] = streams
    expect(stream?.locked).toBe(false)
    await expect(read(stream as ReadableStream<Uint8Array>)).resolves.toHaveLength(0)
  })

  it('lends also as a stored file, a part of it as well, and gives who asks for a stream chunks of his own', async () => {
    const file = storedBlob(blob, { storage: 'a blob', path: 'blobs/sha256/0' })
    for (const range of [{}, { start: 2_999_999, end: 4_000_001 }]) {
      const expected = large.slice(range.start, range.end)
      const copies: Uint8Array[] = []
      let empty = 0
      let last: Uint8Array | undefined
      for await (const chunk of lentChunksOf(file.stream(range))) {
        if (last?.length === 0) empty++
        copies.push(chunk.slice())
        last = chunk
      }
      expect(equalBytes(concat(copies), expected)).toBe(true)
      expect(empty > 0).toBe(givesBytes(blob) && copies.length > 1)
      expect(equalBytes(concat(await keep(chunksOf(file.stream(range)))), expected)).toBe(true)
    }
  })

  it('that has fewer bytes than it says fails as a stored file, lent or not', async () => {
    const place = { storage: 'a blob', path: 'blobs/sha256/0' }
    const short = { size: 9, slice: () => ({ size: 9, stream: () => new Blob(['12345']).stream() }) }
    const file = storedBlob(short as unknown as Blob, place)
    for (const chunks of [lentChunksOf(file.stream()), chunksOf(file.stream())])
      await expect(keep(chunks)).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
  })

  it('lends as a chosen file of a layer, and the tar is the same', async () => {
    const named = (name: string, of: Blob): File => new File([of], name, { lastModified: 5_000 })
    const entries = entriesOf([
      named('large', blob),
      named('small', new Blob(['12345'])),
      named('empty', new Blob([])),
    ])
    const tar = await read(entries.tar())
    const copies: Uint8Array[] = []
    const kept: Uint8Array[] = []
    for await (const chunk of lentChunksOf(entries.tar())) {
      kept.push(chunk)
      copies.push(chunk.slice())
    }
    expect(equalBytes(concat(copies), tar)).toBe(true)
    expect(kept.some(({ length }) => length === 0)).toBe(givesBytes(blob))
    expect(await digestBy(gzip({ level: 1 }), entries)).toBe(await digestBy(gzip({ level: 1 }), tar))
  })

  it.each(['own', 'lent'] as const)(
    'that fails in the middle is said in our words, and by its path: %s chunks',
    async as => {
      const failing = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull: () => Promise.reject(new DOMException('gone', 'NotReadableError')),
      })
      const chosen = { name: 'a', size: 5, lastModified: 0, stream: () => failing }
      const chunks = as === 'own' ? chunksOf : lentChunksOf
      await expect(keep(chunks(entriesOf([chosen]).tar()))).rejects.toMatchObject({
        code: 'ENTRY_UNREADABLE',
        data: { path: 'a', reason: 'gone' },
      })
    },
  )

  it('makes the same layer as its bytes, by any codec', async () => {
    for (const codec of [identity, gzip({ level: 1 }), gzip({ level: 1, deflate: 'zlib' }), zstd()])
      expect(await digestBy(codec, blob)).toBe(await digestBy(codec, large))
  })
})

/** Whether the engine's blobs are read into buffers of ours. */
function givesBytes(blob: Blob): boolean {
  try {
    blob.stream().getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

const passing = (): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> => new TransformStream()

describe('an encoder', () => {
  const large = seeded(9_000_000, 4)
  const encoders: [string, Codec][] = [
    ['gzip by fflate', gzip({ level: 1 })],
    ['gzip by zlib', gzip({ level: 1, deflate: 'zlib' })],
    ['zstd', zstd({ level: 1 })],
  ]

  it.each(encoders)(
    'lends what it makes to who asks for it, by workers and without: %s',
    async (_name, codec) => {
      const expected = concat(await keep(codec.encode(chunksOf(large))))
      for (const workers of [0, 2]) {
        const pool = new Pool({ workers, start: () => new LocalWorkers().start() })
        const kept = await keep(codec.encode(chunksOf(large), { pool }))
        expect(equalBytes(concat(kept), expected)).toBe(true)
        const copies: Uint8Array[] = []
        const buffers = new Set<ArrayBufferLike>()
        for await (const chunk of codec.encode(chunksOf(large), { pool, lend: true })) {
          copies.push(chunk.slice())
          buffers.add(chunk.buffer)
        }
        expect(equalBytes(concat(copies), expected)).toBe(true)
        // The header and the trailer of gzip, and a few blocks under way.
        expect(buffers.size).toBeLessThan(copies.length)
        pool.close()
      }
    },
  )

  it.each(encoders)('needs no memory of its own for what can not be compressed: %s', async (_name, codec) => {
    const strange: FromWorker[] = []
    const pool = new Pool({
      workers: 2,
      start() {
        const worker = new LocalWorkers().start()
        worker.addEventListener('message', ({ data }) => {
          const answer = data as FromWorker
          if (answer.made !== undefined && answer.made.buffer !== answer.spent) strange.push(answer)
        })
        return worker
      },
    })
    const buffers = new Set<ArrayBufferLike>()
    let blocks = 0
    let size = 0
    for await (const chunk of codec.encode(chunksOf(noise(25_000_000, 9)), { pool, lend: true })) {
      size += chunk.length
      // Neither the header nor the trailer of gzip.
      if (chunk.length < 100) continue
      buffers.add(chunk.buffer)
      blocks++
    }
    expect(size).toBeGreaterThan(25_000_000)
    expect(blocks).toBeGreaterThan(10)
    // Those under way, and the one that is being filled.
    expect(buffers.size).toBeLessThanOrEqual(6)
    expect(strange).toEqual([])
    pool.close()
  })
})

describe('a layer', () => {
  it.each([
    ['plain', identity],
    ['gzip by fflate', gzip({ level: 1 })],
    ['gzip by zlib', gzip({ level: 1, deflate: 'zlib' })],
    ['zstd', zstd({ level: 1 })],
  ])('borrows, and is the same: %s', async (_name, codec) => {
    const { stream, lent } = lending()
    expect(await digestBy(codec, stream)).toBe(await digestBy(codec, bytes))
    expect(lent()).toBe(1)
  })

  it('has chunks of its own for a codec that says nothing', async () => {
    const { stream, lent } = lending()
    // It gives what it was given only when it has all.
    const late: Codec = {
      ...identity,
      borrows: undefined,
      suffix: '+gzip',
      encode: async function* (source) {
        yield* await keep(source)
      },
    }
    expect(await digestBy(late, stream)).toBe(await digestBy(identity, bytes))
    expect(lent()).toBe(0)
    // With a wrong word it would be garbage: that is what the word is for.
    expect(await digestBy({ ...late, borrows: true }, lending().stream)).not.toBe(
      await digestBy(identity, bytes),
    )
  })

  it('and a blob of a stream that lends is the same', async () => {
    const dir = await OciDir.ensure(memory())
    const { stream, lent } = lending()
    expect((await dir.writeBlob(stream)).digest).toBe((await dir.writeBlob(bytes)).digest)
    expect(lent()).toBe(1)
  })
})

async function digestBy(codec: Codec, source: LayerSource): Promise<string> {
  const dir = await OciDir.ensure(memory())
  return (await dir.writeLayer(source, { codec })).descriptor.digest
}

/** A stream with two ways to its bytes, of which one uses a single buffer for all. */
function lending(options: AbortOptions = {}) {
  let lent = 0
  let ended = false
  async function* own(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < bytes.length; at += step) yield bytes.slice(at, at + step)
  }
  async function* again(): AsyncGenerator<Uint8Array, void, undefined> {
    lent++
    const buffer = new Uint8Array(step)
    try {
      for (let at = 0; at < bytes.length; at += step) {
        const part = bytes.subarray(at, at + step)
        buffer.set(part)
        yield buffer.subarray(0, part.length)
      }
    } finally {
      ended = true
    }
  }
  return {
    stream: streamOf(own(), { ...options, lend: again }),
    lent: () => lent,
    ended: () => ended,
  }
}

/** What nobody waits for has come to its end. */
function settled(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve))
}

async function keep(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const kept: Uint8Array[] = []
  for await (const chunk of source) kept.push(chunk)
  return kept
}

async function read(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return concat(await keep(chunksOf(stream)))
}
