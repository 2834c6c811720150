/** Gzip by what the platform has: fast and not canonical, for its bytes are whatever that makes. It is checked all the same. */

import { OciError } from '../errors.ts'
import type { BlockJob } from '../jobs.ts'
import type { NativeTools } from '../storage.ts'
import { chunksOf } from '../streams.ts'
import { type BlockCompressor, compressBlocks } from './blocks.ts'
import type { CodecOptions } from './codec.ts'
import { type Crc32, createCrc32 } from './crc32.ts'
import { gzipHeader, gzipTrailer } from './encode.ts'
import type { RawInflater } from './inflate.ts'
import { createInflater } from './inflaters.ts'
import { pace } from './pace.ts'
import { blockVerifier } from './verify.ts'

/** How it is compressed. */
export interface PlatformOptions extends CodecOptions {
  readonly level: number
}

/**
 * Compresses to one gzip member: in blocks on the platform's threads, where `NativeTools.deflateRaw` is there, else by
 * `CompressionStream`, which has one level. `UNSUPPORTED` where there is neither.
 */
export async function* encodeByPlatform(
  source: AsyncIterable<Uint8Array>,
  options: PlatformOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const crc = await createCrc32()
  let size = 0
  const onBlock = (block: Uint8Array): void => {
    crc.update(block)
    size += block.length
  }
  yield gzipHeader()
  const { native } = options
  yield* native?.deflateRaw === undefined
    ? deflateStream(source, { ...options, onBlock })
    : deflateBlocks(source, { ...options, onBlock, native })
  yield gzipTrailer(crc, size)
}

interface Watched extends PlatformOptions {
  onBlock(block: Uint8Array): void
}

// Blocks at once: as many as Node has threads for such work, unless it is told otherwise.
const atOnce = 4
const blockSize = 262_144

function deflateBlocks(
  source: AsyncIterable<Uint8Array>,
  options: Watched & { readonly native: NativeTools },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { native, level, signal, onBlock } = options
  const here = new PlatformBlocks(native)
  const shape = { blockSize, dictionarySize: 0 }
  return compressBlocks(source, { ...shape, here, kind: 'platform', level, ahead: atOnce, signal, onBlock })
}

class PlatformBlocks implements BlockCompressor {
  readonly #native: NativeTools
  readonly #verify: ReturnType<typeof blockVerifier>

  constructor(native: NativeTools) {
    this.#native = native
    this.#verify = blockVerifier(native)
  }

  async compress<T>(job: BlockJob, take: (made: Uint8Array) => T): Promise<T> {
    const deflated = await this.#deflated(job)
    this.#verify({ ...job, deflated })
    return take(deflated)
  }

  async #deflated(job: BlockJob): Promise<Uint8Array> {
    try {
      const deflated = await this.#native.deflateRaw?.(job.block, job)
      if (deflated !== undefined) return deflated
    } catch (cause) {
      throw unverified(job.number, cause)
    }
    throw noPlatform()
  }
}

async function* deflateStream(
  source: AsyncIterable<Uint8Array>,
  options: Watched,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { writable, readable } = compressionStream()
  const { signal } = options
  const sum = await Checked.create()
  const feed = new Feed(writable.getWriter(), options, sum)
  const fed = feed.all(source)
  // Whoever reads meets the failure too; this one would be unhandled meanwhile.
  fed.catch(() => {})
  try {
    for await (const deflated of chunksOf(readable, { signal })) {
      sum.see(deflated)
      yield deflated
    }
    await fed
    sum.compare()
  } catch (error) {
    if (feed.failure !== undefined) throw feed.failure.reason
    if (signal?.aborted) throw signal.reason
    throw unverified(0, error)
  } finally {
    feed.end()
    sum.end()
  }
}

type Sink = WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>

/** Writes a source into a stream, beside its reader. */
class Feed {
  readonly #sink: Sink
  readonly #watched: Watched
  readonly #sum: Checked
  /** Ends the source also while it hangs. */
  readonly #ended = new AbortController()
  /** What the source threw. */
  failure: { readonly reason: unknown } | undefined

  constructor(sink: Sink, watched: Watched, sum: Checked) {
    this.#sink = sink
    this.#watched = watched
    this.#sum = sum
  }

  async all(source: AsyncIterable<Uint8Array>): Promise<void> {
    const turn = pace(this.#watched)
    for await (const chunk of this.#chunks(source)) {
      for (let at = 0; at < chunk.length; at += blockSize) {
        await turn()
        // Its own bytes (a Buffer's slice is a view): a stream may read them later, when the chunk's owner uses that again.
        await this.#write(new Uint8Array(chunk.subarray(at, at + blockSize)))
      }
    }
    await this.#sink.close()
  }

  /** Nothing is written any more. Not awaited: what hangs must not hold up its reader. */
  end(): void {
    this.#ended.abort()
    this.#sink.abort().catch(() => {})
  }

  async #write(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#watched.onBlock(piece)
    this.#sum.expect(piece)
    await this.#sink.write(piece)
  }

  async *#chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* chunksOf(source, { signal: this.#ended.signal })
    } catch (reason) {
      this.failure ??= { reason }
      this.#sink.abort(reason).catch(() => {})
      throw reason
    }
  }
}

/** Browsers had `CompressionStream` before it knew raw deflate. */
function compressionStream(): CompressionStream {
  try {
    return new CompressionStream('deflate-raw')
  } catch {
    throw noPlatform()
  }
}

/** What went in and what comes out again, by their sums. */
class Checked {
  static async create(): Promise<Checked> {
    const inflater = await createInflater()
    inflater.reset()
    return new Checked(inflater, { before: await createCrc32(), after: await createCrc32() })
  }

  readonly #inflater: RawInflater
  readonly #sums: { readonly before: Crc32; readonly after: Crc32 }
  #difference = 0

  private constructor(inflater: RawInflater, sums: { readonly before: Crc32; readonly after: Crc32 }) {
    this.#inflater = inflater
    this.#sums = sums
  }

  expect(chunk: Uint8Array): void {
    this.#sums.before.update(chunk)
    this.#difference += chunk.length
  }

  see(deflated: Uint8Array): void {
    const pieces = this.#inflater.push(deflated)
    for (let next = pieces.next(); ; next = pieces.next()) {
      if (next.done) {
        if (next.value === deflated.length) return
        throw new Error('there is more behind the end')
      }
      this.#sums.after.update(next.value)
      this.#difference -= next.value.length
    }
  }

  compare(): void {
    if (
      !this.#inflater.ended ||
      this.#difference !== 0 ||
      this.#sums.before.take() !== this.#sums.after.take()
    )
      throw new Error('what was deflated is something else')
  }

  end(): void {
    this.#inflater.end()
  }
}

function unverified(block: number, cause: unknown): OciError {
  return new OciError('DEFLATE_UNVERIFIED', { block }, { cause })
}

function noPlatform(): OciError {
  return new OciError('UNSUPPORTED', { feature: 'gzip by the platform, which has none' })
}
