/** How work ends that several do at once: nobody begins what nobody wants any more, and none stands idle. */

import { describe, expect, it, vi } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { compressBlocks } from '../../../src/codec/blocks.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { engine } from '../../../src/engine.ts'
import { DigestsAhead } from '../../../src/fsck-ahead.ts'
import { OciDir } from '../../../src/index.ts'
import type { Layout } from '../../../src/layout.ts'
import { OwnSignals } from '../../../src/parallel.ts'
import { Pool } from '../../../src/pool.ts'
import type { ReadableStorage, StoredFile } from '../../../src/storage.ts'
import { chunked, seeded } from '../../golden/inputs.ts'
import { LocalWorkers } from './local-worker.ts'

describe('signals of ones own', () => {
  it('are aborted for what begins after the end, and where it had ended before', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const signals = new OwnSignals(controller.signal)
    const seen: unknown[] = []
    const see = async (signal: AbortSignal): Promise<void> => {
      seen.push(signal.reason)
    }
    await signals.run(see)
    controller.abort(reason)
    await signals.run(see)
    await new OwnSignals(controller.signal).run(see)
    expect(seen).toEqual([undefined, reason, reason])
    expect(() => signals.throwIfAborted()).toThrow('enough')
  })

  it('call once who asked to hear of it and took nothing back, and at once who asks after the end', () => {
    const controller = new AbortController()
    const signals = new OwnSignals(controller.signal)
    const heard: unknown[] = []
    signals.onAbort(reason => heard.push('first', reason))
    signals.onAbort(() => heard.push('taken back'))()
    controller.abort('enough')
    signals.abort('again')
    signals.onAbort(reason => heard.push('late', reason))
    expect(heard).toEqual(['first', 'enough', 'late', 'enough'])
  })
})

describe.each([
  ['gzip', gzip({ level: 1, deflate: 'zlib' })],
  ['zstd', zstd({ level: 1 })],
])('%s', (_name, codec) => {
  const source = (): AsyncIterable<Uint8Array> => chunked(seeded(7_000_000, 6), 300_000)

  it('ends at once whenever it is aborted, also before its worker has the first block', async () => {
    // Their patience is thirty seconds.
    const workers = new LocalWorkers(() => () => 'silence')
    const pool = new Pool({ workers: 2, start: workers.start })
    for (let turns = 0; turns < 60; turns++) {
      const controller = new AbortController()
      const { signal } = controller
      const next = codec.encode(source(), { pool, signal })[Symbol.asyncIterator]()
      const reading = (async () => {
        while (!(await next.next()).done);
      })()
      reading.catch(() => {})
      for (let turn = 0; turn < turns; turn++) await undefined
      const began = performance.now()
      controller.abort(new Error('enough'))
      await expect(reading, `after ${turns} turns`).rejects.toThrow('enough')
      expect(performance.now() - began).toBeLessThan(2_000)
    }
    pool.close()
  })

  it('gives no other worker a block that nobody waits for', async () => {
    const workers = new LocalWorkers(() => message => (message > 1 ? 'silence' : undefined))
    const pool = new Pool({ workers: 1, start: workers.start, startTime: 200, patience: 200 })
    const controller = new AbortController()
    const { signal } = controller
    const reading = (async () => {
      for await (const _chunk of codec.encode(source(), { pool, signal }));
    })()
    setTimeout(() => controller.abort(new Error('enough')), 100)
    await expect(reading).rejects.toThrow('enough')
    await new Promise(resolve => setTimeout(resolve, 400))
    expect(workers.all.map(({ got }) => got > 0)).toEqual([true])
    pool.close()
  })
})

describe('what a page has to load first, and which never comes', () => {
  const never = new Promise<never>(() => {})
  const job = { kind: 'zlib', level: 6, blockSize: 262_144, dictionarySize: 0 } as const
  const source = (): AsyncIterable<Uint8Array> => chunked(seeded(3_000_000, 6), 300_000)

  it.each([0, 2])(
    'does not keep a stream of blocks from its abort, by %i workers',
    async workers => {
      const pool = new Pool({ workers, start: new LocalWorkers().start })
      const here = { compress: (): Promise<never> => never }
      const modules = { zlib: (): Promise<never> => never }
      for (const wait of [0, 20]) {
        const controller = new AbortController()
        const { signal } = controller
        const blocks = compressBlocks(source(), { ...job, here, modules, pool, signal })
        const reading = blocks.next()
        reading.catch(() => {})
        await new Promise(resolve => setTimeout(resolve, wait))
        controller.abort(new Error('enough'))
        await expect(reading).rejects.toThrow('enough')
      }
      pool.close()
    },
    5_000,
  )
})

it('digests ahead of a check: as many at once as there may be, from the first to the last', async () => {
  const storage = memory()
  const dir = await OciDir.ensure(storage)
  const blobs = []
  for (let i = 0; i < 16; i++) blobs.push(await dir.writeBlob(seeded(100_000, i)))
  const held: (() => void)[] = []
  const open: ReadableStorage['open'] = async (path, options) => {
    const file = await storage.open(path, options)
    const slowly: StoredFile | undefined = file && {
      ...file,
      async bytes(range) {
        await new Promise<void>(resolve => held.push(resolve))
        return file.bytes(range)
      },
    }
    return slowly
  }
  const slowStorage: ReadableStorage = { name: 'slow', traits: storage.traits, open }
  const layout: Layout = { storage: slowStorage, places: [slowStorage], engine: engine({ workers: 0 }) }
  const ahead = new DigestsAhead(layout, { onBytes: () => {} })
  ahead.plan(blobs)
  for (let left = blobs.length; left > 0; left--) {
    await vi.waitFor(() => expect(held.length).toBe(Math.min(left, 4)))
    held.shift()?.()
  }
  for (const { digest } of blobs) expect(await ahead.take(digest)).toBe(digest)
  await ahead.end()
})
