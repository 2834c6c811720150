/** The check of each deflated block before it is passed on: inflated again, it must be what it came from. */

import { OciError } from '../errors.ts'
import type { NativeTools } from '../storage.ts'
import { equalBytes } from '../streams.ts'
import type { DeflateOptions } from './deflate.ts'
import { Inflater } from './inflate.ts'

/** One block and what became of it. */
export interface DeflatedBlock extends Pick<DeflateOptions, 'dictionary' | 'last'> {
  readonly block: Uint8Array
  readonly deflated: Uint8Array
  /** For the error: which block of the stream. */
  readonly number: number
}

/** Throws `DEFLATE_UNVERIFIED` unless the block inflates to its input and joins with what comes after it. */
export type VerifyBlock = (deflated: DeflatedBlock) => void

/** A verifier by the platform's inflater where it has one, by our own elsewhere. Keep it for many blocks. */
export function blockVerifier(native?: NativeTools): VerifyBlock {
  const inflater = new Inflater()
  const inflateRaw = native?.inflateRaw?.bind(native)
  // One for all: as garbage, a worker would hold tens of megabytes of them.
  let joined = new Uint8Array()
  return piece => {
    let cause: unknown
    try {
      // Only our own inflater tells where the stream ends, so it always takes the last block.
      if (inflateRaw === undefined || piece.last) {
        if (inflatesTo(inflater, piece)) return
      } else {
        const size = piece.deflated.length + sentinel.length
        if (joined.length < size) joined = new Uint8Array(size + (size >>> 1))
        joined.set(piece.deflated)
        joined.set(sentinel, piece.deflated.length)
        if (joinsTo(inflateRaw, piece, joined.subarray(0, size))) return
      }
    } catch (error) {
      cause = error
    }
    throw new OciError('DEFLATE_UNVERIFIED', { block: piece.number }, { cause })
  }
}

function inflatesTo(inflater: Inflater, { block, deflated, dictionary, last }: DeflatedBlock): boolean {
  inflater.reset(dictionary)
  let size = 0
  const pieces = inflater.push(deflated)
  for (;;) {
    const next = pieces.next()
    if (next.done) {
      const whole = size === block.length && next.value === deflated.length
      return whole && (last ? inflater.ended : inflater.joinable)
    }
    const chunk = next.value
    if (!equalBytes(chunk, block.subarray(size, size + chunk.length))) return false
    size += chunk.length
  }
}

// A stored, final deflate block of eight bytes.
const sentinel = Uint8Array.of(0x01, 0x08, 0x00, 0xf7, 0xff, 0x6f, 0x63, 0x69, 0x64, 0x69, 0x72, 0x0d, 0x0a)
const sentinelContent = sentinel.subarray(5)

/** A block that left its stream open lets the sentinel through, whole and right behind it. */
function joinsTo(
  inflateRaw: NonNullable<NativeTools['inflateRaw']>,
  { block, dictionary }: DeflatedBlock,
  joined: Uint8Array,
): boolean {
  const size = block.length + sentinelContent.length
  const found = inflateRaw(joined, { dictionary, size })
  return (
    found.length === size &&
    equalBytes(found.subarray(0, block.length), block) &&
    equalBytes(found.subarray(block.length), sentinelContent)
  )
}
