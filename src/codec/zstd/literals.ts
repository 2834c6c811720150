/** The literals of a compressed block (RFC 8878, 3.1.1.3.1). */

import { ZstdFault } from './fault.ts'
import { type HuffmanTable, readHuffmanTable } from './huffman.ts'
import { firstBit, largestBlock, type Section } from './section.ts'

/** Of each size format: bytes of the header, and bits of a size in it. */
const plainFormats = [
  { header: 1, bits: 5, shift: 3 },
  { header: 2, bits: 12, shift: 4 },
  { header: 1, bits: 5, shift: 3 },
  { header: 3, bits: 20, shift: 4 },
] as const
const packedFormats = [
  { header: 3, bits: 10 },
  { header: 3, bits: 10 },
  { header: 4, bits: 14 },
  { header: 5, bits: 18 },
] as const

/** Reads the literals; they stand in `bytes` from `start` to `end` until the next block. */
export class Literals {
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  readonly #decoded = new Uint8Array(largestBlock)
  #table: HuffmanTable | undefined

  /** A new frame: codes of the one before aren't used again. */
  reset(): void {
    this.#table = undefined
  }

  /** Reads a block's literals, which may be `most` bytes. */
  read(section: Section, most: number): void {
    const first = section.bytes[section.at] as number
    const [type, format] = [first & 3, (first >> 2) & 3]
    if (type === 0) this.#raw(section, plainSize(section, format, most))
    else if (type === 1) this.#repeated(section, plainSize(section, format, most))
    else this.#packed(section, { format, most, ownTable: type === 2 })
  }

  #raw(section: Section, size: number): void {
    this.bytes = section.bytes
    this.start = section.skip(size)
    this.end = section.at
  }

  #repeated(section: Section, size: number): void {
    this.#decoded.fill(section.byte(), 0, size)
    this.#give(size)
  }

  #packed(section: Section, options: { format: number; most: number; ownTable: boolean }): void {
    const { format, most, ownTable } = options
    const { size, packed } = packedSizes(section, format)
    if (size > most) throw tooLarge()
    const end = section.skip(packed) + packed
    section.at = end - packed
    if (ownTable) this.#table = readHuffmanTable(section)
    if (section.at > end) throw new ZstdFault('literals are shorter than their Huffman code')
    if (format === 0) this.#stream(section, { end, from: 0, to: size })
    else this.#fourStreams(section, size, end)
    this.#give(size)
  }

  /** Three sizes of two bytes, then four streams, which hold the same number of literals but for the last. */
  #fourStreams(section: Section, size: number, end: number): void {
    // What the reference decoder refuses too: fewer can't be split in four.
    if (size < 6) throw new ZstdFault('too few literals for four streams')
    const lengths = [section.field(2), section.field(2), section.field(2)]
    const part = (size + 3) >> 2
    for (let i = 0; i < 4; i++) {
      const stop = i < 3 ? section.at + (lengths[i] as number) : end
      if (stop > end) throw new ZstdFault('a stream of literals is too long')
      this.#stream(section, { end: stop, from: i * part, to: Math.min(size, (i + 1) * part) })
    }
  }

  /** Decodes a stream to its end. The hot loop: everything it touches is a local. */
  #stream(section: Section, { end, from, to }: { end: number; from: number; to: number }): void {
    const table = this.#table
    if (table === undefined) throw new ZstdFault('literals need the Huffman code of an earlier block')
    const { log, entries } = table
    const { view } = section
    const out = this.#decoded
    const mask = (1 << log) - 1
    const stop = section.at * 8
    let bit = firstBit(section.bytes, section.at, end)
    let at = from
    // Two codes of 11 bits are in the 25 that four bytes always give.
    while (at + 1 < to && bit >= stop) {
      const word = view.getUint32((bit - 24) >>> 3, true) >>> (bit & 7)
      const one = entries[(word >>> (24 - log)) & mask] as number
      const two = entries[(word >>> (24 - log - (one & 15))) & mask] as number
      out[at] = one >>> 8
      out[at + 1] = two >>> 8
      at += 2
      bit -= (one & 15) + (two & 15)
    }
    if (at < to && bit >= stop) {
      const word = view.getUint32((bit - 24) >>> 3, true) >>> (bit & 7)
      const one = entries[(word >>> (24 - log)) & mask] as number
      out[at++] = one >>> 8
      bit -= one & 15
    }
    if (bit !== stop || at !== to) throw new ZstdFault("a stream of literals doesn't end where it should")
    section.at = end
  }

  #give(size: number): void {
    this.bytes = this.#decoded
    this.start = 0
    this.end = size
  }
}

function plainSize(section: Section, format: number, most: number): number {
  const { header, bits, shift } = plainFormats[format as 0 | 1 | 2 | 3]
  const size = (section.field(header) >>> shift) & ((1 << bits) - 1)
  if (size > most) throw tooLarge()
  return size
}

function packedSizes(section: Section, format: number): { size: number; packed: number } {
  const { header, bits } = packedFormats[format as 0 | 1 | 2 | 3]
  const sizes = Math.floor(section.field(header) / 16)
  return { size: sizes % 2 ** bits, packed: Math.floor(sizes / 2 ** bits) }
}

function tooLarge(): ZstdFault {
  return new ZstdFault('a block has more literals than it may give')
}
