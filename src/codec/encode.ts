/** The encoder of `ocidir-gzip-1`: fixed blocks, each deflated on its own and checked, joined into one member. */

import { chunksOf } from '../streams.ts'
import type { CodecOptions } from './codec.ts'
import { type Crc32, createCrc32 } from './crc32.ts'
import { type DeflateBlock, type DeflateLevel, deflateBlock } from './deflate.ts'
import { pace } from './pace.ts'
import { blockVerifier, type VerifyBlock } from './verify.ts'

/** Input bytes of a block. */
const blockSize = 262_144
/** Bytes before a block that its matches may reach back to. */
const dictionarySize = 32_768

/** What an encoder is made of. Tests put a broken `deflate` in, and leave the check out to see what it is for. */
export interface EncoderParts extends CodecOptions {
  readonly level: DeflateLevel
  readonly deflate?: DeflateBlock | undefined
  readonly verify?: VerifyBlock | undefined
}

/** Compresses to one gzip member whose bytes depend on the input and the level only. */
export async function* encodeGzip(
  source: AsyncIterable<Uint8Array>,
  options: EncoderParts,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { level, deflate = deflateBlock, native, signal, verify = blockVerifier(native) } = options
  const crc = await createCrc32()
  const turn = pace({ signal })
  let size = 0
  let number = 0
  yield header.slice()
  for await (const { block, dictionary, last } of blocksOf(source, options)) {
    await turn()
    const deflated = deflate(block, { level, dictionary, last })
    verify({ block, deflated, dictionary, last, number })
    crc.update(block)
    size += block.length
    number += 1
    yield deflated
  }
  yield trailer(crc, size)
}

// No name, no time, no flags, system unknown (RFC 1952, 2.3): nothing but the input shows in the bytes.
const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)

function trailer(crc: Crc32, size: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, crc.take(), true)
  view.setUint32(4, size % 2 ** 32, true)
  return bytes
}

interface InputBlock {
  readonly block: Uint8Array
  readonly dictionary: Uint8Array
  readonly last: boolean
}

/**
 * Cuts any chunks into blocks. A full one is held back until a byte comes after it: only the last block ends the
 * stream, so an input of exact blocks has no empty one behind them, and only an empty input gives an empty block.
 *
 * A block and its dictionary are views of one buffer that is used again, valid until the next block is asked for.
 */
async function* blocksOf(
  source: AsyncIterable<Uint8Array>,
  options: CodecOptions,
): AsyncGenerator<InputBlock, void, undefined> {
  const buffer = new Uint8Array(dictionarySize + blockSize)
  let start = 0
  let filled = 0
  const view = (last: boolean): InputBlock => ({
    block: buffer.subarray(dictionarySize, dictionarySize + filled),
    dictionary: buffer.subarray(dictionarySize - start, dictionarySize),
    last,
  })
  for await (const chunk of chunksOf(source, options)) {
    for (let taken = 0; taken < chunk.length; ) {
      if (filled === blockSize) {
        yield view(false)
        buffer.copyWithin(0, blockSize)
        start = dictionarySize
        filled = 0
      }
      const piece = chunk.subarray(taken, taken + blockSize - filled)
      buffer.set(piece, dictionarySize + filled)
      filled += piece.length
      taken += piece.length
    }
  }
  yield view(true)
}
