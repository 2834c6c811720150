/** Blobs: written by stage, hash, verify, commit; read verified, as they stream. */

import { blobPath, createHasher, type DigestAlgorithm, digestOf, verifiableAlgorithm } from './digest.ts'
import type { Engine } from './engine.ts'
import { OciError } from './errors.ts'
import { checkLimit, type Limits } from './limits.ts'
import type { ProgressOptions } from './progress.ts'
import type { Descriptor, Digest } from './spec.ts'
import {
  type AbortOptions,
  checkRange,
  type Hasher,
  type RangeOptions,
  type ReadableStorage,
  type StagedFile,
  type StorageAdapter,
  type StoredFile,
} from './storage.ts'
import { chunksOf, lentChunksOf, orAborted, streamOf } from './streams.ts'

/** What a blob is expected to be: any part of a descriptor. */
export type ExpectedBlob = Partial<Pick<Descriptor, 'digest' | 'size'>>

/** Options of a new blob. */
export interface BlobOptions extends ProgressOptions {
  /** The descriptor's media type; `application/octet-stream` unless given. */
  readonly mediaType?: string
  /** Nothing is committed unless the bytes are these. */
  readonly expected?: ExpectedBlob | undefined
  /** `sha256` unless given, or that of `expected.digest`. */
  readonly algorithm?: DigestAlgorithm
}

/** Where blobs are looked for: the layout first, then an external store. */
export type BlobPlaces = readonly ReadableStorage[]

/**
 * Bytes on their way to a name. Nothing is visible before `complete`, and `discard` leaves nothing behind.
 *
 * @example
 * const writer = await dir.createBlob()
 * await writer.write(bytes)
 * const { digest, size } = await writer.complete()
 */
export class BlobWriter {
  readonly #staged: StagedFile
  readonly #hasher: Hasher
  readonly #options: BlobOptions
  readonly #algorithm: DigestAlgorithm
  readonly #sink: WritableStreamDefaultWriter<Uint8Array>
  #size = 0

  private constructor(staged: StagedFile, hasher: Hasher, options: BlobOptions) {
    this.#staged = staged
    this.#hasher = hasher
    this.#options = options
    this.#algorithm = algorithmFor(options)
    this.#sink = staged.writable.getWriter()
    // A failure is reported by the write or close that meets it; this one would be unhandled.
    this.#sink.closed.catch(() => {})
  }

  /** Stages a new blob. */
  static async create(
    storage: StorageAdapter,
    engine: Engine,
    options: BlobOptions = {},
  ): Promise<BlobWriter> {
    const hasher = await createHasher(algorithmFor(options), engine.native)
    const staged = await storage.stage({ size: options.expected?.size, signal: options.signal })
    return new BlobWriter(staged, hasher, options)
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size
  }

  /** Adds bytes; resolves when more may come. They must not be changed until then. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#options.signal?.throwIfAborted()
    const size = this.#size + bytes.length
    const expected = this.#options.expected?.size
    if (expected !== undefined && size > expected)
      throw new OciError('SIZE_MISMATCH', { expected, found: size })
    // The medium writes while this thread hashes; both only read the bytes.
    const writing = this.#sink.write(bytes)
    writing.catch(() => {})
    this.#hasher.update(bytes)
    this.#size = size
    await writing
    this.#options.onProgress?.({ bytes: size, total: expected })
  }

  /**
   * Verifies and publishes. Throws `DIGEST_MISMATCH` or `SIZE_MISMATCH` (the digest is checked first) when an
   * expected blob was given; whatever it throws, nothing is left behind.
   */
  async complete(): Promise<Descriptor> {
    return this.completeVerifiedAs(this.#options.expected ?? {})
  }

  /** `complete`, with what is expected given now. */
  async completeVerifiedAs(expected: ExpectedBlob): Promise<Descriptor> {
    const { mediaType = 'application/octet-stream', signal } = this.#options
    try {
      // A stream that an abort has ended says only that it can't be closed.
      signal?.throwIfAborted()
      await this.#sink.close()
      const digest: Digest = `${this.#algorithm}:${this.#hasher.hex()}`
      checkExpected({ digest, size: this.#size }, expected)
      signal?.throwIfAborted()
      await this.#staged.commit(blobPath(digest), { signal })
      return { mediaType, digest, size: this.#size }
    } catch (error) {
      await this.discard()
      throw error
    }
  }

  /** Drops what was written. Does nothing after `complete`. */
  async discard(): Promise<void> {
    await this.#staged.discard()
  }
}

/** Writes a whole source as a blob, in one pass. */
export async function writeBlob(writer: BlobWriter, source: AsyncIterable<Uint8Array>): Promise<Descriptor> {
  try {
    for await (const chunk of source) await writer.write(chunk)
  } catch (error) {
    await writer.discard()
    throw error
  }
  return writer.complete()
}

/** The first place that has a blob. Throws `BLOB_MISSING`, and `SIZE_MISMATCH` before anything is read (D3). */
export async function openBlob(
  places: BlobPlaces,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  options: AbortOptions = {},
): Promise<StoredFile> {
  const file = await findBlob(places, descriptor.digest, options)
  if (file === undefined) throw new OciError('BLOB_MISSING', { digest: descriptor.digest })
  if (file.size !== descriptor.size) {
    throw new OciError('SIZE_MISMATCH', {
      expected: descriptor.size,
      found: file.size,
      where: descriptor.digest,
    })
  }
  return file
}

/** The first place that has a blob of this digest, or `undefined`. */
export async function findBlob(
  places: BlobPlaces,
  digest: string,
  options: AbortOptions = {},
): Promise<StoredFile | undefined> {
  const path = blobPath(digest)
  for (const place of places) {
    const file = await place.open(path, options)
    if (file !== undefined) return file
  }
  return undefined
}

/** Where a file stands, for messages. */
export interface FilePlace {
  readonly storage: string
  readonly path: string
}

/**
 * The bytes of a file or of a part, at once. Throws `STORAGE_CHANGED` where the medium gives another number of them: the
 * content isn't to blame, and gc would remove what the rest of a document names.
 */
export async function readPart(
  file: StoredFile,
  place: FilePlace,
  range: RangeOptions = {},
): Promise<Uint8Array> {
  const { start, end } = checkRange(range, file.size)
  const bytes = await file.bytes(range)
  checkRead(place, { found: bytes.length, expected: end - start })
  return bytes
}

/** The same as a stream, which fails at its end. */
export function streamPart(
  file: StoredFile,
  place: FilePlace,
  range: RangeOptions = {},
): ReadableStream<Uint8Array> {
  const { start, end } = checkRange(range, file.size)
  const { signal } = range
  return streamOf(whole(chunksOf(file.stream(range), { signal }), place, end - start), { signal })
}

/** The same for who is done with each chunk when he asks for the next. */
export function lentPart(
  file: StoredFile,
  place: FilePlace,
  range: RangeOptions = {},
): AsyncIterable<Uint8Array> {
  const { start, end } = checkRange(range, file.size)
  const { signal } = range
  return whole(lentChunksOf(file.stream(range), { signal }), place, end - start)
}

async function* whole(
  chunks: AsyncIterable<Uint8Array>,
  place: FilePlace,
  expected: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let found = 0
  for await (const chunk of chunks) {
    found += chunk.length
    // Too many are noticed before they are given.
    if (found > expected) break
    yield chunk
  }
  checkRead(place, { found, expected })
}

function checkRead({ storage, path }: FilePlace, bytes: { found: number; expected: number }): void {
  if (bytes.found !== bytes.expected) throw new OciError('STORAGE_CHANGED', { storage, path })
}

/** The bytes of a blob as a stream that fails before its end unless they hash to the digest. */
export async function readVerified(
  file: StoredFile,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  options: AbortOptions & { readonly engine: Engine },
): Promise<ReadableStream<Uint8Array>> {
  const algorithm = verifiableAlgorithm(descriptor.digest)
  const hasher = await createHasher(algorithm, options.engine.native)
  return streamOf(verified(chunksOf(file.stream({ signal: options.signal }), options), descriptor, hasher))
}

/** The bounds on the bytes of one document. */
type SizeLimit = Extract<keyof Limits, `max${string}Size`>

/** A whole small blob, verified before it is given. Throws `LIMIT_EXCEEDED` above a bound, before reading. */
export async function readWhole(
  file: StoredFile,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  options: AbortOptions & { readonly engine: Engine; readonly limit: SizeLimit; readonly storage: string },
): Promise<Uint8Array> {
  const { limit, engine, storage, signal } = options
  const { digest, size } = descriptor
  checkLimit(engine.limits, limit, { found: size, where: digest })
  if (file.size !== size)
    throw new OciError('SIZE_MISMATCH', { expected: size, found: file.size, where: digest })
  const algorithm = verifiableAlgorithm(digest)
  // At once: a hasher and a stream for each of ten thousand small documents cost more than their bytes.
  const bytes = await orAborted(readPart(file, { storage, path: blobPath(digest) }, { signal }), signal)
  const found = await digestOf(bytes, { algorithm, native: engine.native })
  checkExpected({ digest: found, size: bytes.length }, descriptor)
  return bytes
}

/** Throws unless a finished blob is the expected one; the digest first, as the crate does. */
export function checkExpected(found: Pick<Descriptor, 'digest' | 'size'>, expected: ExpectedBlob): void {
  if (expected.digest !== undefined && expected.digest !== found.digest) {
    throw new OciError('DIGEST_MISMATCH', { expected: expected.digest, found: found.digest })
  }
  if (expected.size !== undefined && expected.size !== found.size) {
    throw new OciError('SIZE_MISMATCH', { expected: expected.size, found: found.size, where: found.digest })
  }
}

async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  hasher: Hasher,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { digest, size } = descriptor
  let found = 0
  for await (const chunk of chunks) {
    found += chunk.length
    if (found > size) throw new OciError('SIZE_MISMATCH', { expected: size, found, where: digest })
    hasher.update(chunk)
    yield chunk
  }
  if (found !== size) throw new OciError('SIZE_MISMATCH', { expected: size, found, where: digest })
  const algorithm = verifiableAlgorithm(digest)
  checkExpected({ digest: `${algorithm}:${hasher.hex()}`, size }, { digest })
}

function algorithmFor({ algorithm, expected }: BlobOptions): DigestAlgorithm {
  return algorithm ?? (expected?.digest === undefined ? 'sha256' : verifiableAlgorithm(expected.digest))
}
