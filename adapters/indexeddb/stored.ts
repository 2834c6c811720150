/** One version of a file: a small one at hand, a large one chunk by chunk from its own set, which never changes. */

import { get } from 'idb-keyval'
import { OciError } from '../../src/errors.ts'
import {
  type AbortOptions,
  checkRange,
  type LayoutPath,
  type RangeOptions,
  type StoredFile,
} from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { streamOf } from '../../src/streams.ts'
import type { Database } from './database.ts'
import { faulty } from './faults.ts'
import { type ChunkedRecord, chunkKey, type FileRecord } from './records.ts'

/** Opens what stands under a name. */
export async function openFile(
  database: Database,
  path: LayoutPath,
  { signal }: AbortOptions,
): Promise<StoredFile | undefined> {
  const record = await get<FileRecord>(path, database.store('files', signal))
  if (record === undefined) return undefined
  if ('bytes' in record) return storedBytes(record.bytes, record.modified)
  return chunkedFile({ database, path, record })
}

/** A file in chunks, and for messages where it stands. */
export interface Source {
  readonly database: Database
  readonly path: LayoutPath
  readonly record: ChunkedRecord
}

/** The file over a set of chunks. */
export function chunkedFile(source: Source): StoredFile {
  const { size, modified } = source.record
  return {
    size,
    modified,
    stream(range: RangeOptions = {}) {
      const { signal } = range
      return streamOf(partsOf(source, { ...checkRange(range, size), signal }), { signal })
    },
    async bytes(range: RangeOptions = {}) {
      const { start, end } = checkRange(range, size)
      range.signal?.throwIfAborted()
      const whole = new Uint8Array(end - start)
      let at = 0
      for await (const part of partsOf(source, { start, end, signal: range.signal })) {
        whole.set(part, at)
        at += part.length
      }
      return whole
    },
  }
}

interface Part extends AbortOptions {
  readonly start: number
  readonly end: number
}

/** The bytes of a part, reading the chunks that it touches and no others. */
async function* partsOf(
  source: Source,
  { start, end, signal }: Part,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { chunkSize } = source.record
  for (let at = start; at < end; ) {
    const number = Math.floor(at / chunkSize)
    const from = number * chunkSize
    const chunk = await readChunk(source, number, signal)
    yield chunk.subarray(at - from, end - from)
    at = from + chunk.length
  }
}

async function readChunk(
  { database, path, record }: Source,
  number: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { storage } = database
  const { set, size, chunkSize } = record
  const call = (): Promise<Uint8Array | undefined> =>
    get<Uint8Array>(chunkKey(set, number), database.store('chunks', signal))
  const chunk = await faulty({ storage, operation: 'read', path }, call, signal)
  if (chunk?.length === Math.min(chunkSize, size - number * chunkSize)) return chunk
  // Gone with its whole set, for no chunk is ever replaced.
  throw new OciError('STORAGE_CHANGED', { storage, path })
}
