/** Listing: every name, and what it is. */

import { fails, ok, same, sameNames } from '../assert.ts'
import { blobName, bytesOf, entriesIn, namesIn, put, stageBytes, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

export const listingCases: readonly StorageCase[] = [
  {
    name: 'lists nothing in an empty place',
    async run({ storage }) {
      sameNames(await namesIn(storage), [])
    },
  },
  {
    name: 'lists every file with its size',
    async run({ storage }) {
      await storage.update('oci-layout', () => utf8('{}'))
      await storage.update('index.json', () => utf8('{"manifests":[]}'))
      await put(storage, blobName(1), bytesOf(0))
      await put(storage, 'blobs/sha512/ab', bytesOf(70_000))
      const entries = await entriesIn(storage)
      sameNames(
        entries.map(entry => `${entry.kind} ${entry.path} ${entry.size}`),
        ['file oci-layout 2', 'file index.json 16', `file ${blobName(1)} 0`, 'file blobs/sha512/ab 70000'],
      )
    },
  },
  {
    name: 'lists staged bytes as staged, or not at all',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(10))
      const open = await storage.stage()
      await open.writable.getWriter().write(bytesOf(10))
      for (const entry of await entriesIn(storage)) same(entry.kind, 'staged', entry.path)
      await staged.discard()
      await open.discard()
      sameNames(await namesIn(storage), [])
    },
  },
  {
    name: 'lists hundreds of blobs, each once',
    async run({ storage }) {
      const names = Array.from({ length: 150 }, (_, i) => blobName(i))
      for (const name of names) await put(storage, name, bytesOf(3))
      sameNames(await namesIn(storage), names)
    },
  },
  {
    name: 'lets a listing be left early',
    async run({ storage }) {
      for (let i = 0; i < 5; i++) await put(storage, blobName(i), bytesOf(3))
      let seen = 0
      for await (const _entry of storage.list()) if (++seen === 2) break
      same(seen, 2)
      same((await namesIn(storage)).length, 5, 'a whole listing after')
    },
  },
  {
    name: 'lists nothing for an aborted signal',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(3))
      const reason = new DOMException('stop', 'AbortError')
      const list = async (): Promise<void> => {
        for await (const entry of storage.list({ signal: AbortSignal.abort(reason) })) ok(false, entry.path)
      }
      await fails(list, { value: reason })
    },
  },
  {
    name: 'stops a listing that is aborted in its middle',
    async run({ storage }) {
      for (let i = 0; i < 5; i++) await put(storage, blobName(i), bytesOf(3))
      const abort = new AbortController()
      const reason = new DOMException('stop', 'AbortError')
      let seen = 0
      const list = async (): Promise<void> => {
        for await (const _entry of storage.list({ signal: abort.signal }))
          if (++seen === 2) abort.abort(reason)
      }
      await fails(list, { value: reason })
      same(seen, 2, 'entries before the abort')
    },
  },
]
