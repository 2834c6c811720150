/** One database, opened when it is needed and again when the connection was lost. */

import { promisifyRequest, type UseStore } from 'idb-keyval'
import { OciError } from '../../src/errors.ts'
import { orAborted } from '../../src/streams.ts'
import { ConnectionLost, connect, type DatabasePlace, type Scope, transact, type Work } from './connection.ts'
import { isNoted, note } from './existence.ts'
import { connecting, faulty } from './faults.ts'
import { lossKey, type StoreName } from './records.ts'

/** What a `Database` is made of. */
export interface DatabaseOptions extends DatabasePlace {
  /** The storage's name, for messages. */
  readonly storage: string
  /** Whether the browser is asked to keep what is written. */
  readonly persist: boolean
}

/** A database of one layout, shared by all that its storage does. */
export class Database {
  readonly storage: string
  readonly #place: DatabasePlace
  readonly #persist: boolean
  #connection: Promise<IDBDatabase> | undefined
  #current: IDBDatabase | undefined
  #lostSince: number | undefined
  #hasWritten = false
  #isClosed = false

  constructor({ storage, persist, ...place }: DatabaseOptions) {
    this.storage = storage
    this.#persist = persist
    this.#place = place
  }

  /** When it was seen that the browser had lost the database, if it had. */
  get lostSince(): number | undefined {
    return this.#lostSince
  }

  /** Opens it, so that what stands in the way is told now. */
  async open(): Promise<void> {
    await this.#connected()
  }

  /** Runs one transaction, by a new connection once more where the present one turns out to be lost. */
  async run<T>(scope: Scope, work: Work<T>): Promise<T> {
    const { signal } = scope
    const db = await orAborted(this.#connected(), signal)
    try {
      return await transact(db, scope, work)
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      this.#forget(db)
    }
    return transact(await orAborted(this.#connected(), signal), scope, work)
  }

  /** A store as idb-keyval takes it. */
  store(name: StoreName, signal?: AbortSignal): UseStore {
    return (mode, work) => {
      if (mode === 'versionchange') throw new TypeError('a store takes no versionchange')
      return this.run({ stores: [name], mode, signal }, transaction => work(transaction.objectStore(name)))
    }
  }

  /** To be called after each write: at the first, the database is noted and the browser is asked to keep it. */
  async wrote(): Promise<void> {
    if (this.#hasWritten) return
    this.#hasWritten = true
    // Not awaited: a browser that asks its user may never answer. Workers have no such question.
    if (this.#persist) navigator.storage?.persist?.().catch(() => {})
    await note(this.#place.database)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const connection = this.#connection
    this.#connection = undefined
    // Transactions that run are completed first, by the browser.
    await connection?.then(db => db.close()).catch(() => {})
  }

  #connected(): Promise<IDBDatabase> {
    if (this.#isClosed) throw new OciError('STORAGE_CLOSED', { storage: this.storage })
    if (this.#connection !== undefined) return this.#connection
    const connection = this.#connect()
    this.#connection = connection
    // One that failed is tried again at the next call; a newer one, begun meanwhile, stays.
    connection.catch(() => {
      if (this.#connection === connection) this.#connection = undefined
    })
    return connection
  }

  async #connect(): Promise<IDBDatabase> {
    let opened: IDBDatabase | undefined
    try {
      return await faulty({ storage: this.storage, operation: connecting }, async () => {
        // Before the database is opened: one that another tab makes and writes just now isn't lost.
        const wasNoted = await isNoted(this.#place.database)
        const { db, isNew } = await connect(this.#place, { wasNoted })
        opened = db
        this.#watch(db)
        if (isNew) this.#hasWritten = false
        const isRemoved = isNew && wasNoted && !(await isNoted(this.#place.database))
        this.#lostSince = (await lossIn(db, { isRemoved })) ?? this.#lostSince
        return db
      })
    } catch (error) {
      opened?.close()
      if (this.#current === opened) this.#current = undefined
      throw error
    }
  }

  #watch(db: IDBDatabase): void {
    this.#current = db
    db.onclose = () => this.#forget(db)
    // Another tab wants to remove the database or to upgrade it, and waits for us.
    db.onversionchange = () => {
      db.close()
      this.#forget(db)
    }
  }

  #forget(db: IDBDatabase): void {
    if (this.#current !== db) return
    this.#current = undefined
    this.#connection = undefined
  }
}

/** When a loss was noticed that nobody has written over yet. What `isRemoved`, on purpose while it was opened, was none. */
function lossIn(db: IDBDatabase, { isRemoved }: { isRemoved: boolean }): Promise<number | undefined> {
  const scope = { stores: ['files'], mode: isRemoved ? 'readwrite' : 'readonly' } as const
  return transact(db, scope, transaction => {
    const files = transaction.objectStore('files')
    if (isRemoved) files.delete(lossKey)
    return promisifyRequest<number | undefined>(files.get(lossKey))
  })
}
