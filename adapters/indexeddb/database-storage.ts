/** A layout in a database of the browser. */

import { promisifyRequest } from 'idb-keyval'
import { OciError } from '../../src/errors.ts'
import { guarded } from '../../src/faults.ts'
import { type ResumableMedium, Stagings, unlessRefused } from '../../src/staging.ts'
import {
  type AbortOptions,
  type BlobPath,
  checkAge,
  checkAsSeen,
  checkBlobPath,
  checkDocumentPath,
  checkLayoutPath,
  checkSize,
  type DocumentEdit,
  type DocumentPath,
  digestOfPath,
  type LayoutPath,
  type RemoveOptions,
  type ResumableFile,
  type ResumeOptions,
  type StagedFile,
  type StageOptions,
  type StorageAdapter,
  type StorageEntry,
  type StorageTraits,
  type StoredFile,
  type UpdateOptions,
} from '../../src/storage.ts'
import { equalBytes } from '../../src/streams.ts'
import type { Database } from './database.ts'
import { faulty } from './faults.ts'
import { openPart } from './parts.ts'
import { chunksOfSet, type FileRecord, setOf } from './records.ts'
import { type Part, StagedInDatabase } from './staged.ts'
import { openFile } from './stored.ts'
import { sweepIn } from './sweep.ts'

/** The storage behind `indexedDb`. A transaction that writes is the exclusive section of `update` and `remove`. */
export class DatabaseStorage implements StorageAdapter {
  readonly name: string
  readonly traits: StorageTraits = {
    writable: true,
    lists: true,
    persistent: true,
    // Strict transactions, and yet: of 88 kills of Chromium 9 lost what it had acknowledged, 8 the whole database.
    durable: false,
    exclusion: 'origin',
    optimistic: false,
    atomicPublish: true,
    modifiedTimes: true,
  }
  readonly #database: Database
  readonly #stagings: Stagings
  readonly #staged = new Set<StagedInDatabase>()
  #closed = false

  constructor(database: Database) {
    this.name = database.storage
    this.#database = database
    this.#stagings = new Stagings(database.storage)
  }

  get lostSince(): number | undefined {
    return this.#database.lostSince
  }

  async open(path: LayoutPath, options: AbortOptions = {}): Promise<StoredFile | undefined> {
    checkLayoutPath(path)
    this.#enter(options.signal)
    const call = (): Promise<StoredFile | undefined> => openFile(this.#database, path, options)
    return faulty({ storage: this.name, operation: 'open', path }, call, options.signal)
  }

  async *list(options: AbortOptions = {}): AsyncGenerator<StorageEntry, void, undefined> {
    const { signal } = options
    this.#enter(signal)
    const scope = { stores: ['files', 'staged'], mode: 'readonly', signal } as const
    // Collected first: a transaction ends while a reader of the list does something else.
    for (const entry of await this.#faulty('list', () => this.#database.run(scope, entriesIn), signal)) {
      this.#enter(signal)
      yield entry
    }
  }

  async stage(options: StageOptions = {}): Promise<StagedFile> {
    this.#enter(options.signal)
    await this.#faulty('stage', () => this.#refuseWhenFull(options.size))
    this.#enter(options.signal)
    return this.#stagings.begin(this.#newStaged(), options)
  }

  async resume(path: BlobPath, options: ResumeOptions): Promise<ResumableFile | undefined> {
    checkBlobPath(path)
    const { size, signal } = options
    checkSize(size)
    this.#enter(signal)
    const stage = (part: Part): StagedInDatabase => this.#newStaged(part)
    const open = async (): Promise<ResumableMedium | undefined> => {
      const part = await openPart(this.#database, path, { size, signal, stage })
      return part && unlessRefused(part, () => this.#refuseWhenFull(size - part.kept.size))
    }
    return this.#faulty('resume', () => this.#stagings.resume(path, open, options), signal)
  }

  async update(path: DocumentPath, edit: DocumentEdit, options: UpdateOptions = {}): Promise<void> {
    checkDocumentPath(path)
    const { requires = [], signal } = options
    for (const required of requires) checkBlobPath(required)
    this.#enter(signal)
    await this.#faulty(
      'update',
      async () => {
        const scope = { stores: ['files'], mode: 'readwrite', signal } as const
        const wrote = await this.#database.run(scope, async transaction => {
          const files = transaction.objectStore('files')
          await checkPresent(files, requires)
          return writeEdited(files, path, edit)
        })
        if (wrote) await this.#database.wrote()
      },
      signal,
    )
  }

  async remove(
    choose: (index: Uint8Array | undefined) => readonly BlobPath[],
    options: RemoveOptions = {},
  ): Promise<number> {
    const { seen = [] } = options
    for (const { path } of seen) checkBlobPath(path)
    this.#enter(options.signal)
    const scope = { stores: ['files', 'chunks'], mode: 'readwrite', signal: options.signal } as const
    const work = async (transaction: IDBTransaction): Promise<number> => {
      const files = transaction.objectStore('files')
      for (const blob of seen) checkAsSeen(this.name, blob, await sizeOf(files, blob.path))
      const index = await bytesOf(files, 'index.json')
      const chosen = guarded(() => choose(index))
      for (const path of chosen) checkBlobPath(path)
      return removeIn(transaction, chosen)
    }
    return this.#faulty('remove', () => this.#database.run(scope, work), options.signal)
  }

  async sweep(options: { readonly olderThan: number }): Promise<number> {
    checkAge(options.olderThan)
    this.#enter(undefined)
    const before = Date.now() - options.olderThan
    const inMemory = [...this.#staged].filter(staged => staged.sweep(before)).length
    const scope = { stores: ['files', 'chunks', 'staged'], mode: 'readwrite' } as const
    const stored = await this.#faulty('sweep', () =>
      this.#database.run(scope, transaction => sweepIn(transaction, before)),
    )
    return inMemory + stored
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#stagings.close()
    await this.#database.close()
  }

  #newStaged(part?: Part): StagedInDatabase {
    const onEnd = (): unknown => this.#staged.delete(staged)
    const staged = new StagedInDatabase(this.#database, { onEnd, ...(part && { part }) })
    this.#staged.add(staged)
    return staged
  }

  async #refuseWhenFull(size: number | undefined): Promise<void> {
    if (size === undefined || size === 0) return
    // A page that isn't a secure context has no estimate, and a database still.
    const { quota, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {}
    if (quota === undefined || quota - usage >= size) return
    throw new OciError('STORAGE_FULL', { storage: this.name, needed: size })
  }

  #enter(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new OciError('STORAGE_CLOSED', { storage: this.name })
    signal?.throwIfAborted()
  }

  #faulty<T>(operation: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return faulty({ storage: this.name, operation }, call, signal)
  }
}

async function checkPresent(files: IDBObjectStore, paths: readonly BlobPath[]): Promise<void> {
  for (const path of paths) {
    if ((await promisifyRequest(files.getKey(path))) !== undefined) continue
    throw new OciError('BLOB_MISSING', { digest: digestOfPath(path) })
  }
}

async function writeEdited(files: IDBObjectStore, path: DocumentPath, edit: DocumentEdit): Promise<boolean> {
  const now = await bytesOf(files, path)
  const next = guarded(() => edit(now?.slice()))
  if (next === undefined || (now !== undefined && equalBytes(now, next))) return false
  // A copy with a buffer of its own: a view would be stored with all of its buffer.
  const record: FileRecord = { size: next.length, modified: Date.now(), bytes: new Uint8Array(next) }
  files.put(record, path)
  return true
}

/** Bytes of a blob, without reading them; `undefined` where there is none. */
async function sizeOf(files: IDBObjectStore, path: BlobPath): Promise<number | undefined> {
  return (await promisifyRequest<FileRecord | undefined>(files.get(path)))?.size
}

async function removeIn(transaction: IDBTransaction, paths: readonly BlobPath[]): Promise<number> {
  const files = transaction.objectStore('files')
  let removed = 0
  for (const path of new Set(paths)) {
    const record = await promisifyRequest<FileRecord | undefined>(files.get(path))
    if (record === undefined) continue
    files.delete(path)
    const set = setOf(record)
    if (set !== undefined) transaction.objectStore('chunks').delete(chunksOfSet(set))
    removed++
  }
  return removed
}

/** By the index, which knows sizes without the bytes, and hasn't what is no file. */
async function entriesIn(transaction: IDBTransaction): Promise<readonly StorageEntry[]> {
  const entries: StorageEntry[] = []
  const request = transaction.objectStore('files').index('size').openKeyCursor()
  for (let cursor = await promisifyRequest(request); cursor; cursor = await promisifyRequest(request)) {
    entries.push({ path: String(cursor.primaryKey), kind: 'file', size: Number(cursor.key) })
    cursor.continue()
  }
  for (const set of await promisifyRequest(transaction.objectStore('staged').getAllKeys())) {
    entries.push({ path: `.ocidir/${set}`, kind: 'staged' })
  }
  return entries
}

async function bytesOf(files: IDBObjectStore, path: DocumentPath): Promise<Uint8Array | undefined> {
  const record = await promisifyRequest<FileRecord | undefined>(files.get(path))
  return record !== undefined && 'bytes' in record ? record.bytes : undefined
}
