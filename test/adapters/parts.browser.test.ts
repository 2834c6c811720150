/** Half-written blobs in a browser: gone on with in place or taken over, by one writer at a time. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { type LargeFiles, largeFiles } from '../../adapters/fsa/large-files.ts'
import { StreamWriter } from '../../adapters/fsa/writer.ts'
import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import type { HashedBytes, ResumableFile, StorageAdapter } from '../../src/storage.ts'
import { equalBytes } from '../../src/streams.ts'
import { blobName, bytesOf, namesIn, read } from '../suites/material.ts'
import { handleOf, storageOver } from './fsa-places.ts'
import { done, openRaw } from './indexeddb-raw.ts'
import { resumed, written } from './part-steps.ts'

const MiB = 1024 * 1024
const path = blobName(1)
const bytes = bytesOf(5 * MiB + 99)
const size = bytes.length
const half = 3 * MiB + 1234
const state: HashedBytes = { size: half, state: { restore: () => Promise.reject(new Error('not asked')) } }

let name: string
const opened: StorageAdapter[] = []
beforeEach(() => {
  name = `parts-${crypto.randomUUID()}`
})
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close()
})

function resume(storage: StorageAdapter, of = size): Promise<ResumableFile> {
  return resumed(storage, path, of)
}

async function leaveHalf(storage: StorageAdapter): Promise<void> {
  const part = await resume(storage)
  await written(part, bytes.subarray(0, half))
  await part.leave(state)
}

async function expectFinished(storage: StorageAdapter, part: ResumableFile): Promise<void> {
  await (await written(part, bytes.subarray(part.kept.size))).close()
  expect(await part.commit()).toBe('written')
  const found = await read(storage, path)
  expect(found !== undefined && equalBytes(found, bytes)).toBe(true)
  expect(await namesIn(storage)).toEqual([path])
}

describe('in the private file system', () => {
  afterEach(async () => {
    await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
  })

  async function at(worker?: () => Worker): Promise<{ storage: StorageAdapter; large: LargeFiles }> {
    const large = largeFiles([name], worker && { worker })
    const storage = await storageOver(name, large)
    opened.push(storage)
    return { storage, large }
  }

  const missingWorker = (): Worker => new Worker('/there-is-no-such-worker.js', { type: 'module' })

  async function parts(): Promise<readonly FileSystemFileHandle[]> {
    const home = await (await handleOf(name)).getDirectoryHandle('.ocidir', { create: true })
    const found: FileSystemFileHandle[] = []
    for await (const handle of home.values()) {
      // Not what Chromium writes beside a file.
      const isPart = /^part-.*[0-9a-f]$/.test(handle.name)
      if (handle instanceof FileSystemFileHandle && isPart) found.push(handle)
    }
    return found
  }

  it('a part is gone on with in the same file by the worker, with the state of its hash', async () => {
    const { storage, large } = await at()
    await leaveHalf(storage)
    const [left] = await parts()
    const part = await resume(storage)
    expect(part.kept.size).toBe(half)
    expect(part.hashed).toBe(state)
    const sink = await written(part, bytes.subarray(half, half + MiB))
    expect((await parts()).map(handle => handle.name)).toEqual([left?.name])
    await sink.write(bytes.subarray(half + MiB))
    await sink.close()
    expect(await part.commit()).toBe('written')
    expect(large.tally).toEqual({ opened: 2, refused: 0 })
    const found = await read(storage, path)
    expect(found !== undefined && equalBytes(found, bytes)).toBe(true)
  })

  it('a part is taken over into another file where there is no worker', async () => {
    const { storage, large } = await at(missingWorker)
    await leaveHalf(storage)
    const [left] = await parts()
    const part = await resume(storage)
    expect(part.kept.size).toBe(half)
    await written(part, bytes.subarray(half, half + MiB))
    expect(await parts()).toHaveLength(2)
    await part.leave()
    const [next, ...more] = await parts()
    expect(next?.name).not.toBe(left?.name)
    expect(more).toEqual([])
    const last = await resume(storage)
    expect(last.kept.size).toBe(half + MiB)
    await expectFinished(storage, last)
    expect(large.tally.opened).toBe(0)
  })

  it('a part that was altered in the very moment gives no state, and is begun anew', async () => {
    for (const data of [Uint8Array.of(1), bytes.slice(0, half + 1)]) {
      const { storage } = await at()
      await leaveHalf(storage)
      const [left] = await parts()
      const writable = await left?.createWritable({ keepExistingData: true })
      await writable?.write({ type: 'write', position: 0, data: new Uint8Array(data) })
      await writable?.close()
      const part = await resume(storage)
      expect(part.hashed).toBeUndefined()
      expect(part.kept.size).toBe(0)
      await part.discard()
    }
  })

  it('a part has one writer at a time, of all pages, and the next when he has ended', async () => {
    const { storage } = await at()
    const { storage: other } = await at()
    const part = await resume(storage)
    await written(part, bytes.subarray(0, half))
    expect(await storage.resume?.(path, { size })).toBeUndefined()
    expect(await other.resume?.(path, { size })).toBeUndefined()
    const waiting = other.resume?.(path, { size })
    await part.leave(state)
    const next = await waiting
    expect(next?.kept.size).toBe(half)
    expect(next?.hashed).toBeUndefined()
    await next?.discard()
    expect(await namesIn(storage)).toEqual([])
  })

  it('one who waits for another writer gives up with his own reason', async () => {
    const { storage } = await at()
    const { storage: other } = await at()
    const part = await resume(storage)
    const abort = new AbortController()
    const waiting = other.resume?.(path, { size, signal: abort.signal })
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await part.discard()
  })

  it('a long part is closed now and then where a stream writes it, so that a kill leaves most of it', async () => {
    const { storage } = await at(missingWorker)
    const long = 80 * MiB
    const part = await resume(storage, long)
    const sink = part.writable.getWriter()
    const chunk = bytesOf(4 * MiB)
    for (let at = 0; at < 72 * MiB; at += chunk.length) await sink.write(chunk)
    const [file] = await parts()
    expect((await file?.getFile())?.size).toBe(64 * MiB)
    await part.discard()
    expect(await parts()).toEqual([])
  })

  it('a stream goes on behind what it has closed', async () => {
    const handle = await (await handleOf(name)).getFileHandle('file', { create: true })
    const writer = await StreamWriter.open(handle)
    for (const [i, end] of [1000, 5000, 5001].entries()) {
      const start = [0, 1000, 5000][i] ?? 0
      await writer.write(bytes.slice(start, end), end - start)
      await writer.settle()
      expect((await handle.getFile()).size).toBe(end)
    }
    await writer.close()
    const found = new Uint8Array(await (await handle.getFile()).arrayBuffer())
    expect(equalBytes(found, bytes.subarray(0, 5001))).toBe(true)
  })
})

describe('in a folder of the disk', () => {
  afterEach(async () => {
    await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
  })

  /** Another origin or profile has other locks. */
  async function at(lockName: string): Promise<StorageAdapter> {
    const root = await handleOf(name)
    const storage = new DirectoryStorage({ storage: lockName, root, lockName, moves: true, quota: false })
    opened.push(storage)
    return storage
  }

  it('nobody writes into the file of another, and there is no state of a hash', async () => {
    const [one, two] = [await at(`${name}-1`), await at(`${name}-2`)]
    await leaveHalf(one)
    const [first, second] = [await resume(one), await resume(two)]
    expect([first.hashed, second.hashed]).toEqual([undefined, undefined])
    expect([first.kept.size, second.kept.size]).toEqual([half, half])
    // The second has other bytes: a source of its own, which is wrong.
    const wrong = await written(second, new Uint8Array(size - half))
    const right = await written(first, bytes.subarray(half))
    await wrong.close()
    await second.leave()
    await right.close()
    expect(await first.commit()).toBe('written')
    const found = await read(one, path)
    expect(found !== undefined && equalBytes(found, bytes)).toBe(true)
  })
})

describe('in a database', () => {
  afterEach(() => removeIndexedDb(name))

  async function at(): Promise<StorageAdapter> {
    const storage = await indexedDb(name)
    opened.push(storage)
    return storage
  }

  it('a part has full chunks, and never a state, for nothing tells who touched them', async () => {
    const storage = await at()
    await leaveHalf(storage)
    const part = await resume(storage)
    expect(part.kept.size).toBe(3 * MiB)
    expect(part.hashed).toBeUndefined()
    await expectFinished(storage, part)
    const db = await openRaw(name)
    expect(await done(db.transaction('chunks').objectStore('chunks').count())).toBe(6)
    expect(await done(db.transaction('staged').objectStore('staged').count())).toBe(0)
    db.close()
  })

  it('a part that has lost a chunk cannot be read, and goes whole', async () => {
    const storage = await at()
    await leaveHalf(storage)
    const db = await openRaw(name)
    const chunks = db.transaction('chunks', 'readwrite').objectStore('chunks')
    const [, second = ''] = await done(chunks.getAllKeys())
    await done(chunks.delete(second))
    db.close()
    const part = await resume(storage)
    await expect(part.kept.bytes()).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
    await part.discard()
    expect(await namesIn(storage)).toEqual([])
    expect((await resume(storage)).kept.size).toBe(0)
  })

  it('a part is young again when somebody goes on with it', async () => {
    const storage = await at()
    await leaveHalf(storage)
    const db = await openRaw(name)
    const staged = db.transaction('staged', 'readwrite').objectStore('staged')
    const [set = ''] = await done(staged.getAllKeys())
    const record = await done(staged.get(set))
    await done(staged.put({ ...record, modified: Date.now() - 7_200_000 }, set))
    db.close()
    const part = await resume(storage)
    expect(await storage.sweep({ olderThan: 3_600_000 })).toBe(0)
    await expectFinished(storage, part)
  })

  it('has no way where a page has no locks', async () => {
    const storage = await at()
    const locks = Object.getOwnPropertyDescriptor(Navigator.prototype, 'locks')
    Object.defineProperty(Navigator.prototype, 'locks', { value: undefined, configurable: true })
    try {
      expect(await storage.resume?.(path, { size })).toBeUndefined()
    } finally {
      if (locks) Object.defineProperty(Navigator.prototype, 'locks', locks)
    }
  })
})
