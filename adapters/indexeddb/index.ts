/** The browser's second entry: layouts in IndexedDB, for where there is no private file system. */

import { OciError } from '../../src/errors.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { removeDatabase } from './connection.ts'
import { Database } from './database.ts'
import { DatabaseStorage } from './database-storage.ts'
import { unnote } from './existence.ts'
import { connecting, faulty } from './faults.ts'

/** Options of `indexedDb`. */
export interface IndexedDbOptions {
  /** Milliseconds that the browser may take to open the database: 10,000 unless given. */
  readonly timeout?: number | undefined
  /**
   * Asks the browser at the first write to keep the data when it needs room: `true` unless given. Firefox asks its
   * user; nothing waits for the answer.
   */
  readonly persist?: boolean | undefined
}

/**
 * A layout in a database of the browser, made if it isn't there. Works in windows and in workers of all kinds.
 *
 * It is the fallback: prefer `opfs`. Transactions are strict, and yet Chromium, killed, has lost databases that it had
 * acknowledged: the trait `durable` is false. A loss is noticed where the private file system or `localStorage` is
 * there, and told: `lostSince` of the storage, `STORAGE_LOST` by `OciDir.open`, a finding of `fsck`, until a blob is
 * written again.
 *
 * Rejects with `STORAGE_UNAVAILABLE` where the browser has no databases or doesn't open this one in time.
 *
 * @example
 * const storage = await indexedDb('builds')
 */
export async function indexedDb(name: string, options: IndexedDbOptions = {}): Promise<StorageAdapter> {
  const { timeout = longestOpening, persist = true } = options
  const { storage, database } = namesOf(name)
  const opened = new Database({ storage, database, factory: factoryFor(storage), timeout, persist })
  await opened.open()
  return new DatabaseStorage(opened)
}

/**
 * Removes a layout's database, which is no loss then. Storages that are open on it let go of it; used again, they make
 * an empty one.
 */
export async function removeIndexedDb(
  name: string,
  options: Pick<IndexedDbOptions, 'timeout'> = {},
): Promise<void> {
  const { timeout = longestOpening } = options
  const { storage, database } = namesOf(name)
  const factory = factoryFor(storage)
  await unnote(database)
  await faulty({ storage, operation: connecting }, () => removeDatabase({ factory, database, timeout }))
}

const longestOpening = 10_000

function namesOf(name: string): { readonly storage: string; readonly database: string } {
  if (typeof name === 'string' && name !== '')
    return { storage: `indexeddb:${name}`, database: `ocidir:${name}` }
  throw new TypeError(`not a name of a database: ${JSON.stringify(String(name))}`)
}

function factoryFor(storage: string): IDBFactory {
  if (typeof indexedDB !== 'undefined' && indexedDB !== null) return indexedDB
  throw new OciError('STORAGE_UNAVAILABLE', { storage, reason: 'no IndexedDB' })
}
