/** The gzip decoder: all members of a file, each checked, the same in every runtime. */

import { OciError } from '../errors.ts'
import { atMost, type ByteSource, chunksOf } from '../streams.ts'
import type { CodecOptions, DecodeOptions, Decoder } from './codec.ts'
import { type Crc32, createCrc32 } from './crc32.ts'
import { InflateFault, type RawInflater } from './inflate.ts'
import { createInflater } from './inflaters.ts'
import { Input, littleEndian } from './input.ts'
import { pace } from './pace.ts'

/**
 * Decompresses gzip in chunks of at most 256 KiB, reading as it is read.
 *
 * A file of several members gives their contents one after the other, and zeros may follow the last one, as tapes
 * pad them. Anything else is `GZIP_INVALID`: a cut at any place, a wrong CRC-32 or size, other bytes behind the
 * end, an empty file. More than `maxBytes` is `LIMIT_EXCEEDED`. What was given before the error is not to be trusted.
 *
 * It inflates by zlib's WebAssembly, or by JavaScript where a policy forbids that, with the same bytes and reasons. `offset` of
 * an error in deflate data is where what is wrong begins; by zlib it may be up to 7 bytes further.
 *
 * @example
 * for await (const chunk of gunzip(file.stream())) hasher.update(chunk)
 */
export function gunzip(
  source: ByteSource,
  options: DecodeOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  return gunzipBy(createInflater, source, options)
}

/** The same by an inflater of one's own: tests compare those that there are. */
export function gunzipBy(
  inflater: () => Promise<RawInflater>,
  source: ByteSource,
  options: DecodeOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  return atMost(contentOf(inflater, source, options), { max: options.maxBytes })
}

async function* contentOf(
  createInflater: () => Promise<RawInflater>,
  source: ByteSource,
  { signal }: CodecOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new Input(chunksOf(source, { signal }), invalid)
  const inflater = await createInflater()
  try {
    const tools = { crc: await createCrc32(), inflater, turn: pace({ signal }) }
    do {
      await readHeader(input, tools.crc)
      yield* inflateMember(input, tools)
    } while (await anotherMember(input))
  } finally {
    inflater.end()
    await input.close()
  }
}

/** What reads gzip and writes none: without the encoder, and so without fflate. */
export const gzipDecoder: Decoder = { name: 'gzip', suffix: '+gzip', decode: gunzip }

interface Tools {
  readonly crc: Crc32
  readonly inflater: RawInflater
  readonly turn: () => Promise<void>
}

// Input bytes between two looks at the clock and the signal, also where nothing comes out.
const inputPiece = 65_536

// RFC 1952, 2.3.1.
const flags = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const

async function readHeader(input: Input, crc: Crc32): Promise<void> {
  input.onBytes = bytes => crc.update(bytes)
  const start = input.offset
  const [id1, id2, method, flag = 0] = await input.take(10, 'header')
  if (id1 !== 0x1f || id2 !== 0x8b) throw invalid('no gzip header', start)
  if (method !== 8) throw invalid(`unknown compression method ${method}`, start + 2)
  if ((flag & flags.reserved) !== 0) throw invalid('reserved header flags are set', start + 3)
  if (flag & flags.extra) await input.skip(littleEndian(await input.take(2, 'header')), 'header')
  if (flag & flags.name) await input.skipString('header')
  if (flag & flags.comment) await input.skipString('header')
  input.onBytes = undefined
  const expected = crc.take() & 0xffff
  if ((flag & flags.headerCrc) === 0) return
  const at = input.offset
  if (littleEndian(await input.take(2, 'header')) !== expected) throw invalid("the header's CRC is wrong", at)
}

async function* inflateMember(
  input: Input,
  { inflater, crc, turn }: Tools,
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0
  inflater.reset()
  const start = input.offset
  while (!inflater.ended) {
    await turn()
    const there = await input.some('deflate data')
    const pieces = inflate(inflater, there.subarray(0, inputPiece), start)
    for (;;) {
      const next = pieces.next()
      if (next.done) {
        input.used(next.value)
        break
      }
      crc.update(next.value)
      size += next.value.length
      yield next.value
      await turn()
    }
  }
  await checkTrailer(input, crc.take(), size)
}

/** The inflater's chunks, its faults told as ours. */
function* inflate(
  inflater: RawInflater,
  bytes: Uint8Array,
  start: number,
): Generator<Uint8Array, number, undefined> {
  try {
    return yield* inflater.push(bytes)
  } catch (error) {
    if (error instanceof InflateFault) throw invalid(error.message, start + inflater.offset)
    throw error
  }
}

async function checkTrailer(input: Input, crc: number, size: number): Promise<void> {
  const at = input.offset
  const trailer = await input.take(8, 'trailer')
  if (littleEndian(trailer.subarray(0, 4)) !== crc) throw invalid('the CRC-32 of the content is wrong', at)
  if (littleEndian(trailer.subarray(4)) !== size % 2 ** 32) {
    throw invalid('the size of the content is wrong', at + 4)
  }
}

/** After a member: the end, another member, or zeros up to the end. */
async function anotherMember(input: Input): Promise<boolean> {
  const first = await input.peek()
  if (first === undefined) return false
  if (first !== 0) return true
  await input.skipZeros()
  return false
}

function invalid(reason: string, offset: number): OciError<'GZIP_INVALID'> {
  return new OciError('GZIP_INVALID', { reason, offset })
}
