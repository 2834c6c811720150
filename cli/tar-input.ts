/** A tar from outside, judged by its first bytes: plain ones pass as they are, gzip is taken off. */

import { gunzip } from '../src/codec/gzip.ts'
import { type AbortOptions, type NativeTools, OciError } from '../src/index.ts'

/** What a tar's reading needs. */
export interface TarInputOptions extends AbortOptions {
  readonly native: NativeTools | undefined
  /** For messages. */
  readonly where: string
}

/**
 * The bytes of a tar. Gzip is unpacked, so that the layer's diffID is its tar's.
 *
 * Throws `TAR_INVALID` for what isn't a tar, `UNSUPPORTED` for other compressions, `GZIP_INVALID`.
 */
export async function* plainTar(
  source: AsyncIterable<Uint8Array>,
  options: TarInputOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { start, chunks } = await peek(source)
  const name = compressionOf(start)
  if (name === undefined) {
    checkTar(start, options)
    yield* chunks
  } else if (name === 'gzip') {
    const unpacked = await peek(gunzip(chunks, options))
    checkTar(unpacked.start, options)
    yield* unpacked.chunks
  } else {
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

function compressionOf(start: Uint8Array): string | undefined {
  return magics.find(({ magic }) => magic.every((byte, i) => start[i] === byte))?.name
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

const magics: readonly { readonly name: string; readonly magic: readonly number[] }[] = [
  { name: 'gzip', magic: [0x1f, 0x8b] },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
]
