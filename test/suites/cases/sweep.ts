/** Sweep: leftovers of crashed writers go, young ones and everything with a name stay. */

import { fails, ok, same, sameBytes, sameNames, thrownBy } from '../assert.ts'
import { blobName, bytesOf, namesIn, put, read, stageBytes, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const hour = 3_600_000

export const sweepCases: readonly StorageCase[] = [
  {
    name: 'sweeps nothing in an empty place',
    async run({ storage }) {
      same(await storage.sweep({ olderThan: 0 }), 0)
      sameNames(await namesIn(storage), [])
    },
  },
  {
    name: 'sweeps no blob and no document',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('{}'))
      await put(storage, blobName(1), bytesOf(10))
      same(await storage.sweep({ olderThan: 0 }), 0)
      sameNames(await namesIn(storage), ['index.json', blobName(1)])
    },
  },
  {
    name: 'leaves staged bytes that are young',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(10))
      same(await storage.sweep({ olderThan: hour }), 0)
      same(await staged.commit(blobName(1)), 'written')
      sameBytes(await read(storage, blobName(1)), bytesOf(10))
    },
  },
  {
    name: 'removes staged bytes that nobody commits',
    async run({ storage }) {
      for (let i = 0; i < 3; i++) await stageBytes(storage, bytesOf(10, i))
      same(await storage.sweep({ olderThan: 0 }), 3)
      same(await storage.sweep({ olderThan: 0 }), 0, 'a second time')
      sameNames(await namesIn(storage), [])
    },
  },
  {
    name: 'commits nothing whose bytes were swept',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(10))
      await storage.sweep({ olderThan: 0 })
      await fails(() => staged.commit(blobName(1)), { code: 'STORAGE_FAILED' })
      same(await storage.open(blobName(1)), undefined)
      await staged.discard()
    },
  },
  {
    name: 'refuses an age that is not a number of milliseconds',
    async run({ storage }) {
      await stageBytes(storage, bytesOf(10))
      const none: unknown = undefined
      for (const olderThan of [-1, Number.NaN, none as number]) {
        const thrown = await thrownBy(() => storage.sweep({ olderThan }), String(olderThan))
        ok(
          thrown instanceof RangeError || thrown instanceof TypeError,
          `a caller's mistake: ${String(thrown)}`,
        )
      }
      same(await storage.sweep({ olderThan: 0 }), 1, 'what was there is still there')
    },
  },
]
