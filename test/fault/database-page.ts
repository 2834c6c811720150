/** The page of the quota's test: writes into a database until it is full, and looks at what is there then. */

import { indexedDb } from '../../adapters/indexeddb/index.ts'
import { isOciError } from '../../src/errors.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { concat, equalBytes } from '../../src/streams.ts'
import { done, openRaw } from '../adapters/indexeddb-raw.ts'
import { bytesOf } from '../suites/material.ts'

const MiB = 1024 * 1024
const name = 'quota'
const kept = 'blobs/sha256/kept'
const tried = 'blobs/sha256/tried'

/** What became of one attempt. */
export interface Attempt {
  /** `written`, or the error's code. */
  readonly outcome: string
  readonly cause: string
  /** What is there and shouldn't be, or isn't whole, or was said to be there and isn't. */
  readonly wrong: readonly string[]
}

/** Who writes: the adapter, or one who believes each request that succeeds. */
export type Way = 'own' | 'believes'

declare global {
  /** Writes what must outlive it, then tries to write a blob of so many MiB. */
  var attempt: (chunks: number, way: Way) => Promise<Attempt>
}

globalThis.attempt = async (chunks, way) => {
  const storage = await indexedDb(name)
  await put(storage, kept, 3)
  await storage.update('index.json', () => new Uint8Array([1]))
  const write = way === 'own' ? put(storage, tried, chunks) : putBelieving(chunks)
  const error: unknown = await write.then(
    () => undefined,
    reason => reason,
  )
  const wrong = await wrongIn(storage, error === undefined ? chunks : 0)
  await storage.close()
  const outcome = error === undefined ? 'written' : isOciError(error) ? error.code : String(error)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.name : ''
  return { outcome, cause, wrong }
}

async function put(storage: StorageAdapter, path: typeof kept | typeof tried, chunks: number): Promise<void> {
  const staged = await storage.stage()
  try {
    const writer = staged.writable.getWriter()
    writer.closed.catch(() => {})
    for (let chunk = 0; chunk < chunks; chunk++) await writer.write(chunkOf(chunk))
    await writer.close()
    await staged.commit(path)
  } finally {
    await staged.discard()
  }
}

/** As in the adapter, but for one thing: nobody waits for a transaction's end. */
async function putBelieving(chunks: number): Promise<void> {
  const db = await openRaw(name)
  for (let chunk = 0; chunk < chunks; chunk++) {
    await done(
      db.transaction('chunks', 'readwrite').objectStore('chunks').put(chunkOf(chunk), ['believed', chunk]),
    )
  }
  const record = { size: chunks * MiB, modified: 0, set: 'believed', chunkSize: MiB }
  await done(db.transaction('files', 'readwrite').objectStore('files').put(record, tried))
  db.close()
}

async function wrongIn(storage: StorageAdapter, chunks: number): Promise<readonly string[]> {
  const wrong: string[] = []
  for await (const { path } of storage.list())
    if (![kept, tried, 'index.json'].includes(path)) wrong.push(path)
  if (!(await holds(storage, kept, 3))) wrong.push(kept)
  if (!(await holds(storage, tried, chunks))) wrong.push(tried)
  if ((await (await storage.open('index.json'))?.bytes())?.[0] !== 1) wrong.push('index.json')
  // What no list shows, and still takes room.
  const swept = await storage.sweep({ olderThan: 0 })
  if (swept > 0) wrong.push(`${swept} leftovers`)
  return wrong
}

async function holds(
  storage: StorageAdapter,
  path: typeof kept | typeof tried,
  chunks: number,
): Promise<boolean> {
  const file = await storage.open(path)
  if (file === undefined) return chunks === 0
  if (file.size !== chunks * MiB) return false
  const bytes = await file.bytes().catch(() => new Uint8Array())
  return bytes.length === file.size && equalBytes(bytes, wholeOf(chunks))
}

function wholeOf(chunks: number): Uint8Array {
  return concat(Array.from({ length: chunks }, (_, chunk) => chunkOf(chunk)))
}

/** Bytes that no browser can store in less room than they take. */
function chunkOf(number: number): Uint8Array {
  return bytesOf(MiB, number + 1)
}
