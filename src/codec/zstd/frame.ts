/** What stands around the blocks of a frame (RFC 8878, 3.1.1 and 3.1.2). */

import { OciError } from '../../errors.ts'
import { checkLimit } from '../../limits.ts'
import { type Input, littleEndian } from '../input.ts'
import { largestBlock } from './section.ts'

/** What a frame's header says. */
export interface FrameHeader {
  /** How far back matches may reach, in bytes. */
  readonly window: number
  /** Bytes of content, where the frame says it. */
  readonly size: number | undefined
  /** A checksum of the content follows the last block. */
  readonly checked: boolean
}

/** What a block's header says. */
export interface BlockHeader {
  readonly last: boolean
  readonly type: 'raw' | 'repeated' | 'compressed'
  readonly size: number
}

/** Reads a frame's header; a skippable frame is skipped to its end and gives `undefined`. */
export async function readFrameHeader(input: Input, maxWindowSize: number): Promise<FrameHeader | undefined> {
  const { offset } = input
  const magic = littleEndian(await input.take(4, 'frame header'))
  if (magic === 0xfd2fb528) return readFields(input, { offset, maxWindowSize })
  // 16 of them: the last four bits say nothing.
  if (magic >= 0x184d2a50 && magic <= 0x184d2a5f) {
    await input.skip(littleEndian(await input.take(4, 'skippable frame')), 'skippable frame')
    return undefined
  }
  const legacy = magic >= 0xfd2fb522 && magic <= 0xfd2fb527
  throw invalid(legacy ? 'a frame of a zstd before 0.8' : 'no zstd frame', offset)
}

/** Reads a block's header. */
export async function readBlockHeader(input: Input, { window }: FrameHeader): Promise<BlockHeader> {
  const { offset } = input
  const fields = littleEndian(await input.take(3, 'block header'))
  const type = types[(fields >> 1) & 3]
  if (type === undefined) throw invalid('a block has the reserved type 3', offset)
  const size = fields >> 3
  if (size > mostOf(window)) throw invalid('a block is larger than its frame allows', offset)
  return { last: (fields & 1) === 1, type, size }
}

/** The most that one block may hold, and give. */
export function mostOf(window: number): number {
  return Math.min(window, largestBlock)
}

/** The error of everything that isn't as it should be. */
export function invalid(reason: string, offset: number): OciError<'ZSTD_INVALID'> {
  return new OciError('ZSTD_INVALID', { reason, offset })
}

const types = ['raw', 'repeated', 'compressed'] as const

async function readFields(
  input: Input,
  { offset, maxWindowSize }: { readonly offset: number; readonly maxWindowSize: number },
): Promise<FrameHeader> {
  const [flags = 0] = await input.take(1, 'frame header')
  if ((flags & 8) !== 0) throw invalid('a reserved bit of the frame header is set', offset + 4)
  const single = (flags & 0x20) !== 0
  const described = single ? undefined : windowOf(littleEndian(await input.take(1, 'frame header')))
  await refuseDictionary(input, [0, 1, 2, 4][flags & 3] as number)
  const size = await readSize(input, flags >> 6, single)
  const window = described ?? size ?? 0
  checkLimit({ maxWindowSize }, 'maxWindowSize', { found: window })
  return { window, size, checked: (flags & 4) !== 0 }
}

function windowOf(descriptor: number): number {
  return 2 ** (10 + (descriptor >> 3) - 3) * (8 + (descriptor & 7))
}

async function refuseDictionary(input: Input, bytes: number): Promise<void> {
  const id = littleEndian(await input.take(bytes, 'frame header'))
  if (id === 0) return
  throw new OciError('UNSUPPORTED', { feature: `zstd with a dictionary (${id})` })
}

/** A size of two bytes counts from 256; one that is left out is none, or one byte where the frame is one segment. */
async function readSize(input: Input, code: number, single: boolean): Promise<number | undefined> {
  if (code === 0 && !single) return undefined
  const size = littleEndian(await input.take(1 << code, 'frame header'))
  return code === 1 ? size + 256 : size
}
