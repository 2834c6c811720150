/** Byte streams: one way in from all that a caller may hold, one way out as Web Streams, with abort both ways. */

import { OciError } from './errors.ts'
import type { AbortOptions } from './storage.ts'

/** Everything that bytes may come from. A string counts as its UTF-8 bytes. */
export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Uint8Array | Blob | string

/**
 * The chunks of a source, as they come. Ends with `signal.reason` on abort, also while a read hangs, and
 * cancels the source when the consumer stops early.
 */
export async function* chunksOf(
  source: ByteSource,
  options: AbortOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = options
  if (signal?.aborted) abandon(source, signal.reason)
  signal?.throwIfAborted()
  if (typeof source === 'string') yield* nonEmpty(new TextEncoder().encode(source))
  else if (source instanceof Uint8Array) yield* nonEmpty(source)
  else if (isReadableStream(source)) yield* readChunks(ownReader(source), signal)
  else if (isBlob(source)) yield* readChunks(ownReader(source.stream()), signal)
  else yield* iterateChunks(source, signal)
}

/**
 * `chunksOf` for who is done with each chunk when he asks for the next: a source that can gives chunks in memory that it
 * uses again. Only where nobody else holds the source's stream, who might see its chunks, too.
 */
export async function* lentChunksOf(
  source: ByteSource,
  options: AbortOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof source === 'object' && isNativeBlob(source)) return yield* lentBlob(source, options.signal)
  const stream = typeof source === 'object' && isBlob(source) ? source.stream() : source
  const lender = typeof stream === 'object' && isReadableStream(stream) ? lenders.get(stream) : undefined
  if (lender === undefined || options.signal?.aborted || lender.stream.locked)
    return yield* chunksOf(stream, options)
  const reader = lender.stream.getReader()
  try {
    const chunks = lender.signal === undefined ? lender.lend() : iterateChunks(lender.lend(), lender.signal)
    yield* iterateChunks(chunks, options.signal)
  } finally {
    // It has no more to give.
    reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}

/** A stream of which nothing was read yet, and the other way to its bytes. */
interface Lender extends AbortOptions {
  readonly stream: ReadableStream<Uint8Array>
  lend(): AsyncIterable<Uint8Array>
}

const lenders = new WeakMap<object, Lender>()

/** A `Blob`, as far as its bytes are read. */
export interface BlobBytes {
  readonly size: number
  stream(): ReadableStream<Uint8Array>
}

/** A blob's bytes, also for `lentChunksOf`. */
export function streamOfBlob(blob: BlobBytes, { signal }: AbortOptions = {}): ReadableStream<Uint8Array> {
  async function* own(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* readChunks(ownReader(blob.stream()), signal)
  }
  return streamOf(own(), { signal, lend: () => lentBlob(blob, signal) })
}

async function* lentBlob(
  blob: BlobBytes,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted()
  yield* readChunks(lendingReader(blob), signal)
}

/** Reads the next chunk, `undefined` at the end, until it is told to end. */
export interface ChunkReader {
  read(): Promise<Uint8Array | undefined>
  end(reason?: unknown): void
}

/**
 * Readers that somebody waits for. Chromium takes such a stream for garbage while it is read, unless something else than the
 * read leads to it: then the read never ends, and nobody is told.
 */
const underWay: ReadableStreamBYOBReader[] = []

/** Bytes of a blob that are asked for at once. */
const blobChunk = 1 << 20

/**
 * Reads a blob into one buffer, for who is done with each chunk when he asks for the next; into new ones where the engine's
 * blobs have no streams of bytes (File API, 3.3).
 */
export function lendingReader(blob: BlobBytes): ChunkReader {
  const stream = blob.stream()
  const reader = isNativeBlob(blob) ? bytesReader(stream) : undefined
  if (reader === undefined) return ownReader(stream)
  let buffer: ArrayBuffer = new ArrayBuffer(Math.max(1, Math.min(blob.size, blobChunk)))
  return {
    async read() {
      underWay.push(reader)
      try {
        const { done, value } = await reader.read(new Uint8Array(buffer))
        if (done) return undefined
        buffer = value.buffer
        return value
      } finally {
        underWay.splice(underWay.indexOf(reader), 1)
      }
    },
    end: reason => ended(reader, reason),
  }
}

/** Reads a stream in chunks of their own. */
export function ownReader(stream: ReadableStream<Uint8Array>): ChunkReader {
  const reader = stream.getReader()
  return {
    async read() {
      const { done, value } = await reader.read()
      return done ? undefined : bytesIn(value)
    },
    end: reason => ended(reader, reason),
  }
}

/**
 * Whether the engine itself reads it. Streams of bytes that others make may close without a word to who waits with a buffer,
 * and he waits for ever (Streams, `respond`).
 */
function isNativeBlob(source: object): source is Blob {
  return typeof Blob === 'function' && source instanceof Blob && source.stream === Blob.prototype.stream
}

/** `undefined` where the stream is none of bytes. */
function bytesReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: 'byob' })
  } catch {
    return undefined
  }
}

/** Not awaited: it has ended, or nobody waits for what it still says. */
function ended(reader: ReadableStreamGenericReader & { releaseLock(): void }, reason: unknown): void {
  reader.cancel(reason).catch(() => {})
  reader.releaseLock()
}

/** Cancels a stream that nobody will read, or its writer would wait for ever; one being read is its reader's. */
export function abandon(source: ByteSource, reason: unknown): void {
  if (typeof source !== 'object' || !isReadableStream(source) || source.locked) return
  source.cancel(reason).catch(() => {})
}

/**
 * A byte stream over an async iterable, reading ahead of its consumer by one chunk at the most. An abort errors it
 * with `signal.reason` and ends the source at once, also while nobody reads. `lend` gives the same bytes to `lentChunksOf`.
 */
export function streamOf(
  source: AsyncIterable<Uint8Array>,
  options: AbortOptions & { lend?(): AsyncIterable<Uint8Array> } = {},
): ReadableStream<Uint8Array> {
  const { signal, lend } = options
  const iterator = source[Symbol.asyncIterator]()
  // A source that fails while it is told to stop has nothing left to say: the stream has ended already.
  const stop = (reason?: unknown): unknown => iterator.return?.(reason).catch(() => {})
  let forget = (): void => {}
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (signal === undefined) return
        const onAbort = (): void => {
          controller.error(signal.reason)
          stop(signal.reason)
        }
        forget = () => signal.removeEventListener('abort', onAbort)
        if (signal.aborted) onAbort()
        else signal.addEventListener('abort', onAbort, { once: true })
      },
      async pull(controller) {
        lenders.delete(stream)
        try {
          const next = await iterator.next()
          if (signal?.aborted) return
          if (!next.done) return controller.enqueue(next.value)
          controller.close()
        } catch (error) {
          if (!signal?.aborted) controller.error(error)
        }
        forget()
      },
      async cancel(reason) {
        lenders.delete(stream)
        forget()
        await iterator.return?.(reason)
      },
    },
    // Nothing is read before somebody asks: an unread stream holds no file and no lock.
    { highWaterMark: 0 },
  )
  if (lend !== undefined) lenders.set(stream, { stream, lend, signal })
  return stream
}

/** All bytes of a source in one array, refused with `LIMIT_EXCEEDED` beyond `max` bytes. */
export async function collect(
  source: ByteSource,
  options: AbortOptions & { readonly max: number; readonly where?: string },
): Promise<Uint8Array> {
  const { max, where } = options
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(source, options)) {
    size += chunk.length
    if (size > max) throw new OciError('LIMIT_EXCEEDED', { limit: 'max', max, ...(where && { where }) })
    chunks.push(chunk)
  }
  return concat(chunks, size)
}

/**
 * The same chunks as long as they have no more than `max` bytes in all; without `max` the source itself. Beyond it is
 * `LIMIT_EXCEEDED` of `maxBytes` in place of the chunk that is too much. A `max` that is no number is a `RangeError`.
 */
export function atMost<Source extends AsyncIterable<Uint8Array>>(
  source: Source,
  options: { readonly max: number | undefined; readonly where?: string },
): Source | AsyncGenerator<Uint8Array, void, undefined> {
  const { max, where } = options
  if (max === undefined || max === Number.POSITIVE_INFINITY) return source
  if (!(max >= 0)) throw new RangeError(`maxBytes must be a number from 0 up, not ${String(max)}`)
  return upTo(source, { max, ...(where && { where }) })
}

async function* upTo(
  source: AsyncIterable<Uint8Array>,
  { max, where }: { readonly max: number; readonly where?: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  let found = 0
  for await (const chunk of source) {
    found += chunk.length
    if (found > max) throw new OciError('LIMIT_EXCEEDED', { limit: 'maxBytes', max, ...(where && { where }) })
    yield chunk
  }
}

/** The same chunks for a reader that may stop early: the source goes on. */
export async function* unended(
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let next = await source.next(); !next.done; next = await source.next()) yield next.value
}

/** Joins chunks; a single one is given back as it is. */
export function concat(
  chunks: readonly Uint8Array[],
  size: number = chunks.reduce((sum, chunk) => sum + chunk.length, 0),
): Uint8Array {
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(size)
  fill(whole, chunks)
  return whole
}

/** Puts chunks into an array from its start on, one behind the other. */
export function fill(target: Uint8Array, chunks: readonly Uint8Array[]): void {
  let offset = 0
  for (const chunk of chunks) {
    target.set(chunk, offset)
    offset += chunk.length
  }
}

/** Same length and same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  // Four at a time where they stand so in memory.
  const words = (a.byteOffset | b.byteOffset) % 4 === 0 ? a.length >>> 2 : 0
  if (words > 0 && !equalWords(wordsOf(a, words), wordsOf(b, words))) return false
  for (let i = words * 4; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function wordsOf({ buffer, byteOffset }: Uint8Array, count: number): Int32Array {
  return new Int32Array(buffer, byteOffset, count)
}

function equalWords(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Awaits a promise, or rejects with `signal.reason` as soon as the signal aborts. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

async function* readChunks(
  reader: ChunkReader,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (;;) {
      const chunk = await orAborted(reader.read(), signal)
      if (chunk === undefined) return
      yield* nonEmpty(chunk)
    }
  } finally {
    reader.end(signal?.reason)
  }
}

async function* iterateChunks(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]()
  let done = false
  try {
    for (;;) {
      const next = await orAborted(Promise.resolve(iterator.next()), signal)
      done = next.done === true
      if (next.done) return
      yield* nonEmpty(next.value)
    }
  } finally {
    if (!done) Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

function* nonEmpty(chunk: Uint8Array): Generator<Uint8Array> {
  if (bytesIn(chunk).length > 0) yield chunk
}

function bytesIn(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  throw new TypeError('a byte source must give Uint8Array chunks')
}

function isReadableStream(source: object): source is ReadableStream<Uint8Array> {
  return 'getReader' in source && typeof source.getReader === 'function'
}

function isBlob(source: object): source is Blob {
  return 'stream' in source && 'size' in source && typeof source.stream === 'function'
}
