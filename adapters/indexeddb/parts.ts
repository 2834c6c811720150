/**
 * Half-written blobs in a database: sets of chunks whose staged record says which blob they are of, for whoever writes it
 * next. One writer at a time has such a set, for a lock that all of the origin heed is held as long.
 */

import { promisifyRequest } from 'idb-keyval'
import type { ResumableMedium } from '../../src/staging.ts'
import type { AbortOptions, BlobPath, StoredFile } from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { lockedPart, takeLock } from '../../src/web-lock.ts'
import type { Database } from './database.ts'
import { chunkSize, chunksOfSet, type StagedRecord } from './records.ts'
import type { Part, StagedInDatabase } from './staged.ts'
import { chunkedFile } from './stored.ts'

// Milliseconds. The lock of a page that is reloaded is still there for a moment.
const patience = 500

/** What is to be gone on with. */
export interface PartOptions extends AbortOptions {
  /** Bytes of the whole blob. */
  readonly size: number
  /** Makes what writes the bytes. */
  stage(part: Part): StagedInDatabase
}

/** The set of one blob, with what there is of it. `undefined` where somebody else is at it, or nobody could tell. */
export async function openPart(
  database: Database,
  path: BlobPath,
  { size, stage, signal }: PartOptions,
): Promise<ResumableMedium | undefined> {
  // A page that isn't a secure context has databases, and no locks.
  if (globalThis.navigator?.locks === undefined) return undefined
  const release = await takeLock(`ocidir:${database.storage}/part/${path}`, { patience, signal })
  if (release === undefined) return undefined
  try {
    const scope = { stores: ['staged', 'chunks'], mode: 'readwrite', signal } as const
    const kept = await database.run(scope, transaction => findIn(transaction, path, size))
    // No record has a time: nobody could tell who has touched it.
    const isUntouched = false
    return lockedPart(stage({ path, kept }), { kept: keptIn(database, path, kept), isUntouched, release })
  } catch (error) {
    release()
    throw error
  }
}

/** The largest set that a blob has, its full chunks alone; others are removed. */
async function findIn(transaction: IDBTransaction, path: BlobPath, size: number): Promise<Part['kept']> {
  const staged = transaction.objectStore('staged')
  const sets = await promisifyRequest(staged.getAllKeys())
  const records = await promisifyRequest<StagedRecord[]>(staged.getAll())
  const found: { readonly set: string; readonly size: number }[] = []
  for (const [i, set] of sets.entries()) {
    const part = records[i]?.part
    if (part?.path === path) found.push({ set: String(set), size: part.size })
  }
  found.sort((a, b) => b.size - a.size)
  const largest = found.find(part => part.size >= chunkSize && part.size <= size)
  for (const part of found) {
    if (part === largest) continue
    staged.delete(part.set)
    transaction.objectStore('chunks').delete(chunksOfSet(part.set))
  }
  if (largest === undefined) return undefined
  // A writer at work is young, also before his first chunk.
  staged.put({ modified: Date.now(), part: { path, size: largest.size } } satisfies StagedRecord, largest.set)
  return { set: largest.set, chunks: Math.floor(largest.size / chunkSize) }
}

function keptIn(database: Database, path: BlobPath, kept: Part['kept']): StoredFile {
  if (kept === undefined) return storedBytes(new Uint8Array())
  const { set, chunks } = kept
  const record = { set, size: chunks * chunkSize, modified: Date.now(), chunkSize }
  return chunkedFile({ database, path, record })
}
