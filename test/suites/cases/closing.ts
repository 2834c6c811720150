/** Closing: one behaviour, written once, applied to each verb. */

import type { StorageAdapter } from '../../../src/storage.ts'
import { fails, ok, sameBytes, thrownBy } from '../assert.ts'
import { blobName, bytesOf, opened, put, stageBytes, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const verbs: Readonly<Record<string, (storage: StorageAdapter) => Promise<unknown>>> = {
  open: storage => storage.open('index.json'),
  'open of a blob': storage => storage.open(blobName(1)),
  list: async storage => {
    for await (const entry of storage.list()) ok(false, `an entry after close: ${entry.path}`)
  },
  stage: storage => storage.stage(),
  update: storage => storage.update('index.json', () => utf8('{}')),
  remove: storage => storage.remove(() => [blobName(1)]),
  sweep: storage => storage.sweep({ olderThan: 0 }),
}

export const closingCases: readonly StorageCase[] = [
  ...Object.entries(verbs).map(
    ([verb, call]): StorageCase => ({
      name: `rejects ${verb} after close`,
      async run({ storage }) {
        await put(storage, blobName(1), bytesOf(10))
        await storage.close()
        await fails(() => call(storage), { code: 'STORAGE_CLOSED' })
      },
    }),
  ),
  {
    name: 'closes a second time without complaint',
    async run({ storage }) {
      await Promise.all([storage.close(), storage.close()])
      await storage.close()
    },
  },
  {
    name: 'names the storage in the error',
    async run({ storage }) {
      await storage.close()
      const thrown = await thrownBy(() => storage.open('index.json'))
      ok(
        thrown instanceof Error &&
          'data' in thrown &&
          JSON.stringify(thrown.data) === JSON.stringify({ storage: storage.name }),
        'data.storage is the name',
      )
    },
  },
  {
    name: 'commits nothing after close',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(10))
      await storage.close()
      await fails(() => staged.commit(blobName(1)), { code: 'STORAGE_CLOSED' })
      await staged.discard()
    },
  },
  {
    name: 'takes no more bytes after close',
    async run({ storage }) {
      const staged = await storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(bytesOf(10))
      await storage.close()
      await fails(() => writer.write(bytesOf(10)), { code: 'STORAGE_CLOSED' })
    },
  },
  {
    name: 'closes while nobody waits for what is staged',
    async run({ storage }) {
      await stageBytes(storage, bytesOf(10))
      const open = await storage.stage()
      const writing = open.writable
        .getWriter()
        .write(bytesOf(1_000_000))
        .catch(() => 'failed')
      await storage.close()
      await writing
    },
  },
  {
    name: 'lets what was read before stay as it was',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(10))
      const bytes = await (await opened(storage, blobName(1))).bytes()
      await storage.close()
      sameBytes(bytes, bytesOf(10))
    },
  },
]
