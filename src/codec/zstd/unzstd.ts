/** The zstd decoder: all frames of a file, each checked, the same in every runtime. */

import { atMost, type ByteSource, chunksOf } from '../../streams.ts'
import type { DecodeOptions, Decoder } from '../codec.ts'
import { Input, littleEndian } from '../input.ts'
import { pace } from '../pace.ts'
import { Blocks } from './block.ts'
import { ZstdFault } from './fault.ts'
import { type FrameHeader, invalid, mostOf, readBlockHeader, readFrameHeader } from './frame.ts'
import { type Checksum, createChecksum } from './xxhash.ts'

/** The bound on what a frame may make its reader remember. */
export interface ZstdLimits {
  /**
   * Bytes of the largest window that a frame may ask for, 1 GiB at the most. 128 MiB unless given, as in the zstd
   * command. Memory grows with the content, to 1.25 windows.
   */
  readonly maxWindowSize: number
}

/** What reads zstd and writes none: without the encoder. */
export const zstdDecoder: Decoder = { name: 'zstd', suffix: '+zstd', decode: unzstd }

/** Options of `unzstd`. */
export interface UnzstdOptions extends DecodeOptions, Partial<ZstdLimits> {}

/**
 * Decompresses zstd in chunks of at most 256 KiB, reading as it is read.
 *
 * A file of several frames gives their contents one after the other; skippable frames are skipped. Anything else is
 * `ZSTD_INVALID`: a cut at any place, a wrong checksum or size, other bytes behind a frame, an empty file. A window
 * beyond `maxWindowSize` and more than `maxBytes` are `LIMIT_EXCEEDED`, a dictionary `UNSUPPORTED`. What was given before the error is not to
 * be trusted.
 *
 * @example
 * for await (const chunk of unzstd(file.stream())) hasher.update(chunk)
 */
export function unzstd(
  source: ByteSource,
  options: UnzstdOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  return atMost(contentOf(source, options), { max: options.maxBytes })
}

async function* contentOf(
  source: ByteSource,
  options: UnzstdOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = options
  const maxWindowSize = checkedWindowSize(options.maxWindowSize)
  const input = new Input(chunksOf(source, { signal }), invalid)
  try {
    const tools = { blocks: new Blocks(), checksum: await createChecksum(), turn: pace({ signal }) }
    do {
      const header = await readFrameHeader(input, maxWindowSize)
      await tools.turn()
      if (header !== undefined) yield* decodeFrame(input, header, tools)
    } while ((await input.peek()) !== undefined)
  } finally {
    await input.close()
  }
}

/** The given bound or the default; a `RangeError` for what isn't a size. */
export function checkedWindowSize(size: number = 2 ** 27): number {
  if (Number.isSafeInteger(size) && size >= 0 && size <= 2 ** 30) return size
  throw new RangeError(`maxWindowSize must be bytes, 1 GiB at the most, not ${String(size)}`)
}

interface Tools {
  readonly blocks: Blocks
  readonly checksum: Checksum
  readonly turn: () => Promise<void>
}

// A chunk is this and less than a block more.
const chunkSize = 131_072

async function* decodeFrame(
  input: Input,
  header: FrameHeader,
  tools: Tools,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { blocks, checksum, turn } = tools
  const { history } = blocks
  let size = 0
  blocks.begin(header)
  checksum.reset()
  for (let last = false; !last; ) {
    await turn()
    const { offset } = input
    const before = history.pending
    last = await readBlock(input, header, blocks)
    size += history.pending - before
    if (size > (header.size ?? size)) throw invalid('there is more content than the frame says', offset)
    if (history.pending === 0 || (history.pending < chunkSize && !last)) continue
    const chunk = history.take()
    checksum.update(chunk)
    yield chunk
  }
  if (size < (header.size ?? size)) throw invalid('there is less content than the frame says', input.offset)
  if (header.checked) await checkTrailer(input, checksum.value())
}

/** Puts a block's content behind the history; tells whether it was the last one. */
async function readBlock(input: Input, header: FrameHeader, blocks: Blocks): Promise<boolean> {
  const { history, section } = blocks
  const { offset } = input
  const { type, size, last } = await readBlockHeader(input, header)
  switch (type) {
    case 'raw':
      await input.read(history.append(size), 'raw block')
      break
    case 'repeated':
      history.append(size).fill(littleEndian(await input.take(1, 'repeated block')))
      break
    default:
      await input.read(section.begin(size), 'compressed block')
      decode(blocks, { most: mostOf(header.window), offset })
  }
  return last
}

function decode(blocks: Blocks, { most, offset }: { most: number; offset: number }): void {
  try {
    blocks.decode(most)
  } catch (error) {
    if (error instanceof ZstdFault) throw invalid(error.message, offset)
    throw error
  }
}

async function checkTrailer(input: Input, expected: number): Promise<void> {
  const { offset } = input
  if (littleEndian(await input.take(4, 'checksum')) === expected) return
  throw invalid('the checksum of the content is wrong', offset)
}
