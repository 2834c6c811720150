/** The encoder of `ocidir-zstd-1`: fixed blocks, each a frame of its own with its content's checksum. */

import { type BlockWork, compressBlocks } from '../blocks.ts'
import type { CodecOptions } from '../codec.ts'
import { ZstdBlocks, type ZstdParts } from './blocks.ts'
import { zstdModule } from './carried.ts'
import { createChecksum } from './xxhash.ts'

/** Input bytes of a frame: what a window of zstd's middle levels spans. */
const blockSize = 2_097_152

/** How it is compressed. Tests put a broken `compress` in, and leave the check out to see what it is for. */
export interface ZstdEncoderOptions extends CodecOptions, ZstdParts {
  readonly level: number
}

/** Compresses to frames whose bytes depend on the input and the level only. */
export async function* encodeZstd(
  source: AsyncIterable<Uint8Array>,
  options: ZstdEncoderOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const checksum = await createChecksum()
  const finish: BlockWork['finish'] = (frame, block, room) => {
    checksum.reset()
    checksum.update(block)
    const whole = room(frame.length + 4)
    whole.set(frame)
    setChecksum(whole, checksum.value())
    return whole
  }
  const here = new ZstdBlocks({ zstd: zstdModule }, options)
  yield* compressBlocks(source, {
    ...options,
    blockSize,
    dictionarySize: 0,
    here,
    kind: 'zstd',
    modules: { zstd: zstdModule },
    finish,
  })
}

/** Sets the frame's flag, and puts the checksum behind its last block, where there is room for it (RFC 8878, 3.1.1). */
function setChecksum(frame: Uint8Array, checksum: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  view.setUint8(descriptorAt, view.getUint8(descriptorAt) | checksumFlag)
  view.setUint32(frame.length - 4, checksum, true)
}

/** Where the descriptor stands: behind the magic number. */
const descriptorAt = 4
const checksumFlag = 4
