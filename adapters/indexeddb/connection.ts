/** Opening a database, and what its transactions come to. */

import { domNameOf } from '../../src/faults.ts'
import { createStores, lossKey, type StoreName, schemaVersion } from './records.ts'

/** Where a database is, and how long its opening may take. */
export interface DatabasePlace {
  readonly factory: IDBFactory
  readonly database: string
  /** Milliseconds. */
  readonly timeout: number
}

/** The stores of a transaction, and what it may do. */
export interface Scope {
  readonly stores: readonly StoreName[]
  readonly mode: 'readonly' | 'readwrite'
  readonly signal?: AbortSignal | undefined
}

/** What a transaction does. It may await its own requests and nothing else: at any other await it would commit. */
export type Work<T> = (transaction: IDBTransaction) => T | PromiseLike<T>

/** The browser took the connection away: the transaction was aborted, and another connection may do it. */
export class ConnectionLost extends Error {}

/**
 * Opens a database, made where there is none: one that `wasNoted` is lost then, which is kept in the very transaction that
 * makes it anew, for nobody may come to tell. A browser may never answer: then it rejects with a `TimeoutError`.
 */
export async function connect(
  place: DatabasePlace,
  { wasNoted }: { readonly wasNoted: boolean },
): Promise<{ db: IDBDatabase; isNew: boolean }> {
  const request = place.factory.open(place.database, schemaVersion)
  let isNew = false
  request.onupgradeneeded = () => {
    isNew = true
    const files = createStores(request.result)
    if (wasNoted) files.put(Date.now(), lossKey)
  }
  // Nobody waits for it any more, and open it would be in the way of others.
  const db = await inTime(request, { ...place, tooLate: late => late.close() })
  return { db, isNew }
}

/** Removes a database; those that have it open are asked to close it. */
export async function removeDatabase(place: DatabasePlace): Promise<void> {
  await inTime(place.factory.deleteDatabase(place.database), place)
}

/** The result of an opening, unless it takes too long. */
function inTime<T>(
  request: IDBOpenDBRequest & IDBRequest<T>,
  { timeout, tooLate }: { readonly timeout: number; readonly tooLate?: (result: T) => void },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let why = 'the browser gave no answer'
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      reject(new DOMException(`${why} for ${timeout} ms`, 'TimeoutError'))
    }, timeout)
    request.onblocked = () => {
      why = 'another tab held the database open'
    }
    request.onerror = () => {
      clearTimeout(timer)
      reject(request.error)
    }
    request.onsuccess = () => {
      clearTimeout(timer)
      if (isLate) tooLate?.(request.result)
      else resolve(request.result)
    }
  })
}

/** Runs one transaction. Throws `ConnectionLost` where the connection and not the work was at fault. */
export async function transact<T>(db: IDBDatabase, scope: Scope, work: Work<T>): Promise<T> {
  const { signal, mode } = scope
  signal?.throwIfAborted()
  const { transaction, end, stop } = begin(db, scope)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const result = await work(transaction)
    // A request that succeeds is no promise: at the end of the quota the transaction is aborted after it.
    if (mode === 'readwrite') await end
    return result
  } catch (error) {
    stop()
    const reason = await end.then(
      () => undefined,
      reason => reason,
    )
    signal?.throwIfAborted()
    throw reason ?? error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

interface Begun {
  readonly transaction: IDBTransaction
  /** Resolves when it is complete; rejects with why it was aborted, `undefined` if it was by `stop`. */
  readonly end: Promise<void>
  /** Aborts it, unless it has ended. */
  stop(): void
}

function begin(db: IDBDatabase, { stores, mode }: Scope): Begun {
  const transaction = transactionOf(db, { stores, mode })
  let isStopped = false
  const end = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(isStopped ? undefined : reasonOf(transaction.error))
  })
  // Who needs to know awaits it.
  end.catch(() => {})
  const stop = (): void => {
    try {
      transaction.abort()
      isStopped = true
    } catch {
      // It has ended by itself.
    }
  }
  return { transaction, end, stop }
}

function transactionOf(db: IDBDatabase, { stores, mode }: Scope): IDBTransaction {
  try {
    return db.transaction(stores, mode, { durability: mode === 'readwrite' ? 'strict' : 'default' })
  } catch (cause) {
    throw domNameOf(cause) === 'InvalidStateError' ? new ConnectionLost('closing', { cause }) : cause
  }
}

/** Why a transaction was aborted that we didn't abort: its own fault, or that its connection was taken away. */
function reasonOf(error: DOMException | null): Error {
  // Chromium gives none, the specification AbortError, WebKit "Connection to Indexed Database server lost".
  const cause = error ?? new DOMException('the browser closed the database', 'AbortError')
  const isLost =
    cause.name === 'AbortError' || (cause.name === 'UnknownError' && /connection/i.test(cause.message))
  return isLost ? new ConnectionLost('lost', { cause }) : cause
}
