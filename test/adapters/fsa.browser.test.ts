/** OPFS and folder handles in Chromium: the storage suite over every way that a browser has to write a file. */

import { afterAll, describe, expect, it } from 'vitest'
import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { opfs } from '../../adapters/fsa/index.ts'
import type { StorageAdapter, StorageTraits } from '../../src/storage.ts'
import { forwarding, type StorageCase, storageCases, storageSuite } from '../suites/index.ts'
import { allLarge, handleOf, placeFor } from './fsa-places.ts'
import type { CaseAnswer } from './fsa-worker.ts'

const byWorker = { opened: 0, refused: 0 }
const withoutWorker = { opened: 0, refused: 0 }
const inWorker = { opened: 0, refused: 0 }

await storageSuite({
  test: { describe, it },
  factory: () => placeFor(async name => forwarding(await allLarge(name, byWorker))),
})
it('wrote all blobs of that suite by a worker', () => {
  expect(byWorker.opened).toBeGreaterThan(300)
  expect(byWorker.refused).toBe(0)
})

await storageSuite({
  test: { describe, it },
  factory: () => placeFor(name => allLarge(name, withoutWorker, missingWorker)),
})
it('wrote none of that suite by a worker, for its script is missing', () => {
  expect(withoutWorker.opened).toBe(0)
  expect(withoutWorker.refused).toBeGreaterThan(300)
})

await storageSuite({ test: { describe, it }, factory: () => placeFor(withoutMove) })

const { traits } = await opfs('probe')
describe('storage suite in a dedicated worker, by its own handles', () => {
  const worker = new Worker(new URL('./fsa-worker.ts', import.meta.url), { type: 'module' })
  afterAll(() => worker.terminate())
  for (const [number, item] of storageCases.entries()) {
    if (isLeftOut(item, traits)) continue
    it(item.name, async () => {
      const { fault, tallies } = await answerOf(worker, number)
      inWorker.opened += tallies.opened
      inWorker.refused += tallies.refused
      expect(fault).toBeUndefined()
    })
  }
})
it('wrote all blobs of that suite by handles of the worker itself', () => {
  expect(inWorker.opened).toBeGreaterThan(300)
  expect(inWorker.refused).toBe(0)
})

/** As on a folder of the disk, whose files no browser moves: a copy under a lock. */
async function withoutMove(name: string): Promise<StorageAdapter> {
  const layout = { storage: `without move:${name}`, lockName: `test:${name}`, quota: false }
  return new DirectoryStorage({ ...layout, root: await handleOf(name), moves: false })
}

function missingWorker(): Worker {
  return new Worker('/there-is-no-such-worker.js', { type: 'module' })
}

function isLeftOut({ needs }: StorageCase, has: StorageTraits): boolean {
  return needs !== undefined && !needs.has(has)
}

function answerOf(worker: Worker, number: number): Promise<CaseAnswer> {
  return new Promise((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<CaseAnswer>) => resolve(event.data)
    worker.onerror = event => reject(new Error(event.message || 'the worker did not start'))
    worker.postMessage(number)
  })
}
