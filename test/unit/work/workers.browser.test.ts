/** The engine's real workers in a page: what they make, what a killed one costs, and what they may not keep. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { engine } from '../../../src/engine.ts'
import { fsck, OciDir } from '../../../src/index.ts'
import { Pool } from '../../../src/pool.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { chunked, prng, seeded } from '../../golden/inputs.ts'
import { rounds, seed } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'
import { digestsByWorkers } from './digests.ts'

const codec = gzip({ level: 6, deflate: 'zlib' })
const input = seeded(4_000_000, 5)
const start = (): Worker => new Worker(new URL('../../../src/worker.js', import.meta.url), { type: 'module' })

it('gives the same digests by 0, 1, 2 and 4 workers', { timeout: 60_000 }, async () => {
  const { digests } = await digestsByWorkers(0)
  for (const workers of [1, 2, 4])
    expect(await digestsByWorkers(workers)).toEqual({ digests, started: workers })
})

const kills = rounds({ short: 10, long: 200 })

it('P22: does a block again whose worker was killed in the middle of it', {
  timeout: 60_000 + kills * 3_000,
}, async () => {
  const expected = await collect(codec.encode(chunked(input, 65_536)), { max: 2 ** 30 })
  const random = prng(seed)
  const tally = new Tally('P22: a layer whose worker of Chromium is killed in a block')
  while (tally.attempts < kills) {
    tally.attempts++
    const started: Worker[] = []
    const end = 1 + (random() % 6)
    const pool = new Pool({
      workers: 2,
      // A browser doesn't say that a worker has ended.
      patience: 300,
      start() {
        const worker = start()
        started.push(worker)
        let answers = 0
        // It has the next block at hand by then. Another one takes its place, and is left alone.
        worker.addEventListener('message', () => {
          if (started[0] === worker && ++answers === end) worker.terminate()
        })
        return worker
      },
    })
    const made = collect(codec.encode(chunked(input, 65_536), { pool }), { max: 2 ** 30 })
    if (!equalBytes(await made, expected)) tally.losses++
    if (started.length > 2) tally.fired++
    pool.close()
  }
  expect(tally.report()).toMatchObject({ losses: 0 })
})

it.each([
  ['whose script is not there', () => new Worker('/no-such-worker.js', { type: 'module' })],
  ['whose script is no script', () => new Worker(URL.createObjectURL(new Blob(['<'])), { type: 'module' })],
])('builds without workers %s', async (_, worker) => {
  const own = engine({ workers: 2, worker })
  const dir = await OciDir.ensure(memory(), { engine: own })
  const layer = await dir.writeLayer(chunked(input, 65_536), { codec })
  const alone = await OciDir.ensure(memory(), { engine: engine({ workers: 0 }) })
  expect(layer).toEqual(await alone.writeLayer(input, { codec }))
  expect([own.pool.size, own.pool.started]).toEqual([0, 0])
})

describe('fsck', () => {
  it('finds the same with workers as without, also when one is killed under it', async () => {
    const dir = await OciDir.ensure(memory(), { engine: engine({ workers: 0 }) })
    for (let i = 0; i < 3; i++) await dir.writeBlob(seeded(40_000_000, i + 1))
    const alone = await fsck(dir.storage, { engine: engine({ workers: 0 }) })
    const started: Worker[] = []
    const worker = (): Worker => {
      const one = start()
      started.push(one)
      return one
    }
    const own = engine({ workers: 2, worker })
    expect(await fsck(dir.storage, { engine: own })).toEqual(alone)
    expect(started.length).toBeGreaterThan(0)
    const pool = new Pool({ workers: 2, patience: 300, start: worker })
    const checking = fsck(dir.storage, { engine: { ...own, pool } })
    await expect.poll(() => pool.started).toBeGreaterThan(0)
    started.at(-1)?.terminate()
    expect(await checking).toEqual(alone)
    pool.close()
    own.pool.close()
  }, 60_000)
})
