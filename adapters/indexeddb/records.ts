/** What the database holds, and under which keys. */

import type { BlobPath } from '../../src/storage.ts'

/**
 * Three stores. `files`: a record for each name of the layout. `chunks`: the bytes of large blobs, by the id of their
 * set and their number. `staged`: the ids of the sets that no name leads to yet.
 */
export type StoreName = 'files' | 'chunks' | 'staged'

/** The version of what is described here. */
export const schemaVersion = 1

/** Bytes of a chunk, all but the last of a set. Chromium and Firefox write and read this size the fastest. */
export const chunkSize: number = 1024 * 1024

/** A blob of so many bytes stands in its record: one record to read and to write. */
export const inlineSize: number = 64 * 1024

/** A small blob, or a document of any size. */
export interface InlineRecord {
  readonly size: number
  readonly modified: number
  readonly bytes: Uint8Array
}

/** A blob whose bytes are a set of chunks. */
export interface ChunkedRecord {
  readonly size: number
  readonly modified: number
  readonly set: string
  readonly chunkSize: number
}

/** What stands under a layout's name. */
export type FileRecord = InlineRecord | ChunkedRecord

/** What stands under the id of a set that is being written. */
export interface StagedRecord {
  /** Renewed with each chunk: a writer at work is young. */
  readonly modified: number
  /** Of a set that stays when its writer is ended: the name that it is to have, and how many bytes it has. */
  readonly part?: { readonly path: BlobPath; readonly size: number } | undefined
}

/** The key in `files`, no name of a layout, under which a loss of the database is told, in milliseconds since 1970. */
export const lossKey = 'lost'

/** Makes the stores of a new database, and gives `files`. The indexes tell sizes and sets without reading any bytes. */
export function createStores(database: IDBDatabase): IDBObjectStore {
  const files = database.createObjectStore('files' satisfies StoreName)
  files.createIndex('size', 'size')
  files.createIndex('set', 'set')
  database.createObjectStore('chunks' satisfies StoreName)
  database.createObjectStore('staged' satisfies StoreName)
  return files
}

/** The key of a chunk. */
export function chunkKey(set: string, number: number): [string, number] {
  return [set, number]
}

/** The keys of all chunks of a set: an array sorts after every number. */
export function chunksOfSet(set: string): IDBKeyRange {
  return IDBKeyRange.bound([set], [set, []])
}

/** The set of a record's chunks, if it has some. */
export function setOf(record: FileRecord | undefined): string | undefined {
  return record !== undefined && 'set' in record ? record.set : undefined
}
