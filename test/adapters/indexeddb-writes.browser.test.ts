/** What IndexedDB is given: one transaction a commit, no byte twice, and never more than two chunks on their way. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import { isOciError } from '../../src/errors.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter, StorageEntry } from '../../src/storage.ts'
import { thrownBy } from '../suites/assert.ts'
import { blobName, bytesOf, drain, entriesIn, opened, put, stageBytes, utf8 } from '../suites/material.ts'
import { holdFiles, inStore } from './indexeddb-raw.ts'

const mebibyte = 1024 * 1024
const hour = 3_600_000

let name: string
let storage: StorageAdapter

beforeEach(async () => {
  name = `writes-${crypto.randomUUID()}`
  storage = await indexedDb(name)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await storage.close()
  await removeIndexedDb(name)
})

describe('a commit', () => {
  it('of a small blob is one transaction of one record', async () => {
    const counts = countWrites()
    await put(storage, blobName(1), bytesOf(2000))
    expect(counts).toEqual({ transactions: ['files,chunks,staged'], puts: ['files'], active: 0, most: 1 })
  })

  it('of a large blob writes one record more, and no chunk again', async () => {
    const staged = await stageBytes(storage, bytesOf(3 * mebibyte + 5))
    const counts = countWrites()
    await staged.commit(blobName(1))
    expect(counts).toMatchObject({ transactions: ['files,chunks,staged'], puts: ['files'] })
  })

  it('of a blob that is there writes nothing, and its record stays the very same', async () => {
    for (const size of [2000, 2 * mebibyte]) {
      await put(storage, blobName(size), bytesOf(size))
      const before = await inStore(name, 'files', files => files.get(blobName(size)))
      const staged = await stageBytes(storage, bytesOf(size))
      const counts = countWrites()
      expect(await staged.commit(blobName(size))).toBe('existed')
      expect(counts.puts).toEqual([])
      vi.restoreAllMocks()
      expect(await inStore(name, 'files', files => files.get(blobName(size)))).toEqual(before)
    }
    expect(await inStore(name, 'chunks', chunks => chunks.count())).toBe(2)
  })

  it('in place of a blob of the wrong size removes its chunks in the same transaction', async () => {
    await put(storage, blobName(1), bytesOf(3 * mebibyte))
    expect(await inStore(name, 'chunks', chunks => chunks.count())).toBe(3)
    await put(storage, blobName(1), bytesOf(10))
    expect(await inStore(name, 'chunks', chunks => chunks.count())).toBe(0)
  })

  it('is strict', async () => {
    const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction')
    await put(storage, blobName(1), bytesOf(2 * mebibyte))
    await storage.update('index.json', () => utf8('{}'))
    const durabilities = transaction.mock.results.flatMap(({ value }) =>
      value instanceof IDBTransaction && value.mode === 'readwrite' ? [value.durability] : [],
    )
    expect(durabilities).toEqual(['strict', 'strict', 'strict', 'strict'])
  })

  it('that the browser aborts after its requests succeeded is no commit', async () => {
    const staged = await stageBytes(storage, bytesOf(2000))
    const putOf = IDBObjectStore.prototype.put
    let aborted = 0
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value, key) {
      const request = putOf.call(this, value, key)
      request.addEventListener('success', () => {
        aborted++
        this.transaction.abort()
      })
      return request
    })
    await expect(staged.commit(blobName(1))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    // Once more, in case that it was the connection.
    expect(aborted).toBe(2)
    vi.restoreAllMocks()
    expect(await storage.open(blobName(1))).toBeUndefined()
    expect(await staged.commit(blobName(1))).toBe('written')
  })
})

describe('a stream', () => {
  it('of thousands of small chunks is written in large ones, one on its way at a time', async () => {
    const counts = countWrites()
    const staged = await storage.stage()
    const writer = staged.writable.getWriter()
    const part = bytesOf(10_000)
    for (let i = 0; i < 1000; i++) await writer.write(part)
    await writer.close()
    expect(counts.puts.filter(store => store === 'chunks').length).toBe(10)
    expect(counts.most).toBe(1)
    await staged.discard()
    expect(await inStore(name, 'chunks', chunks => chunks.count())).toBe(0)
  })

  it('of 64 MiB comes back chunk by chunk, and a range reads the chunks that it touches', async () => {
    const size = 64 * mebibyte
    const staged = await storage.stage({ size })
    const writer = staged.writable.getWriter()
    const part = bytesOf(mebibyte)
    for (let at = 0; at < size; at += part.length) await writer.write(part)
    await writer.close()
    await staged.commit(blobName(1))
    const file = await opened(storage, blobName(1))
    const reader = file.stream().getReader()
    let read = 0
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      expect(next.value.length).toBeLessThanOrEqual(mebibyte)
      expect(next.value[100]).toBe(part[(read + 100) % mebibyte])
      read += next.value.length
    }
    expect(read).toBe(size)
    const get = vi.spyOn(IDBObjectStore.prototype, 'get')
    const range = { start: 40 * mebibyte - 7, end: 40 * mebibyte + 9 }
    expect(await file.bytes(range)).toEqual(new Uint8Array([...part.slice(-7), ...part.slice(0, 9)]))
    expect(await drain(file.stream(range))).toEqual(await file.bytes(range))
    expect(get).toHaveBeenCalledTimes(6)
  })
})

describe('bytes altered in the database', () => {
  it.each([
    ['a small blob', 4096, 64],
    ['a large one', mebibyte + 4096, 16],
  ])('are refused by readBlob: %s', async (_, size, flips) => {
    const dir = await OciDir.ensure(storage)
    const blob = await dir.writeBlob(bytesOf(size))
    let caught = 0
    for (let i = 0; i < flips; i++) {
      await alterBlob(bytes => {
        const at = Math.floor((i * (bytes.length - 1)) / (flips - 1))
        const altered = bytes.slice()
        altered[at] = (altered[at] ?? 0) ^ (1 << (i % 8))
        return altered
      })
      if (isOciError(await thrownBy(async () => drain(await dir.readBlob(blob))), 'DIGEST_MISMATCH')) caught++
    }
    console.log(`${flips} flips, ${caught} caught`)
    expect(caught).toBe(flips)
  })

  it('are refused when a chunk is shorter, longer or gone', async () => {
    const dir = await OciDir.ensure(storage)
    const blob = await dir.writeBlob(bytesOf(2 * mebibyte + 100))
    for (const change of [
      (bytes: Uint8Array) => bytes.slice(1),
      (bytes: Uint8Array) => new Uint8Array(bytes.length + 2),
      () => undefined,
    ]) {
      await alterBlob(change)
      await expect(drain(await dir.readBlob(blob))).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
    }
  })

  /** Alters the first bytes of the only blob: they stand in its record, or are a chunk. */
  async function alterBlob(change: (bytes: Uint8Array) => Uint8Array | undefined): Promise<void> {
    const [set] = await inStore(name, 'chunks', chunks => chunks.getAllKeys())
    if (set !== undefined) {
      const bytes = await inStore(name, 'chunks', chunks => chunks.get(set))
      await inStore(name, 'chunks', chunks => chunks.put(change(bytes), set))
      return
    }
    const path = (await entriesIn(storage)).find(entry => entry.path.startsWith('blobs/'))?.path ?? ''
    const record = await inStore(name, 'files', files => files.get(path))
    const bytes = change(record.bytes)
    await inStore(name, 'files', files => files.put({ ...record, bytes }, path))
  }
})

describe('leftovers', () => {
  it('of a writer that died go when they are old, and their chunks with them', async () => {
    await stage(2)
    expect(await stagedOnes()).toHaveLength(1)
    const other = await indexedDb(name)
    expect(await other.sweep({ olderThan: hour })).toBe(0)
    await age(2 * hour)
    expect(await other.sweep({ olderThan: hour })).toBe(1)
    expect(await inStore(name, 'chunks', chunks => chunks.count())).toBe(0)
    expect(await stagedOnes()).toEqual([])
    await other.close()
  })

  it('are none of a writer that is at work, however long', async () => {
    const writer = await stage(2)
    await age(2 * hour)
    await writer.write(bytesOf(2 * mebibyte))
    expect(await storage.sweep({ olderThan: hour })).toBe(0)
    expect(await stagedOnes()).toHaveLength(1)
  })

  it('fail their writer, should it come back', async () => {
    const writer = await stage(2)
    await age(2 * hour)
    await storage.sweep({ olderThan: hour })
    await expect(writer.write(bytesOf(4 * mebibyte))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await inStore(name, 'chunks', chunks => chunks.count())).toBe(0)
  })

  it('that nothing leads to go too, and no chunk of a blob', async () => {
    await put(storage, blobName(1), bytesOf(2 * mebibyte))
    for (const number of [0, 1]) {
      await inStore(name, 'chunks', chunks => chunks.put(bytesOf(10), ['stranded', number]))
    }
    expect(await storage.sweep({ olderThan: hour })).toBe(1)
    expect(await inStore(name, 'chunks', chunks => chunks.count())).toBe(2)
    expect((await (await opened(storage, blobName(1))).bytes()).length).toBe(2 * mebibyte)
  })

  async function stage(chunks: number): Promise<WritableStreamDefaultWriter<Uint8Array>> {
    const writer = (await storage.stage()).writable.getWriter()
    await writer.write(bytesOf(chunks * mebibyte + 1))
    return writer
  }

  async function age(by: number): Promise<void> {
    for (const set of await inStore(name, 'staged', staged => staged.getAllKeys())) {
      await inStore(name, 'staged', staged => staged.put({ modified: Date.now() - by }, set))
    }
  }

  async function stagedOnes(): Promise<StorageEntry[]> {
    return (await entriesIn(storage)).filter(entry => entry.kind === 'staged')
  }
})

describe('one who waits for another tab', () => {
  it('can give up with his own reason, and nothing is written', async () => {
    await storage.update('index.json', () => utf8('old'))
    const release = await holdFiles(name)
    const abort = new AbortController()
    const { signal } = abort
    const waiting = Promise.allSettled([
      storage.update('index.json', () => utf8('new'), { signal }),
      storage.remove(() => [], { signal }),
      storage.open('index.json', { signal }),
      storage.list({ signal })[Symbol.asyncIterator]().next(),
    ])
    await new Promise(resolve => setTimeout(resolve, 50))
    const reason = new Error('stop')
    abort.abort(reason)
    expect(await waiting).toEqual(Array(4).fill({ status: 'rejected', reason }))
    release()
    expect(await (await opened(storage, 'index.json')).bytes()).toEqual(utf8('old'))
  })
})

interface Writes {
  /** The stores of each transaction that may write. */
  readonly transactions: string[]
  /** The store of each record that is written. */
  readonly puts: string[]
  active: number
  /** Most transactions at one time. */
  most: number
}

function countWrites(): Writes {
  const writes: Writes = { transactions: [], puts: [], active: 0, most: 0 }
  const { transaction: begin } = IDBDatabase.prototype
  const { put: putOf } = IDBObjectStore.prototype
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (
    this: IDBDatabase,
    ...[stores, mode, options]: Parameters<IDBDatabase['transaction']>
  ) {
    const transaction = begin.call(this, stores, mode, options)
    if (mode !== 'readwrite') return transaction
    writes.transactions.push([stores].flat().join())
    writes.most = Math.max(writes.most, ++writes.active)
    transaction.addEventListener('complete', () => writes.active--)
    return transaction
  })
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value, key) {
    if (this.name !== 'staged') writes.puts.push(this.name)
    return putOf.call(this, value, key)
  })
  return writes
}
