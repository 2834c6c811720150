/** A tar from outside: plain ones pass as they are, gzip and zstd are taken off, and what is cut short is refused. */

import { gunzip } from '../src/codec/gzip.ts'
import { unzstd } from '../src/codec/zstd.ts'
import { type AbortOptions, isOciError, type NativeTools, OciError } from '../src/index.ts'
import { readTar } from '../src/tar/index.ts'

/** What a tar's reading needs. */
export interface TarInputOptions extends AbortOptions {
  readonly native: NativeTools | undefined
  /** For messages. */
  readonly where: string
}

/**
 * The bytes of a tar. Gzip and zstd are unpacked, so that the layer's diffID is its tar's.
 *
 * Throws `TAR_INVALID` for what isn't a tar or not a whole one, `UNSUPPORTED` for other compressions, `GZIP_INVALID`,
 * `ZSTD_INVALID`, `LIMIT_EXCEEDED`.
 */
export async function* plainTar(
  source: AsyncIterable<Uint8Array>,
  options: TarInputOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { start, chunks } = await peek(source)
  const compression = compressions.find(({ magic }) => magic.every((byte, i) => start[i] === byte))
  if (compression === undefined) {
    checkTar(start, options)
    yield* wholeTar(chunks, options)
  } else if (compression.unpack !== undefined) {
    const unpacked = await peek(compression.unpack(chunks, options))
    checkTar(unpacked.start, options)
    yield* wholeTar(unpacked.chunks, options)
  } else {
    const { name } = compression
    const feature = `layers from ${name} (unpack it first: ${name} -dc … | ocidir build … --layer -)`
    throw new OciError('UNSUPPORTED', { feature, where: options.where })
  }
}

interface Peeked {
  /** The first 512 bytes, fewer where there are no more. */
  readonly start: Uint8Array
  /** All bytes, those among them. */
  readonly chunks: AsyncIterable<Uint8Array>
}

async function peek(source: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]()
  const held: Uint8Array[] = []
  let size = 0
  while (size < blockSize) {
    const next = await iterator.next()
    if (next.done) break
    held.push(next.value)
    size += next.value.length
  }
  return { start: Buffer.concat(held).subarray(0, blockSize), chunks: all(held, iterator) }
}

async function* all(
  held: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* held
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}

/**
 * The same bytes, read as a tar on their way: a pipe doesn't tell that its writer died, and an image of half a tar
 * would only fail where it is used. At its end it throws what `walk` found.
 */
async function* wholeTar(
  chunks: AsyncIterable<Uint8Array>,
  options: TarInputOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const fault = walk(readable, options)
  const walker = writable.getWriter()
  try {
    for await (const chunk of chunks) {
      // A walk that has ended takes no more; what it found is asked for below.
      await walker.write(chunk).catch(() => {})
      yield chunk
    }
    await walker.close().catch(() => {})
    const found = await fault
    if (found !== undefined) throw found
  } finally {
    await walker.abort().catch(() => {})
  }
}

/** Only what is no tar counts: a limit or a form of sparse files that is unknown here is no reason to refuse it. */
async function walk(
  tar: ReadableStream<Uint8Array>,
  { signal, where }: TarInputOptions,
): Promise<OciError<'TAR_INVALID'> | undefined> {
  const entries = readTar(tar, { signal })
  try {
    for (let next = await entries.next(); !next.done; ) next = await entries.next()
  } catch (error) {
    if (!isOciError(error, 'TAR_INVALID')) return undefined
    return new OciError('TAR_INVALID', { ...error.data, reason: `${where}: ${error.data.reason}` })
  }
  return undefined
}

function checkTar(start: Uint8Array, { where }: TarInputOptions): void {
  if (start.length === blockSize && (start.every(byte => byte === 0) || hasChecksum(start))) return
  throw new OciError('TAR_INVALID', { reason: `${where} does not begin with a tar header`, offset: 0 })
}

/** A tar header's sum counts its own eight bytes as blanks; old writers summed signed bytes. */
function hasChecksum(header: Uint8Array): boolean {
  const field = Buffer.from(header.subarray(sumStart, sumEnd)).toString('latin1')
  const digits = /^[ 0]*([0-7]+)[ \0]*$/.exec(field)?.[1] ?? (/^[ 0]+[ \0]*$/.test(field) ? '0' : undefined)
  if (digits === undefined) return false
  const claimed = Number.parseInt(digits, 8)
  let unsigned = 0
  let signed = 0
  for (const [i, byte] of header.entries()) {
    const counted = i >= sumStart && i < sumEnd ? 0x20 : byte
    unsigned += counted
    signed += (counted << 24) >> 24
  }
  return claimed === unsigned || claimed === signed
}

const blockSize = 512
const sumStart = 148
const sumEnd = 156

interface Compression {
  readonly name: string
  readonly magic: readonly number[]
  readonly unpack?: typeof gunzip
}

const compressions: readonly Compression[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], unpack: gunzip },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: unzstd },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
]
