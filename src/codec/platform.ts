/** Gzip by what the platform has: fast, and its bytes are whatever that makes. It is checked all the same. */

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
    const deflated = await this.#native.deflateRaw?.(job.block, job)
    if (deflated === undefined) throw noPlatform()
    this.#verify({ ...job, deflated })
    return take(deflated)
  }
}

async function* deflateStream(
  source: AsyncIterable<Uint8Array>,
  { signal, onBlock }: Watched,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof CompressionStream === 'undefined') throw noPlatform()
  const { writable, readable } = new CompressionStream('deflate-raw')
  const sum = await Checked.create()
  const sink = writable.getWriter()
  const feeding = (async () => {
    for await (const chunk of chunksOf(source, { signal })) {
      onBlock(chunk)
      sum.expect(chunk)
      await sink.write(chunk as Uint8Array<ArrayBuffer>)
    }
    await sink.close()
  })()
  // Whoever reads meets the failure too; this one would be unhandled meanwhile.
  feeding.catch(error => sink.abort(error).catch(() => {}))
  try {
    for await (const deflated of chunksOf(readable, { signal })) {
      sum.see(deflated)
      yield deflated
    }
    await feeding
    sum.compare()
  } finally {
    sum.end()
    await sink.abort().catch(() => {})
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
        throw unverified()
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
      throw unverified()
  }

  end(): void {
    this.#inflater.end()
  }
}

function unverified(): OciError {
  return new OciError('DEFLATE_UNVERIFIED', { block: 0 })
}

function noPlatform(): OciError {
  return new OciError('UNSUPPORTED', { feature: 'gzip by the platform, which has none' })
}
