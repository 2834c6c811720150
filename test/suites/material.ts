/** What the cases are made of: bytes, names, and the usual deeds on a storage. */

import { isOciError } from '../../src/errors.ts'
import type {
  AbortOptions,
  BlobPath,
  DocumentPath,
  StagedFile,
  StorageAdapter,
  StorageEntry,
  StoredFile,
} from '../../src/storage.ts'
import { concat } from '../../src/streams.ts'
import { ok } from './assert.ts'

/** Bytes that look random and are the same each time. */
export function bytesOf(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = seed * 2654435761
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** The name of a blob; the suite stores bytes, it doesn't hash them. */
export function blobName(number: number): BlobPath {
  return `blobs/sha256/${number.toString(16).padStart(64, '0')}`
}

/** UTF-8 of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The text of UTF-8 bytes. */
export function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes)
}

/** Writes chunks and closes; the staged file waits for its commit. */
export async function fill(staged: StagedFile, chunks: readonly Uint8Array[]): Promise<StagedFile> {
  const writer = staged.writable.getWriter()
  for (const chunk of chunks) await writer.write(chunk)
  await writer.close()
  writer.releaseLock()
  return staged
}

/** A staged file with all of its bytes. */
export async function stageBytes(
  storage: StorageAdapter,
  bytes: Uint8Array,
  options: AbortOptions = {},
): Promise<StagedFile> {
  return fill(await storage.stage(options), [bytes])
}

/** Stages bytes and commits them. */
export async function put(
  storage: StorageAdapter,
  path: BlobPath,
  bytes: Uint8Array,
): Promise<'written' | 'existed'> {
  return (await stageBytes(storage, bytes)).commit(path)
}

/** Opens a file that must be there. */
export async function opened(storage: StorageAdapter, path: BlobPath | DocumentPath): Promise<StoredFile> {
  const file = await storage.open(path)
  ok(file !== undefined, `${path} must be there`)
  return file
}

/** The bytes under a name, `undefined` where there are none; reads again when a writer came between. */
export async function read(
  storage: StorageAdapter,
  path: BlobPath | DocumentPath,
): Promise<Uint8Array | undefined> {
  for (let attempt = 1; ; attempt++) {
    const file = await storage.open(path)
    try {
      return await file?.bytes()
    } catch (error) {
      if (attempt === 50 || !isOciError(error, 'STORAGE_CHANGED')) throw error
    }
  }
}

/** All chunks of a stream. */
export async function chunksIn(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  for (;;) {
    const next = await reader.read()
    if (next.done) return chunks
    chunks.push(next.value)
  }
}

/** All bytes of a stream. */
export async function drain(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return concat(await chunksIn(stream))
}

/** Everything that is listed. */
export async function entriesIn(storage: StorageAdapter): Promise<StorageEntry[]> {
  const entries: StorageEntry[] = []
  for await (const entry of storage.list()) entries.push(entry)
  return entries
}

/** The names listed, staged ones too. */
export async function namesIn(storage: StorageAdapter): Promise<string[]> {
  return (await entriesIn(storage)).map(entry => entry.path)
}

/** A line added to a document. */
export function addLine(storage: StorageAdapter, line: string): Promise<void> {
  return storage.update('index.json', now => utf8(`${textOf(now)}${line}\n`))
}

/** The lines of index.json. */
export async function linesIn(storage: StorageAdapter): Promise<string[]> {
  return textOf(await read(storage, 'index.json'))
    .split('\n')
    .filter(line => line !== '')
}

/** Waits so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
