/** The connection to a database: lost, asked for by others, never answered; and the browser's own errors. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConnectionLost } from '../../adapters/indexeddb/connection.ts'
import { faultOf } from '../../adapters/indexeddb/faults.ts'
import { type IndexedDbOptions, indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { sameBytes } from '../suites/assert.ts'
import { addLine, blobName, bytesOf, linesIn, put, read, stageBytes, utf8 } from '../suites/material.ts'
import { done, openRaw } from './indexeddb-raw.ts'

let name: string
let storage: StorageAdapter

beforeEach(async () => {
  name = `connection-${crypto.randomUUID()}`
  storage = await indexedDb(name)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await storage.close()
  await removeIndexedDb(name)
})

describe('a connection that is lost', () => {
  it('is opened again once, for all that needed it', async () => {
    await closeBehindItsBack()
    const open = vi.spyOn(IDBFactory.prototype, 'open')
    const lines = Array.from({ length: 20 }, (_, i) => `${i}`)
    await Promise.all(lines.map(line => addLine(storage, line)))
    expect(open).toHaveBeenCalledTimes(1)
    expect((await linesIn(storage)).sort()).toEqual(lines.sort())
  })

  it('while it is looked at takes no newer one with it', async () => {
    await closeBehindItsBack()
    const open = vi.spyOn(IDBFactory.prototype, 'open')
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction')
    // The look for a loss waits until we fail it.
    const request: { error?: DOMException; onerror?(): void } = {}
    const get = vi
      .spyOn(IDBObjectStore.prototype, 'get')
      .mockImplementationOnce(() => request as unknown as IDBRequest)
    const failing = storage.open('index.json')
    await vi.waitUntil(() => get.mock.calls.length === 1)
    const db = begin.mock.contexts.at(-1)
    if (db instanceof IDBDatabase) db.dispatchEvent(new Event('close'))
    await addLine(storage, 'by the newer one')
    request.error = new DOMException('lost', 'UnknownError')
    request.onerror?.()
    await expect(failing).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await linesIn(storage)).toEqual(['by the newer one'])
    expect(open).toHaveBeenCalledTimes(2)
  })

  it('in the middle of a staged file doesn’t end it', async () => {
    const staged = await storage.stage()
    const writer = staged.writable.getWriter()
    await writer.write(bytesOf(2_500_000, 1))
    await closeBehindItsBack()
    await writer.write(bytesOf(2_500_000, 2))
    await writer.close()
    await closeBehindItsBack()
    expect(await staged.commit(blobName(1))).toBe('written')
    expect((await read(storage, blobName(1)))?.length).toBe(5_000_000)
  })

  it('and lost once more is a failure after two attempts', async () => {
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(() => {
      throw new DOMException('The database connection is closing.', 'InvalidStateError')
    })
    // A connection that is made anew is used at once, to look for a loss: that is the second attempt.
    await expect(storage.open('index.json')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      cause: { name: 'InvalidStateError' },
    })
    expect(begin).toHaveBeenCalledTimes(2)
    vi.restoreAllMocks()
    expect(await storage.open('index.json')).toBeUndefined()
  })

  it('at the very end of a commit doesn’t make a blob that isn’t there, nor one too many', async () => {
    const staged = await stageBytes(storage, bytesOf(1_500_000))
    let told = 0
    const begin = IDBDatabase.prototype.transaction
    vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (
      this: IDBDatabase,
      ...[stores, mode, options]: Parameters<IDBDatabase['transaction']>
    ) {
      const transaction = begin.call(this, stores, mode, options)
      if (![stores].flat().includes('files') || mode !== 'readwrite' || told++ > 0) return transaction
      // Done, and nobody is told: the connection went away before.
      transaction.addEventListener('complete', event => {
        event.stopImmediatePropagation()
        transaction.onabort?.(new Event('abort'))
      })
      return transaction
    })
    expect(await staged.commit(blobName(1))).toBe('written')
    expect(told).toBe(2)
    sameBytes(await read(storage, blobName(1)), bytesOf(1_500_000))
  })

  it('at the very end of a commit, and for good, doesn’t take the bytes from under their name', async () => {
    const staged = await stageBytes(storage, bytesOf(2_500_000))
    let told = 0
    const begin = IDBDatabase.prototype.transaction
    vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (
      this: IDBDatabase,
      ...[stores, mode, options]: Parameters<IDBDatabase['transaction']>
    ) {
      if (told++ > 0) throw new DOMException('The database connection is closing.', 'InvalidStateError')
      const transaction = begin.call(this, stores, mode, options)
      // Done, and nobody is told: the connection went away before.
      transaction.addEventListener('complete', event => {
        event.stopImmediatePropagation()
        transaction.onabort?.(new Event('abort'))
      })
      return transaction
    })
    await expect(staged.commit(blobName(1))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    vi.restoreAllMocks()
    await staged.discard()
    sameBytes(await read(storage, blobName(1)), bytesOf(2_500_000))
  })
})

describe('another tab', () => {
  it('that removes the database is not held up, and the storage goes on', async () => {
    await addLine(storage, 'before')
    const request = indexedDB.deleteDatabase(`ocidir:${name}`)
    const blocked = vi.fn()
    request.onblocked = blocked
    await done(request)
    expect(blocked).not.toHaveBeenCalled()
    await addLine(storage, 'after')
    expect(await linesIn(storage)).toEqual(['after'])
  })

  it('of a later version of the library takes the database over, and that is said', async () => {
    const later = await openRaw(name, 2)
    later.close()
    await expect(storage.open('index.json')).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      data: { reason: 'a newer version of this library made the database' },
    })
    await expect(indexedDb(name)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  })
})

describe('a database that doesn’t open', () => {
  it('is unavailable after the time given, and is let go when it opens too late', async () => {
    await storage.close()
    const holder = await openRaw(name)
    const deletion = indexedDB.deleteDatabase(`ocidir:${name}`)
    await new Promise(resolve => {
      deletion.onblocked = resolve
    })
    const began = performance.now()
    await expect(indexedDb(name, { timeout: 100 })).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      data: { reason: 'the browser gave no answer for 100 ms' },
      cause: { name: 'TimeoutError' },
    })
    expect(performance.now() - began).toBeGreaterThanOrEqual(95)
    holder.close()
    // A connection that nobody knows of would block this for ever.
    const again = indexedDB.deleteDatabase(`ocidir:${name}`)
    const blocked = vi.fn()
    again.onblocked = blocked
    await done(again)
    expect(blocked).not.toHaveBeenCalled()
  })

  it('is in use elsewhere, when it can’t be removed', async () => {
    const holder = await openRaw(name)
    await expect(removeIndexedDb(name, { timeout: 100 })).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      data: { reason: 'another tab held the database open for 100 ms' },
    })
    holder.close()
  })

  it('is asked for again at the next call', async () => {
    await closeBehindItsBack()
    vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
      throw new DOMException('not now', 'UnknownError')
    })
    await expect(storage.open('index.json')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    vi.restoreAllMocks()
    expect(await storage.open('index.json')).toBeUndefined()
  })

  it('is unavailable where the browser has none', async () => {
    for (const none of [undefined, null]) {
      vi.stubGlobal('indexedDB', none)
      await expect(indexedDb(name)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      vi.unstubAllGlobals()
    }
  })
})

describe('indexedDb', () => {
  it('takes a name and nothing else', async () => {
    const none: unknown = undefined
    for (const wrong of ['', none as string]) await expect(indexedDb(wrong)).rejects.toThrow(TypeError)
  })

  it('asks the browser to keep the data at the first write, unless told not to, and waits for no answer', async () => {
    const persist = vi.spyOn(StorageManager.prototype, 'persist').mockReturnValue(new Promise(() => {}))
    const asked = async (options?: IndexedDbOptions): Promise<number> => {
      persist.mockClear()
      const other = await indexedDb(name, options)
      await other.open('index.json')
      expect(persist).not.toHaveBeenCalled()
      for (const line of ['a', 'b']) await addLine(other, line)
      await other.close()
      return persist.mock.calls.length
    }
    expect(await asked()).toBe(1)
    expect(await asked({ persist: false })).toBe(0)
  })

  it('says that the quota is full before the first byte, where the size is known', async () => {
    await expect(storage.stage({ size: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      data: { needed: Number.MAX_SAFE_INTEGER },
    })
  })

  it('keeps a name’s layout apart from another’s', async () => {
    const other = await indexedDb(`${name}/other`)
    await put(storage, blobName(1), bytesOf(10))
    expect(await other.open(blobName(1))).toBeUndefined()
    await other.close()
    await removeIndexedDb(`${name}/other`)
  })

  it('passes on what edit and choose throw, were it an error like the browser’s', async () => {
    const thrown = new DOMException('mine', 'QuotaExceededError')
    const throwing = (): never => {
      throw thrown
    }
    await storage.update('index.json', () => utf8('old'))
    await expect(storage.update('index.json', throwing)).rejects.toBe(thrown)
    await expect(storage.remove(throwing)).rejects.toBe(thrown)
    expect(await read(storage, 'index.json')).toEqual(utf8('old'))
  })
})

describe('errors of the browser', () => {
  const table: Readonly<Record<string, string>> = {
    QuotaExceededError: 'STORAGE_FULL',
    NotAllowedError: 'STORAGE_DENIED',
    SecurityError: 'STORAGE_DENIED',
    AbortError: 'STORAGE_FAILED',
    ConstraintError: 'STORAGE_FAILED',
    DataCloneError: 'STORAGE_FAILED',
    DataError: 'STORAGE_FAILED',
    InvalidStateError: 'STORAGE_FAILED',
    NotFoundError: 'STORAGE_FAILED',
    NotReadableError: 'STORAGE_FAILED',
    ReadOnlyError: 'STORAGE_FAILED',
    TimeoutError: 'STORAGE_FAILED',
    TransactionInactiveError: 'STORAGE_FAILED',
    UnknownError: 'STORAGE_FAILED',
    VersionError: 'STORAGE_FAILED',
  }
  const whileOpening: Readonly<Record<string, string>> = {
    ...table,
    InvalidStateError: 'STORAGE_UNAVAILABLE',
    NotSupportedError: 'STORAGE_UNAVAILABLE',
    TimeoutError: 'STORAGE_UNAVAILABLE',
    VersionError: 'STORAGE_UNAVAILABLE',
  }
  const both = { commit: table, connect: whileOpening }
  for (const [operation, codes] of Object.entries(both)) {
    for (const [dom, code] of Object.entries(codes)) {
      it(`${dom} is ${code} at ${operation}, with its cause`, () => {
        const cause = new DOMException('why', dom)
        expect(faultOf(cause, { storage: 's', operation })).toMatchObject({ name: 'OciError', code, cause })
      })
    }
  }

  it('are what a lost connection was lost by', () => {
    const cause = new DOMException('why', 'InvalidStateError')
    const lost = new ConnectionLost('lost', { cause })
    expect(faultOf(lost, { storage: 's', operation: 'open' })).toMatchObject({
      code: 'STORAGE_FAILED',
      cause,
    })
  })

  it('pass through when they are none', () => {
    for (const error of [new TypeError('mistake'), new Error('plain'), 'text', undefined]) {
      expect(faultOf(error, { storage: 's', operation: 'commit' })).toBe(error)
    }
  })
})

/** As the browser does when it is short of something: our side learns of it at the next call. */
async function closeBehindItsBack(): Promise<void> {
  const begin = vi.spyOn(IDBDatabase.prototype, 'transaction')
  await storage.open('oci-layout')
  for (const db of begin.mock.contexts) if (db instanceof IDBDatabase) db.close()
  begin.mockRestore()
}
