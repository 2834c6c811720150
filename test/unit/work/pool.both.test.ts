/** The engine's workers: the same bytes by any number of them, whatever becomes of them. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { blobPath, digestOf } from '../../../src/digest.ts'
import { type Engine, engine } from '../../../src/engine.ts'
import { cloneTo, draft, OciDir, pushLayer } from '../../../src/index.ts'
import { Pool, type PoolOptions } from '../../../src/pool.ts'
import type { StoredFile, WorkerLike } from '../../../src/storage.ts'
import { storedDigest } from '../../../src/stored-digest.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { chunked, prng, seeded } from '../../golden/inputs.ts'
import { rounds, seed } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'
import { LocalWorkers } from './local-worker.ts'

const max = 2 ** 30
const codecs = [
  ['fflate', gzip({ level: 1 })],
  ['zlib', gzip({ level: 6, deflate: 'zlib' })],
  ['zstd', zstd({ level: 1 })],
] as const
const input = seeded(6_000_000, 3)
/** Three blocks of zstd, or ten of gzip. */
const inputOf = ({ name }: { readonly name: string }): Uint8Array =>
  name === 'zstd' ? input : input.subarray(0, 2_500_000)
const source = (bytes = input): AsyncIterable<Uint8Array> => chunked(bytes, 100_003)

function poolOf(workers: LocalWorkers, options: PoolOptions = {}): Pool {
  return new Pool({ workers: 2, ...options, start: workers.start })
}

async function compressed(
  codec: (typeof codecs)[number][1],
  pool?: Pool,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return collect(codec.encode(source(inputOf(codec)), { pool, signal }), { max })
}

/** By a pool as without one. */
async function isSame(codec: (typeof codecs)[number][1], pool: Pool): Promise<boolean> {
  return equalBytes(await compressed(codec, pool), await compressed(codec))
}

describe.each(codecs)('%s', (_, codec) => {
  it.each([1, 2, 4])('gives the same bytes by %i workers, each with two blocks at the most', async count => {
    const workers = new LocalWorkers()
    const pool = poolOf(workers, { workers: count })
    expect(await isSame(codec, pool)).toBe(true)
    expect(workers.all.length).toBeGreaterThan(0)
    expect(workers.all.length).toBeLessThanOrEqual(count)
    // A module's note comes with the first block.
    expect(Math.max(...workers.all.map(({ mostAtHand }) => mostAtHand))).toBeLessThanOrEqual(3)
    pool.close()
  })

  it('gives work to all workers before any of them has answered', async () => {
    const workers = new LocalWorkers(() => () => 'silence')
    const pool = poolOf(workers, { patience: 50, startTime: 50 })
    expect(await isSame(codec, pool)).toBe(true)
    expect(workers.all.map(({ got }) => got > 0)).toEqual([true, true])
    pool.close()
  })

  it.each([
    ['dies', 'error'],
    ['falls silent', 'silence'],
    ['meets an error', 'fault'],
  ] as const)(
    'is whole when a worker %s in the middle of a block, and the block is done again',
    async (_, end) => {
      // Each third message is the end of its worker, or of the block.
      const workers = new LocalWorkers(() => number => (number % 3 === 0 ? end : undefined))
      const pool = poolOf(workers, { patience: 100 })
      expect(await isSame(codec, pool)).toBe(true)
      const fired = workers.all.filter(({ got }) => got >= 3).length
      console.log(`workers that ${end}: ${workers.all.length} started, ${fired} met it, 0 bytes lost`)
      expect(fired).toBeGreaterThan(0)
      pool.close()
    },
  )
})

describe('a pool', () => {
  const codec = gzip({ level: 1 })

  it.each([
    ['whose script is missing', new LocalWorkers(() => () => 'error')],
    ['whose workers never answer', new LocalWorkers(() => () => 'silence')],
  ])('%s is given up, and the calling thread does the work', async (_, workers) => {
    const pool = poolOf(workers, { patience: 50, startTime: 50 })
    expect(await isSame(codec, pool)).toBe(true)
    expect(pool.size).toBe(0)
    expect(workers.living).toBe(0)
    const { length } = workers.all
    await compressed(codec, pool)
    expect(workers.all.length).toBe(length)
  })

  it('is not deceived by what somebody else says in its workers, which then say nothing', {
    timeout: 5_000,
  }, async () => {
    const workers = new LocalWorkers(() => () => 'silence')
    const start = (): WorkerLike => {
      const worker = workers.start()
      // As a wrapper of a bundler's does before it loads the worker's own script.
      setTimeout(() => worker.say({ ready: true }), 5)
      return worker
    }
    const pool = new Pool({ workers: 2, start, patience: 50, startTime: 50 })
    expect(await isSame(codec, pool)).toBe(true)
    expect(workers.living).toBe(0)
  })

  it('that may start none says so at once', async () => {
    let asked = 0
    const pool = new Pool({
      workers: 2,
      start() {
        asked++
        throw new DOMException('forbidden', 'SecurityError')
      },
    })
    expect(await isSame(codec, pool)).toBe(true)
    expect([pool.size, asked]).toEqual([0, 1])
  })

  it('starts nothing before there is work, nor for a source of one block, and ends what has rested', async () => {
    const workers = new LocalWorkers()
    const pool = poolOf(workers, { rest: 30 })
    await collect(codec.encode(source(seeded(200_000, 1)), { pool }), { max })
    expect(workers.all.length).toBe(0)
    await compressed(codec, pool)
    expect([workers.all.length, pool.started]).toEqual([2, 2])
    await expect.poll(() => pool.started).toBe(0)
    expect(workers.living).toBe(0)
    await compressed(codec, pool)
    expect(workers.all.length).toBe(4)
    pool.close()
  })

  it('is shared by a hundred layers at once, which get what each would get alone', async () => {
    const workers = new LocalWorkers()
    const own: Engine = engine({ workers: 2 })
    own.pool.startBy({ count: 2, start: workers.start })
    const dir = await OciDir.ensure(memory(), { engine: own })
    const layers = Array.from({ length: 100 }, (_, i) => seeded(300_000 + i * 1_000, i + 1))
    const write = (bytes: Uint8Array, i: number): Promise<string> =>
      dir.writeLayer(chunked(bytes, 50_000 + i), { codec }).then(({ descriptor }) => descriptor.digest)
    const together = await Promise.all(layers.map(write))
    const alone: string[] = []
    const single = await OciDir.ensure(memory(), { engine: engine({ workers: 0 }) })
    for (const bytes of layers) alone.push((await single.writeLayer(bytes, { codec })).descriptor.digest)
    expect(together).toEqual(alone)
    expect(workers.all.length).toBe(2)
    expect(workers.most).toBe(2)
    expect(Math.max(...workers.all.map(({ mostAtHand }) => mostAtHand))).toBeLessThanOrEqual(3)
    own.pool.close()
  })

  const aborts = rounds({ short: 30, long: 1000 })

  it('P9: ends at once when it is aborted, at any point, with nothing left in the layout', {
    timeout: 60_000 + aborts * 1_000,
  }, async () => {
    const random = prng(seed)
    const tally = new Tally('P9: a layer by workers, aborted at random')
    const workers = new LocalWorkers()
    const own = engine({ workers: 2 })
    own.pool.startBy({ count: 2, start: workers.start })
    const dir = await OciDir.ensure(memory(), { engine: own })
    let longest = 0
    for (let attempt = 0; attempt < aborts; attempt++) {
      tally.attempts++
      const controller = new AbortController()
      const reason = new Error(`stop ${attempt}`)
      let at = 0
      setTimeout(() => {
        at = performance.now()
        controller.abort(reason)
      }, random() % 120)
      const { signal } = controller
      const ended = await dir.writeLayer(source(), { codec, signal }).catch((error: unknown) => error)
      if (ended !== reason) continue
      tally.fired++
      longest = Math.max(longest, performance.now() - at)
    }
    const entries: string[] = []
    for await (const { path } of dir.storage.list()) entries.push(path)
    tally.losses = entries.filter(path => path.startsWith('.ocidir/')).length
    console.log(`the longest abort took ${longest.toFixed(0)} ms`)
    expect(tally.report()).toMatchObject({ losses: 0 })
    expect(tally.fired).toBeGreaterThan(tally.attempts / 3)
    // 100 ms is the promise; on a machine that has much else to do it is as long as that takes.
    expect(longest).toBeLessThan(1_000)
    own.pool.close()
  })
})

describe('a hash by a worker', () => {
  const bytes = seeded(3_000_000, 8)
  const update = async (pool: Pool): Promise<string | undefined> => {
    const hash = pool.hasher('sha256')
    for (let at = 0; at < bytes.length; at += 500_000) {
      if (!(await hash?.update(bytes.subarray(at, at + 500_000)))) break
    }
    return hash?.hex()
  }

  it('is the digest, and takes no chunk away from whoever has it', async () => {
    const pool = poolOf(new LocalWorkers())
    expect(`sha256:${await update(pool)}`).toBe(await digestOf(bytes))
    pool.close()
  })

  it.each(['fault', 'error', 'silence'] as const)(
    'is none when one of its chunks was lost (%s)',
    async end => {
      for (let lost = 1; lost <= 6; lost++) {
        const pool = poolOf(new LocalWorkers(() => number => (number === lost ? end : undefined)), {
          workers: 1,
          patience: 50,
          startTime: 50,
        })
        expect(await update(pool), `chunk ${lost}`).toBeUndefined()
        pool.close()
      }
    },
  )

  it('of a stored file is made here when the worker is lost', async () => {
    const storage = memory()
    const dir = await OciDir.ensure(storage)
    const { digest } = await dir.writeBlob(seeded(40_000_000, 2))
    const file = await storage.open(blobPath(digest))
    const workers = new LocalWorkers(() => number => (number === 5 ? 'fault' : undefined))
    let read = 0
    const options = {
      engine: { ...engine(), pool: poolOf(workers) },
      storage: 'memory',
      onBytes: (more: number) => {
        read += more
      },
    }
    expect(await storedDigest(file as StoredFile, digest, options)).toBe(digest)
    expect([workers.all.length, read]).toEqual([1, 40_000_000])
  })

  it('is left at once by an abort, though the worker says nothing', async () => {
    const storage = memory()
    const { digest } = await (await OciDir.ensure(storage)).writeBlob(seeded(40_000_000, 2))
    const file = await storage.open(blobPath(digest))
    // Their patience is thirty seconds.
    const pool = poolOf(new LocalWorkers(() => () => 'silence'))
    const controller = new AbortController()
    const { signal } = controller
    const hashing = storedDigest(file as StoredFile, digest, {
      engine: { ...engine(), pool },
      storage: 'memory',
      signal,
    })
    setTimeout(() => controller.abort(new Error('enough')), 20)
    const began = performance.now()
    await expect(hashing).rejects.toThrow('enough')
    expect(performance.now() - began).toBeLessThan(1_000)
    pool.close()
  })

  it('takes no room from blocks: four of them rest, and a layer is compressed', async () => {
    const pool = poolOf(new LocalWorkers())
    const hashes = Array.from({ length: 4 }, () => pool.hasher('sha256'))
    for (const hash of hashes) await hash?.update(bytes.subarray(0, 1000))
    expect(await isSame(gzip({ level: 1 }), pool)).toBe(true)
    for (const hash of hashes) await hash?.drop()
    pool.close()
  })
})

it('a pool that is closed in the middle of a layer lets nobody wait', async () => {
  // With its first block done, and more at hand and waiting.
  const workers = new LocalWorkers(worker => number => {
    if (worker > 1 || number !== 3) return undefined
    pool.close()
    return 'silence'
  })
  const pool: Pool = poolOf(workers)
  expect(await isSame(gzip({ level: 1 }), pool)).toBe(true)
  expect(workers.all.length).toBeGreaterThan(2)
  pool.close()
})

it('what cannot be sent to a worker is done here, at once', async () => {
  const workers = new LocalWorkers()
  const pool = new Pool({
    workers: 2,
    start() {
      const worker = workers.start()
      worker.postMessage = () => {
        throw new DOMException('not cloneable', 'DataCloneError')
      }
      return worker
    },
  })
  const began = performance.now()
  expect(await isSame(gzip({ level: 1 }), pool)).toBe(true)
  expect(performance.now() - began).toBeLessThan(8_000)
  pool.close()
})

it('a layer by eight workers has one listener at the most for all of its blocks', async () => {
  const own = engine({ workers: 8 })
  own.pool.startBy({ count: 8, start: new LocalWorkers().start })
  const { signal } = new AbortController()
  let listening = 0
  let most = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    most = Math.max(most, ++listening)
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening--
    remove(...args)
  }
  const codec = gzip({ level: 1 })
  await collect(codec.encode(source(), { pool: own.pool, signal }), { max })
  expect(most).toBeGreaterThan(0)
  // One for the blocks, one for the read that is under way.
  expect(most).toBeLessThanOrEqual(3)
  own.pool.close()
})

it('a clone works with the engine of the layout, and its workers', async () => {
  const workers = new LocalWorkers()
  const own = engine({ workers: 2 })
  own.pool.startBy({ count: 2, start: workers.start })
  const dir = await OciDir.ensure(memory(), { engine: own })
  const image = pushLayer(draft({ os: 'linux', architecture: 'amd64' }), await dir.writeLayer(input))
  await dir.writeImage(image, { tag: 'one' })
  let asked = 0
  const hasher = own.pool.hasher.bind(own.pool)
  own.pool.hasher = algorithm => {
    asked++
    return hasher(algorithm)
  }
  const large = await dir.writeLayer(seeded(34_000_000, 4))
  await dir.writeImage(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), large), { tag: 'two' })
  expect(await cloneTo(dir, memory())).toMatchObject({ copied: 6 })
  expect(asked).toBeGreaterThan(0)
  own.pool.close()
})
