/** The digest of a stored file, made where it is fastest: at once by Web Crypto, by a worker, or here. */

import { lentPart, readPart, streamPart } from './blob.ts'
import { blobPath, createHasher, type DigestAlgorithm, digestOf, verifiableAlgorithm } from './digest.ts'
import type { Engine } from './engine.ts'
import type { WorkerHash } from './lane.ts'
import { type SharedFile, type SharedPart, sharedFile } from './shared-file.ts'
import type { Digest } from './spec.ts'
import type { AbortOptions, StoredFile } from './storage.ts'
import { chunksOf, orAborted, unended } from './streams.ts'

/** What is hashed, and how. */
export interface StoredDigestOptions extends AbortOptions {
  readonly engine: Engine
  /** The storage's name, for messages. */
  readonly storage: string
  /** Called with the bytes that were read; with a negative number where they have to be read again. */
  onBytes?(bytes: number): void
}

/** Blobs up to this size are hashed at once by Web Crypto, which is twice as fast and can't stream. */
export const oneShotSize: number = 32 << 20
/** Below, the way to a worker and back takes longer than the hash. */
const leastForWorker = 1 << 20

/** The same where a worker reads by itself: it takes that long to start one. */
const leastForReader = 4 << 20
/** Bytes that it reads at once: steps of progress. What it has at hand at an abort, two of them, it still reads. */
const partSize = 16 << 20

/** Whether a blob of so many bytes is held whole while it is hashed. */
export function isOneShot(size: number, { native }: Engine): boolean {
  return size <= oneShotSize && native?.hasher === undefined && globalThis.crypto?.subtle !== undefined
}

/** Hashes a file by the algorithm of a digest. Throws `STORAGE_CHANGED` where the medium gives another number of bytes. */
export async function storedDigest(
  file: StoredFile,
  digest: string,
  options: StoredDigestOptions,
): Promise<Digest> {
  const algorithm = verifiableAlgorithm(digest)
  const { engine, storage, signal, onBytes } = options
  const place = { storage, path: blobPath(digest) }
  const theirs = await hexByReader(file, algorithm, options)
  if (theirs !== undefined) return `${algorithm}:${theirs}`
  if (isOneShot(file.size, engine)) {
    const bytes = await orAborted(readPart(file, place, { signal }), signal)
    onBytes?.(bytes.length)
    return digestOf(bytes, { algorithm })
  }
  const chunks = (): AsyncIterable<Uint8Array> => lentPart(file, place, { signal })
  // The platform's hasher is faster than a chunk's way to a worker: measured in Node, also for many blobs at once.
  const isForWorker = file.size >= leastForWorker && engine.native?.hasher === undefined
  const hash = isForWorker ? engine.pool.hasher(algorithm) : undefined
  const hex =
    (hash && (await hexByWorker(hash, chunks(), options))) ?? (await hexHere(algorithm, chunks(), options))
  return `${algorithm}:${hex}`
}

/** Sees the chunks of a blob while they are hashed. It may end before the blob does. */
export type Look = (chunks: AsyncIterable<Uint8Array>) => Promise<void> | undefined

/** The same in one pass with a look at the bytes: here, for that needs them. */
export async function storedDigestSeen(
  file: StoredFile,
  digest: string,
  options: StoredDigestOptions & { readonly look: Look },
): Promise<Digest> {
  const { engine, storage, signal, look, onBytes } = options
  const algorithm = verifiableAlgorithm(digest)
  const place = { storage, path: blobPath(digest) }
  if (isOneShot(file.size, engine)) {
    const bytes = await orAborted(readPart(file, place, { signal }), signal)
    onBytes?.(bytes.length)
    await look(chunksOf(bytes, { signal }))
    return digestOf(bytes, { algorithm })
  }
  const stream = streamPart(file, place, { signal })
  const hasher = await createHasher(algorithm, engine.native)
  const chunks = tapped(chunksOf(stream, { signal }), chunk => {
    hasher.update(chunk)
    onBytes?.(chunk.length)
  })
  try {
    await look(unended(chunks))
    while (!(await chunks.next()).done);
  } finally {
    await chunks.return()
  }
  return `${algorithm}:${hasher.hex()}`
}

/** By a worker that reads by itself: `undefined` where none can, and where it was lost on the way. */
async function hexByReader(
  file: StoredFile,
  algorithm: DigestAlgorithm,
  options: StoredDigestOptions,
): Promise<string | undefined> {
  const { engine, signal, onBytes } = options
  if (file.size < leastForReader || engine.pool.size === 0) return undefined
  const shared = await sharedFile(file)
  if (shared === undefined) return undefined
  const hash = engine.pool.hasher(algorithm)
  let hex: string | undefined
  let isRefused = false
  try {
    if (hash !== undefined && isOneShot(file.size, engine)) {
      hex = await orAborted(hash.hexOf({ way: shared.way, start: 0, end: file.size }), signal)
      if (hex !== undefined) onBytes?.(file.size)
    } else if (hash !== undefined) hex = await hexByWorker(hash, partsOf(shared, file.size), options)
    await shared.check()
    isRefused = hex === undefined
    return hex
  } finally {
    // It may be closed, and its number another file's, when nothing reads any more. Who has given up doesn't wait for that.
    const closed = Promise.resolve(hash?.drop()).then(() => shared.close(isRefused))
    await orAborted(closed, signal)
  }
}

function* partsOf({ way }: SharedFile, size: number): Generator<SharedPart> {
  for (let start = 0; start < size; start += partSize)
    yield { way, start, end: Math.min(start + partSize, size) }
}

/** `undefined` where the worker was lost on the way. */
async function hexByWorker(
  hash: WorkerHash,
  chunks: AsyncIterable<Uint8Array> | Iterable<SharedPart>,
  { signal, onBytes }: StoredDigestOptions,
): Promise<string | undefined> {
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      const length = chunk instanceof Uint8Array ? chunk.length : chunk.end - chunk.start
      if (!(await orAborted(hash.update(chunk), signal))) break
      bytes += length
      onBytes?.(length)
    }
    const hex = await orAborted(hash.hex(), signal)
    if (hex === undefined) onBytes?.(-bytes)
    return hex
  } finally {
    hash.drop().catch(() => {})
  }
}

async function hexHere(
  algorithm: DigestAlgorithm,
  chunks: AsyncIterable<Uint8Array>,
  { engine, onBytes }: StoredDigestOptions,
): Promise<string> {
  const hasher = await createHasher(algorithm, engine.native)
  for await (const chunk of chunks) {
    hasher.update(chunk)
    onBytes?.(chunk.length)
  }
  return hasher.hex()
}

async function* tapped(
  source: AsyncIterable<Uint8Array>,
  see: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) {
    see(chunk)
    yield chunk
  }
}
