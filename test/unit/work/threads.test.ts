/** The engine's threads in Node, of the built package: what they make, what a killed one costs, and that none is left. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { gzip } from '../../../src/codec/gzip.ts'
import { Pool } from '../../../src/pool.ts'
import type { ThreadTools, WorkerLike } from '../../../src/storage.ts'
import { collect, equalBytes } from '../../../src/streams.ts'
import { chunked, prng, seeded } from '../../golden/inputs.ts'
import { rounds, seed } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'

const run = promisify(execFile)
const dist = new URL('../../../dist/', import.meta.url)
const { threads }: { threads: ThreadTools } = await import(new URL('adapters/node/threads.js', dist).href)
const codec = gzip({ level: 6, deflate: 'zlib' })
const input = seeded(4_000_000, 5)
const source = (): AsyncIterable<Uint8Array> => chunked(input, 65_536)
const max = 2 ** 30

const kills = rounds({ short: 8, long: 500 })

it('P22: does a block again whose thread was killed in the middle of it, without waiting', {
  timeout: 60_000 + kills * 2_000,
}, async () => {
  const expected = await collect(codec.encode(source()), { max })
  const random = prng(seed)
  const tally = new Tally('P22: a layer whose thread of Node is killed in a block')
  while (tally.attempts < kills) {
    tally.attempts++
    const started: WorkerLike[] = []
    const end = 1 + (random() % 8)
    const pool = new Pool({
      workers: 2,
      start() {
        const thread = threads.start()
        started.push(thread)
        let answers = 0
        // It has the next block at hand by then.
        thread.addEventListener('message', () => {
          if (started[0] === thread && ++answers === end) thread.terminate()
        })
        return thread
      },
    })
    const began = performance.now()
    if (!equalBytes(await collect(codec.encode(source(), { pool }), { max }), expected)) tally.losses++
    // Without the news of its end it would be silence, for half a minute.
    expect(performance.now() - began).toBeLessThan(20_000)
    if (started.length > 2) tally.fired++
    pool.close()
  }
  expect(tally.report()).toMatchObject({ losses: 0 })
  expect(tally.fired).toBeGreaterThan(tally.attempts / 2)
})

it('hands buffers to threads: none is copied on its way, and a chunk of a storage stays as it is', async () => {
  const buffers = new Set<ArrayBuffer>()
  let kept = 0
  const pool = new Pool({
    workers: 2,
    start() {
      const thread = threads.start()
      const post = thread.postMessage.bind(thread)
      thread.postMessage = (message, transfer) => {
        for (const buffer of transfer) buffers.add(buffer)
        post(message, transfer)
        kept += transfer.filter(({ byteLength }) => byteLength > 0).length
      }
      return thread
    },
  })
  await collect(codec.encode(source(), { pool }), { max })
  expect(kept).toBe(0)
  expect(buffers.size).toBeGreaterThan(8)
  const hash = pool.hasher('sha256')
  const chunk = new Uint8Array(300_000).fill(7)
  expect(await hash?.update(chunk)).toBe(true)
  // A storage may have others read it.
  expect(chunk.length).toBe(300_000)
  expect(await hash?.hex()).toMatch(/^[0-9a-f]{64}$/)
  expect(kept).toBe(0)
  pool.close()
})

const script = `
import { OciDir, engine } from '${new URL('src/index.js', dist).href}'
import { gzip } from '${new URL('src/codec/gzip.js', dist).href}'
import { folder } from '${new URL('adapters/node/index.js', dist).href}'
const dir = await OciDir.ensure(folder(process.argv[1]), { engine: engine({ workers: 2 }) })
await dir.writeLayer(new Uint8Array(3_000_000).fill(1), { codec: gzip({ level: 1 }) })
console.log(dir.engine.pool.started)
`

it('keep no process alive, and let none end before their work is done', { timeout: 30_000 }, async () => {
  const place = await mkdtemp(join(tmpdir(), 'ocidir-threads-'))
  const began = performance.now()
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script, place])
  await rm(place, { recursive: true })
  expect(stdout.trim()).toBe('2')
  // They rest for two seconds before they are ended; the process doesn't wait for that.
  console.log(`a process with two threads: ${(performance.now() - began).toFixed(0)} ms`)
})
