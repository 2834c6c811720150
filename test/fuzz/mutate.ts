/** The one mutation fuzzer: bytes of any format changed by a seed, and made to look right again where sums hide faults. */

import { concat } from '../../src/streams.ts'

/** A number from 0 up to, not including, `limit`. */
export type Below = (limit: number) => number

/** What a mutator knows of a format. */
export interface Format {
  /** Pieces that mean something there, put anywhere. */
  readonly words?: readonly Uint8Array[]
  /** What is removed, doubled or moved as a whole, in bytes. */
  readonly block?: number
  /** How many bytes at the start hold most of the rules: every second change goes there. */
  readonly head?: number
  /** Makes sums right again; else a mutation teaches nothing but that a sum is checked. */
  readonly mend?: (bytes: Uint8Array) => Uint8Array
}

/** A changed input. */
export interface Mutant {
  readonly bytes: Uint8Array
  /** Which of the seeds it was. */
  readonly origin: number
  /** Its sums were made right again. */
  readonly mended: boolean
}

/** One of the seeds with one to four changes; four of five are mended where the format has something to mend. */
export function mutate(seeds: readonly Uint8Array[], format: Format, below: Below): Mutant {
  const origin = below(seeds.length)
  let bytes: Uint8Array = (seeds[origin] ?? new Uint8Array()).slice()
  const other = seeds[below(seeds.length)] ?? bytes
  for (let changes = 1 + below(4); changes > 0 && bytes.length > 0; changes--) {
    bytes = changed(bytes, { format, below, other })
  }
  const mended = format.mend !== undefined && below(5) > 0
  return { bytes: mended ? (format.mend?.(bytes) ?? bytes) : bytes, origin, mended }
}

interface Change {
  readonly format: Format
  readonly below: Below
  readonly other: Uint8Array
}

function changed(bytes: Uint8Array, { format, below, other }: Change): Uint8Array {
  const { head = bytes.length, words = [], block = 1 + below(16) } = format
  const at = below(below(2) === 0 ? Math.min(head, bytes.length) : bytes.length)
  const start = at - (at % block)
  const [before, after] = [bytes.subarray(0, start), bytes.subarray(start + block)]
  switch (below(14)) {
    case 0:
      return bytes.subarray(0, at).slice()
    case 1:
      return concat([before, after])
    case 2:
      return concat([bytes.subarray(0, start + block), bytes.subarray(start)])
    case 3:
      return concat([before, other.subarray(below(other.length + 1))])
    case 4:
      return concat([before, bytes.subarray(below(bytes.length))])
    case 5:
      return concat([bytes.subarray(0, at), noise(1 + below(4), below), bytes.subarray(at)])
    case 6:
    case 7:
      return words.length === 0 ? nextDigit(bytes, at, below) : inserted(bytes, at, { words, below })
    case 8:
    case 9:
      return nextDigit(bytes, at, below)
    case 10:
      return concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
    case 11:
      bytes[at] = below(256)
      return bytes
    default:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
      return bytes
  }
}

/** A word in place of as many bytes, or between them. */
function inserted(
  bytes: Uint8Array,
  at: number,
  { words, below }: { readonly words: readonly Uint8Array[]; readonly below: Below },
): Uint8Array {
  const word = words[below(words.length)] ?? new Uint8Array()
  return concat([bytes.subarray(0, at), word, bytes.subarray(below(2) === 0 ? at : at + word.length)])
}

/** Makes another number of the next one: a claim that is wrong but well-formed. */
function nextDigit(bytes: Uint8Array, from: number, below: Below): Uint8Array {
  const at = bytes.findIndex((byte, index) => index >= from && byte >= 0x30 && byte <= 0x39)
  if (at >= 0) bytes[at] = 0x30 + below(10)
  return bytes
}

function noise(size: number, below: Below): Uint8Array {
  return Uint8Array.from({ length: size }, () => below(256))
}

/** Right checksums in every block that looks like a tar header. */
export function mendTar(bytes: Uint8Array): Uint8Array {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512)
    if (block[257] !== 0x75) continue
    block.fill(0x20, 148, 156)
    const sum = block.reduce((total, byte) => total + byte, 0)
    block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  }
  return bytes
}
