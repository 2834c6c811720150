/** Remove: what goes is chosen inside the exclusive section, from index.json as it is then. */

import type { BlobPath } from '../../../src/storage.ts'
import { fails, same, sameBytes, sameNames } from '../assert.ts'
import { addLine, blobName, bytesOf, namesIn, put, read, textOf, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

export const removeCases: readonly StorageCase[] = [
  {
    name: 'removes the blobs that are chosen and no others',
    async run({ storage }) {
      for (let i = 0; i < 5; i++) await put(storage, blobName(i), bytesOf(10))
      same(await storage.remove(() => [blobName(1), blobName(3)]), 2, 'removed')
      sameNames(await namesIn(storage), [blobName(0), blobName(2), blobName(4)])
      same(await storage.open(blobName(1)), undefined)
    },
  },
  {
    name: 'passes over names that are not there',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10))
      same(await storage.remove(() => [blobName(7), blobName(1), 'blobs/none/aa']), 1, 'removed')
    },
  },
  {
    name: 'counts a name once that is chosen twice',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10))
      same(await storage.remove(() => [blobName(1), blobName(1)]), 1, 'removed')
    },
  },
  {
    name: 'removes nothing when nothing is chosen',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10))
      same(await storage.remove(() => []), 0, 'removed')
      sameNames(await namesIn(storage), [blobName(1)])
    },
  },
  {
    name: 'lets choose see that there is no index',
    async run({ storage }) {
      let seen: unknown = 'not called'
      await storage.remove(index => {
        seen = index
        return []
      })
      same(seen, undefined)
    },
  },
  {
    name: 'lets choose see the index as it is now, each time',
    async run({ storage }) {
      for (const text of ['one', 'two', 'three']) {
        await storage.update('index.json', () => utf8(text))
        let seen: string | undefined
        await storage.remove(index => {
          seen = textOf(index)
          return []
        })
        same(seen, text)
      }
    },
  },
  {
    name: 'is not altered by a choose that alters what it is given',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('index'))
      await storage.remove(index => {
        index?.fill(0)
        return []
      })
      sameBytes(await read(storage, 'index.json'), utf8('index'))
    },
  },
  {
    name: 'passes on what choose throws, removes nothing and goes on',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10))
      const thrown = new Error('no')
      const choose = (): never => {
        throw thrown
      }
      await fails(() => storage.remove(choose), { value: thrown })
      await addLine(storage, 'next')
      sameNames(await namesIn(storage), [blobName(1), 'index.json'])
    },
  },
  {
    name: 'removes nothing and asks nobody when a blob is not as it was seen',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10))
      await put(storage, blobName(2), bytesOf(20))
      let asked = 0
      const choose = (): BlobPath[] => {
        asked++
        return [blobName(1)]
      }
      const other = [
        { path: blobName(2), size: undefined },
        { path: blobName(2), size: 21 },
        { path: blobName(3), size: 20 },
      ]
      for (const seen of other) {
        await fails(() => storage.remove(choose, { seen: [seen] }), { code: 'STORAGE_CHANGED' })
      }
      same(asked, 0, 'asked')
      sameNames(await namesIn(storage), [blobName(1), blobName(2)])
      const seen = [
        { path: blobName(2), size: 20 },
        { path: blobName(3), size: undefined },
      ]
      same(await storage.remove(choose, { seen }), 1, 'removed')
    },
  },
  {
    name: 'lets a removed blob be written again',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10, 1))
      await storage.remove(() => [blobName(1)])
      same(await put(storage, blobName(1), bytesOf(10, 2)), 'written')
      sameBytes(await read(storage, blobName(1)), bytesOf(10, 2))
    },
  },
  {
    name: 'removes nothing for an aborted signal',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10))
      const reason = new DOMException('stop', 'AbortError')
      const signal = AbortSignal.abort(reason)
      await fails(() => storage.remove(() => [blobName(1)], { signal }), { value: reason })
      sameNames(await namesIn(storage), [blobName(1)])
    },
  },
  {
    name: 'leaves no private file after a remove',
    async run({ storage }) {
      for (let i = 0; i < 20; i++) await put(storage, blobName(i), bytesOf(10))
      same(await storage.remove(() => Array.from({ length: 20 }, (_, i) => blobName(i))), 20, 'removed')
      sameNames(await namesIn(storage), [])
      same(await storage.sweep({ olderThan: 0 }), 0, 'swept')
    },
  },
]
