/** The bytes of one block, read from the front by fields and from the back by bits. */

import { ZstdFault } from './fault.ts'

/** The most that a block may hold, compressed or not (RFC 8878, 3.1.1.2.4). */
export const largestBlock = 131_072

/** Readable bytes around a block: bits are read four bytes at a time, and a faulty stream a little beyond its start. */
export const margin = 32

/** A block and how far it has been read. */
export class Section {
  readonly bytes: Uint8Array = new Uint8Array(largestBlock + 2 * margin)
  readonly view: DataView = new DataView(this.bytes.buffer)
  at: number = margin
  end: number = margin

  /** Where a block of so many bytes goes; it is then read from its start. */
  begin(size: number): Uint8Array {
    this.at = margin
    this.end = margin + size
    return this.bytes.subarray(this.at, this.end)
  }

  byte(): number {
    return this.bytes[this.skip(1)] as number
  }

  /** A field of one to five bytes, the lowest first. */
  field(size: number): number {
    const start = this.skip(size)
    let value = 0
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (this.bytes[start + i] as number)
    return value
  }

  /** Passes over bytes, and gives where they begin. */
  skip(size: number): number {
    const start = this.at
    if (start + size > this.end) throw new ZstdFault('a block ends too early')
    this.at = start + size
    return start
  }
}

/**
 * Where the bits of a backward stream begin that lies between two bytes: below its highest set bit, which only
 * marks the place (RFC 8878, 4.1). Counted in bits from the first byte of the section; they are read downwards.
 */
export function firstBit(bytes: Uint8Array, start: number, end: number): number {
  const last = end > start ? (bytes[end - 1] as number) : 0
  if (last === 0) throw new ZstdFault('a bit stream has no end mark')
  return end * 8 - 8 + (31 - Math.clz32(last))
}
