/** Adopt: another file's bytes, staged without a copy, where the storage has a way; else nothing at all. */

import type { AdoptedFile, StorageAdapter, StoredFile } from '../../../src/storage.ts'
import { storedBytes } from '../../../src/stored-bytes.ts'
import { fails, ok, same, sameBytes, sameNames } from '../assert.ts'
import { blobName, bytesOf, drain, entriesIn, namesIn, opened, put, read } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const bytes = bytesOf(300_000)

/** A case for storages that adopt a file of their own: those that can't are asked, and that is all. */
function adopting(
  name: string,
  run: (given: { storage: StorageAdapter; file: StoredFile; adopted: AdoptedFile }) => Promise<void>,
): StorageCase {
  return {
    name: `${name}, where it adopts`,
    async run({ storage }) {
      await put(storage, blobName(1), bytes)
      const file = await opened(storage, blobName(1))
      const adopted = await storage.adopt?.(file)
      if (adopted !== undefined) await run({ storage, file, adopted })
    },
  }
}

export const adoptingCases: readonly StorageCase[] = [
  adopting('shows an adopted file whole, and hides it until commit', async ({ storage, adopted }) => {
    same(adopted.file.size, bytes.length, 'size')
    sameBytes(await adopted.file.bytes(), bytes, 'adopted')
    sameBytes(await drain(adopted.file.stream()), bytes, 'adopted, as a stream')
    same(await storage.open(blobName(2)), undefined)
    const shown = (await entriesIn(storage)).filter(entry => entry.kind !== 'staged')
    sameNames(
      shown.map(entry => entry.path),
      [blobName(1)],
    )
    await adopted.discard()
  }),
  adopting('publishes the adopted bytes under the name of the commit', async ({ storage, adopted }) => {
    same(await adopted.commit(blobName(2)), 'written')
    sameBytes(await read(storage, blobName(2)), bytes)
    sameNames(await namesIn(storage), [blobName(1), blobName(2)])
  }),
  adopting('keeps what it adopted when the other file goes', async ({ storage, adopted }) => {
    await storage.remove(() => [blobName(1)])
    sameBytes(await adopted.file.bytes(), bytes, 'adopted')
    same(await adopted.commit(blobName(2)), 'written')
    sameBytes(await read(storage, blobName(2)), bytes)
    same(await storage.open(blobName(1)), undefined)
  }),
  adopting('lets an existing blob of the same size win over an adopted one', async given => {
    const other = bytesOf(bytes.length, 7)
    await put(given.storage, blobName(2), other)
    same(await given.adopted.commit(blobName(2)), 'existed')
    sameBytes(await read(given.storage, blobName(2)), other)
    sameNames(await namesIn(given.storage), [blobName(1), blobName(2)])
  }),
  adopting('replaces an existing blob of another size by an adopted one', async ({ storage, adopted }) => {
    await put(storage, blobName(2), bytesOf(10))
    same(await adopted.commit(blobName(2)), 'written')
    sameBytes(await read(storage, blobName(2)), bytes)
  }),
  adopting('leaves nothing of an adopted file that is discarded', async ({ storage, file, adopted }) => {
    await adopted.discard()
    await adopted.discard()
    sameNames(await namesIn(storage), [blobName(1)])
    await fails(() => adopted.commit(blobName(2)), { type: TypeError }, 'commit after discard')
    sameBytes(await file.bytes(), bytes, 'the other file')
  }),
  adopting(
    'does nothing when an adopted file is discarded after its commit',
    async ({ storage, adopted }) => {
      await adopted.commit(blobName(2))
      await adopted.discard()
      sameBytes(await read(storage, blobName(2)), bytes)
    },
  ),
  adopting('refuses a name that is none for an adopted file', async ({ storage, adopted }) => {
    for (const path of ['index.json', 'blobs/sha256', 'blobs/../x', '/etc/passwd'])
      await fails(() => adopted.commit(path as 'blobs/a/b'), { type: TypeError }, path)
    await adopted.discard()
    sameNames(await namesIn(storage), [blobName(1)])
  }),
  {
    name: 'leaves nothing of an adopted file when aborted, where it adopts',
    async run({ storage }) {
      await put(storage, blobName(1), bytes)
      const file = await opened(storage, blobName(1))
      const reason = new Error('no more')
      const controller = new AbortController()
      const adopted = await storage.adopt?.(file, { signal: controller.signal })
      controller.abort(reason)
      if (adopted !== undefined) {
        await fails(() => adopted.commit(blobName(2)), { value: reason }, 'commit after the abort')
        await adopted.discard()
      }
      if (storage.adopt !== undefined) {
        const { signal } = controller
        await fails(() => storage.adopt?.(file, { signal }), { value: reason }, 'adopt after the abort')
      }
      sameNames(await namesIn(storage), [blobName(1)])
    },
  },
  {
    name: 'adopts no file of a medium that it does not know, where it adopts',
    async run({ storage }) {
      same(await storage.adopt?.(storedBytes(bytes)), undefined)
      sameNames(await namesIn(storage), [])
    },
  },
  {
    name: 'rejects adopt after close, where it adopts',
    async run({ storage, open }) {
      await put(storage, blobName(1), bytes)
      const file = await opened(storage, blobName(1))
      const other = await open()
      const adopted = await other.adopt?.(file)
      await other.close()
      if (adopted !== undefined) await fails(() => adopted.commit(blobName(2)), { code: 'STORAGE_CLOSED' })
      if (other.adopt !== undefined) await fails(() => other.adopt?.(file), { code: 'STORAGE_CLOSED' })
      ok((await storage.open(blobName(2))) === undefined, 'nothing was published')
    },
  },
]
