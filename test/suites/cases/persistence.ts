/** Persistence: a second storage on the same place sees the same files. */

import type { StorageTraits } from '../../../src/storage.ts'
import { ok, same, sameBytes, sameNames } from '../assert.ts'
import {
  addLine,
  blobName,
  bytesOf,
  entriesIn,
  linesIn,
  namesIn,
  opened,
  put,
  read,
  stageBytes,
  utf8,
} from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const needs = { trait: 'persistent', has: (traits: StorageTraits) => traits.persistent } as const

export const persistenceCases: readonly StorageCase[] = [
  {
    name: 'finds everything again after close',
    needs,
    async run({ storage, open }) {
      await storage.update('oci-layout', () => utf8('layout'))
      await storage.update('index.json', () => utf8('index'))
      await put(storage, blobName(1), bytesOf(400_000))
      await storage.close()
      const again = await open()
      sameBytes(await read(again, 'oci-layout'), utf8('layout'))
      sameBytes(await read(again, 'index.json'), utf8('index'))
      sameBytes(await read(again, blobName(1)), bytesOf(400_000))
      sameNames(await namesIn(again), ['oci-layout', 'index.json', blobName(1)])
    },
  },
  {
    name: 'finds the time of a blob again',
    needs,
    async run({ storage, open }) {
      await put(storage, blobName(1), bytesOf(10))
      const { modified } = await opened(storage, blobName(1))
      same((await opened(await open(), blobName(1))).modified, modified, 'modified')
    },
  },
  {
    name: 'sees what another storage on the place does',
    needs,
    async run({ storage, open }) {
      const other = await open()
      await addLine(storage, 'a')
      await addLine(other, 'b')
      await addLine(storage, 'c')
      sameNames(await linesIn(other), ['a', 'b', 'c'])
      await put(other, blobName(1), bytesOf(10))
      same(await put(storage, blobName(1), bytesOf(10)), 'existed')
      same(await storage.remove(() => [blobName(1)]), 1, 'removed')
      same(await other.open(blobName(1)), undefined)
    },
  },
  {
    name: 'hides staged bytes from another storage on the place',
    needs,
    async run({ storage, open }) {
      const staged = await stageBytes(storage, bytesOf(10))
      const other = await open()
      same(await other.open(blobName(1)), undefined)
      for (const entry of await entriesIn(other)) same(entry.kind, 'staged', entry.path)
      await staged.commit(blobName(1))
      sameBytes(await read(other, blobName(1)), bytesOf(10))
    },
  },
  {
    name: 'sweeps what another storage left',
    needs,
    async run({ storage, open }) {
      await stageBytes(storage, bytesOf(10))
      const other = await open()
      ok((await other.sweep({ olderThan: 0 })) <= 1, 'at most the one')
      sameNames(await namesIn(other), [])
    },
  },
  {
    name: 'leaves nothing staged behind when it is closed',
    needs,
    async run({ storage, open }) {
      await stageBytes(storage, bytesOf(10))
      await (await storage.stage()).writable.getWriter().write(bytesOf(10))
      await storage.close()
      const other = await open()
      sameNames(await namesIn(other), [])
      same(await other.sweep({ olderThan: 0 }), 0, 'swept')
    },
  },
  {
    name: 'leaves other storages on the place open when one is closed',
    needs,
    async run({ storage, open }) {
      const other = await open()
      const staged = await stageBytes(other, bytesOf(10))
      await put(storage, blobName(2), bytesOf(10))
      await storage.close()
      await addLine(other, 'a')
      same(await staged.commit(blobName(1)), 'written')
      sameNames(await namesIn(other), [blobName(1), blobName(2), 'index.json'])
    },
  },
  {
    name: 'reads on with a file that another storage on the place removes, or says that it changed',
    needs,
    async run({ storage, open }) {
      await put(storage, blobName(1), bytesOf(100, 1))
      const file = await opened(storage, blobName(1))
      const other = await open()
      await other.remove(() => [blobName(1)])
      await put(other, blobName(1), bytesOf(100, 2))
      const bytes = await file.bytes().catch(() => undefined)
      if (bytes !== undefined) sameBytes(bytes, bytesOf(100, 1))
    },
  },
]
