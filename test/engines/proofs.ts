/** What the library makes of the engines' differences, with a look at what it calls for it. */

import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import { memory } from '../../adapters/memory.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { isOciError } from '../../src/errors.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { collect } from '../../src/streams.ts'
import { ok, same, sameBytes } from '../suites/assert.ts'
import { bytesOf, entriesIn, put, read, stageBytes } from '../suites/material.ts'
import { type Call, callsOf, inPlaceOf, partsOf } from './watch.ts'

export const bytes = bytesOf(300_000, 9)
// More than a file that goes to the worker, or a record of one piece, has.
const large = bytesOf(5 * 1_048_576, 11)
const path = `blobs/sha256/${'a'.repeat(64)}` as const

type Medium = 'opfs' | 'indexedDb' | 'memory'

/** Fails unless layers that are written to the medium, a small one and a large one, are read from it, and a tag is. */
async function keeps(medium: Medium): Promise<void> {
  const write = async (storage: StorageAdapter): Promise<void> => {
    const dir = await OciDir.ensure(storage)
    const layer = await dir.writeLayer(bytes, { codec: gzip({ level: 1 }) })
    sameBytes(await collect(await dir.readLayer(layer, { codecs: [gzip()] }), { max: 1 << 20 }), bytes)
    const descriptor = await dir.writeBlob(large)
    await dir.tag(descriptor, 'large')
    sameBytes(await collect(await dir.readBlob(descriptor), { max: large.length }), large)
  }
  // Another function each time: of a worker that was given up nothing is asked again.
  const start = (): Worker =>
    new Worker(new URL('../../adapters/fsa/worker.js', import.meta.url), { type: 'module' })
  await withStorage(medium, write, start)
}

async function withStorage(
  medium: Medium,
  work: (storage: StorageAdapter) => Promise<void>,
  worker?: () => Worker,
): Promise<void> {
  const name = `difference-${crypto.randomUUID()}`
  const open = {
    opfs: () => opfs(name, { worker }),
    indexedDb: () => indexedDb(name),
    memory: async () => memory(),
  }
  const storage = await open[medium]()
  try {
    await work(storage)
  } finally {
    await storage.close()
    if (medium === 'indexedDb') await removeIndexedDb(name)
    if (medium === 'opfs')
      await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
  }
}

const handles = (): object => FileSystemFileHandle.prototype

/** Files get their names by moves into a folder, and by no other form of it. */
export async function movesIntoFolders(): Promise<void> {
  const calls = await callsOf(handles(), 'move', () => keeps('opfs'))
  // Two blobs, and the two documents.
  ok(calls.length >= 4, `${calls.length} moves`)
  for (const { args } of calls) {
    same(args.length, 2, 'arguments of move')
    ok(args[0] instanceof FileSystemDirectoryHandle && typeof args[1] === 'string', 'move(folder, name)')
  }
  const names = calls.map(({ args }) => args[1])
  same(names.filter(name => /^[0-9a-f]{64}$/.test(String(name))).length, 2, 'blobs published by a move')
}

/** Two writers of one blob meet at a lock, each with a file of its own, opened without a mode. */
export async function twoWriters(): Promise<void> {
  const calls = await callsOf(handles(), 'createWritable', () =>
    withStorage('opfs', async storage => {
      const staged = await Promise.all([stageBytes(storage, bytes), stageBytes(storage, bytes)])
      const outcomes = await Promise.all(staged.map(one => one.commit(path)))
      same(outcomes.sort().join(), 'existed,written')
      sameBytes(await read(storage, path), bytes)
    }),
  )
  same(calls.length, 2, 'files opened')
  same(new Set(calls.map(({ of }) => (of as FileSystemFileHandle).name)).size, 2, 'names of them')
  for (const { args } of calls) ok(!partsOf(args).includes('exclusive'), 'no mode')
  same(calls.flatMap(({ args }) => args.filter(arg => arg !== undefined)).length, 0, 'options')
}

export function heldBlob(): Promise<void> {
  return withStorage('opfs', async storage => {
    await put(storage, path, bytes)
    const held = await storage.open(path)
    await put(storage, path, bytes)
    sameBytes(await held?.bytes(), bytes, 'a blob that was put again')
    await new Promise(resolve => setTimeout(resolve, 1100))
    const late = await storage.open(path)
    await storage.remove(() => [path])
    await put(storage, path, bytesOf(200_000, 10))
    const told = await late?.bytes().then(
      found => (found.length === bytes.length ? 'old bytes' : 'other bytes'),
      error => (isOciError(error, 'STORAGE_CHANGED') ? 'told' : String(error)),
    )
    if (told !== 'told' && told !== 'old bytes') throw new Error(`a replaced blob: ${told}`)
  })
}

async function messagesOf(work: () => Promise<void>): Promise<Call[]> {
  const calls = await callsOf(Worker.prototype, 'postMessage', work)
  ok(calls.length > 0, 'a worker is asked')
  return calls
}

/** No stream goes to the worker, and where it can write, all bytes of a large blob do. */
export async function sendsBytes(hasSyncAccess: boolean): Promise<void> {
  const calls = await messagesOf(() => keeps('opfs'))
  const sent = calls.flatMap(({ args }) => partsOf(args))
  ok(!sent.some(part => part instanceof ReadableStream || part instanceof Blob), 'no stream and no Blob')
  const sizes = calls.map(({ args: [message] }) => sizeOf(message))
  const sum = sizes.reduce((all, size) => all + size, 0)
  same(sum, hasSyncAccess ? large.length : 0, 'bytes that went to the worker')
}

const sizeOf = (message: unknown): number => Number(Reflect.get(Object(message), 'size') ?? 0)

/** The page asks a worker to open a large file, where it has no sync access handle of its own. */
export async function asksWorker(): Promise<void> {
  const calls = await messagesOf(() => keeps('opfs'))
  const opened = calls.filter(({ args: [message] }) => 'open' in Object(message))
  same(opened.length, 1, 'files that the worker is to open')
}

/** A large blob is written by the adapter's own worker, where it can, else by `createWritable`. */
export async function largeBlob(hasSyncAccess: boolean): Promise<void> {
  const calls = await callsOf(handles(), 'createWritable', () =>
    withStorage('opfs', async storage => {
      await put(storage, path, large)
      sameBytes(await read(storage, path), large)
    }),
  )
  same(calls.length, hasSyncAccess ? 0 : 1, 'files opened by createWritable')
}

/** What ends is ended by `close` and `discard`. */
export function endsByName(): Promise<void> {
  return withStorage('memory', async storage => {
    await (await stageBytes(storage, bytes)).discard()
    same((await entriesIn(storage)).length, 0, 'entries')
    await storage.close()
    const error = await storage.open('index.json').catch((reason: unknown) => reason)
    ok(isOciError(error, 'STORAGE_CLOSED'), 'closed')
  })
}

/** A database keeps a layout though nobody ever answers whether it may be kept for good. */
export function waitsForNobody(): Promise<void> {
  return inPlaceOf(StorageManager.prototype, 'persist', {
    method: () => new Promise(() => {}),
    work: () => keeps('indexedDb'),
  })
}

/** What is stored is bytes, and no Blob in any place. */
export async function storesBytes(): Promise<void> {
  const calls = await callsOf(IDBObjectStore.prototype, 'put', async () => {
    const added = await callsOf(IDBObjectStore.prototype, 'add', () => keeps('indexedDb'))
    same(added.length, 0, 'records added')
  })
  const parts = calls.flatMap(({ args: [value] }) => partsOf(value))
  ok(!parts.some(part => part instanceof Blob), 'no Blob')
  const stored = parts.reduce<number>((all, part) => all + (part instanceof Uint8Array ? part.length : 0), 0)
  ok(stored >= large.length, `${stored} bytes stored`)
}
