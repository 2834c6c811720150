/** Staged bytes in a database: in memory up to one chunk, from there on a set of chunks that no name leads to. */

import { promisifyRequest } from 'idb-keyval'
import { OciError } from '../../src/errors.ts'
import type { LeftBytes, StagingMedium } from '../../src/staging.ts'
import type { BlobPath } from '../../src/storage.ts'
import { concat } from '../../src/streams.ts'
import type { Database } from './database.ts'
import { faulty } from './faults.ts'
import {
  chunkKey,
  chunkSize,
  chunksOfSet,
  type FileRecord,
  inlineSize,
  lossKey,
  type StagedRecord,
  setOf,
} from './records.ts'

/** Bytes that stay when their writer is ended. */
export interface Part {
  /** What they are to become. */
  readonly path: BlobPath
  /** The chunks that are there already, all of them full. */
  readonly kept?: { readonly set: string; readonly chunks: number } | undefined
}

/** Bytes to be written and published. */
export class StagedInDatabase implements StagingMedium {
  readonly #database: Database
  readonly #onEnd: () => void
  readonly #part: Part | undefined
  readonly #set: string
  #gathered: Uint8Array[] = []
  #gatheredSize = 0
  /** Chunks that the database has or is being given. */
  #chunks: number
  /** The chunk on its way: the next one is gathered meanwhile. */
  #storing: Promise<void> = Promise.resolve()
  #size: number
  #modified = Date.now()
  #isSwept = false

  constructor(database: Database, { onEnd, part }: { readonly onEnd: () => void; readonly part?: Part }) {
    this.#database = database
    this.#onEnd = onEnd
    this.#part = part
    this.#set = part?.kept?.set ?? randomId()
    this.#chunks = part?.kept?.chunks ?? 0
    this.#size = this.#chunks * chunkSize
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#faulty('write', async () => {
      if (this.#isSwept) throw this.#swept('write')
      this.#modified = Date.now()
      for (let at = 0; at < chunk.length; ) {
        if (this.#gatheredSize === chunkSize) await this.#flush()
        // A copy with a buffer of its own, which a Node Buffer's slice isn't; a view would be stored with all of its buffer.
        const part = new Uint8Array(chunk.subarray(at, at + chunkSize - this.#gatheredSize))
        this.#gathered.push(part)
        this.#gatheredSize += part.length
        at += part.length
      }
      this.#size += chunk.length
    })
  }

  close(): Promise<void> {
    return this.#faulty('write', async () => {
      if (this.#chunks > 0) await this.#flush()
      await this.#storing
    })
  }

  publish(path: BlobPath): Promise<'written' | 'existed'> {
    return this.#faulty('commit', async () => {
      const scope = { stores: ['files', 'chunks', 'staged'], mode: 'readwrite' } as const
      const outcome = await this.#database.run(scope, transaction => this.#publishIn(transaction, path))
      this.#end()
      if (outcome === 'written') await this.#database.wrote()
      return outcome
    })
  }

  drop(): Promise<void> {
    return this.#faulty('discard', async () => {
      this.#end()
      await this.#storing.catch(() => {})
      if (this.#chunks === 0) return
      await this.#database.run({ stores: ['chunks', 'staged'], mode: 'readwrite' }, async transaction => {
        const staged = transaction.objectStore('staged')
        // Swept, or a name leads to them: a commit may have come to its end and only its answer been lost.
        if (await this.#isGone(staged)) return
        staged.delete(this.#set)
        transaction.objectStore('chunks').delete(chunksOfSet(this.#set))
      })
    })
  }

  /** Leaves the chunks that the database has; what was gathered for the next one is dropped. */
  leave(): Promise<LeftBytes | undefined> {
    return this.#faulty('leave', async () => {
      this.#end()
      await this.#storing
      if (this.#chunks === 0) return undefined
      // No version: nothing tells who has touched a record.
      return { name: this.#set, size: Math.min(this.#size, this.#chunks * chunkSize) }
    })
  }

  /** Drops the bytes if they are in memory still and were not written to since a time; the rest is in the database. */
  sweep(before: number): boolean {
    if (this.#isSwept || this.#chunks > 0 || this.#modified > before) return false
    this.#isSwept = true
    this.#gathered = []
    return true
  }

  #end(): void {
    this.#gathered = []
    this.#onEnd()
  }

  async #flush(): Promise<void> {
    const bytes = concat(this.#gathered, this.#gatheredSize)
    this.#gathered = []
    this.#gatheredSize = 0
    const number = this.#chunks++
    await this.#storing
    this.#storing = this.#store(number, bytes)
    // The next write, or the close, tells.
    this.#storing.catch(() => {})
  }

  #store(number: number, bytes: Uint8Array): Promise<void> {
    return this.#database.run({ stores: ['chunks', 'staged'], mode: 'readwrite' }, async transaction => {
      const staged = transaction.objectStore('staged')
      if (number > 0 && (await this.#isGone(staged))) throw this.#swept('write')
      staged.put(this.#stagedRecord(number * chunkSize + bytes.length), this.#set)
      transaction.objectStore('chunks').put(bytes, chunkKey(this.#set, number))
    })
  }

  #stagedRecord(size: number): StagedRecord {
    const path = this.#part?.path
    return { modified: Date.now(), ...(path !== undefined && { part: { path, size } }) }
  }

  async #publishIn(transaction: IDBTransaction, path: BlobPath): Promise<'written' | 'existed'> {
    const files = transaction.objectStore('files')
    const chunks = transaction.objectStore('chunks')
    const staged = transaction.objectStore('staged')
    const now = await promisifyRequest<FileRecord | undefined>(files.get(path))
    // A connection that is lost at the very end doesn't tell that all was done.
    if (setOf(now) === this.#set) return 'written'
    if (this.#isSwept || (this.#chunks > 0 && (await this.#isGone(staged)))) throw this.#swept('commit')
    staged.delete(this.#set)
    if (now?.size === this.#size) {
      chunks.delete(chunksOfSet(this.#set))
      return 'existed'
    }
    const replaced = setOf(now)
    if (replaced !== undefined) chunks.delete(chunksOfSet(replaced))
    files.put(this.#record(chunks), path)
    // Whoever writes the layout anew knows of the loss.
    if (this.#database.lostSince !== undefined) files.delete(lossKey)
    return 'written'
  }

  #record(chunks: IDBObjectStore): FileRecord {
    const common = { size: this.#size, modified: this.#modified }
    if (this.#size <= inlineSize) return { ...common, bytes: concat(this.#gathered) }
    if (this.#chunks === 0) chunks.put(concat(this.#gathered), chunkKey(this.#set, 0))
    return { ...common, set: this.#set, chunkSize }
  }

  async #isGone(staged: IDBObjectStore): Promise<boolean> {
    return (await promisifyRequest(staged.getKey(this.#set))) === undefined
  }

  #swept(operation: string): OciError {
    const message = `${this.#database.storage}: the staged bytes were swept`
    return new OciError('STORAGE_FAILED', { storage: this.#database.storage, operation }, { message })
  }

  #faulty<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return faulty({ storage: this.#database.storage, operation }, call)
  }
}

/** `randomUUID` is there in secure contexts alone; databases are everywhere. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
