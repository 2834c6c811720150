/** Finite State Entropy: the tables that decode sequences and Huffman weights (RFC 8878, 4.1). */

import { ZstdFault } from './fault.ts'
import type { Section } from './section.ts'

/** A table: of each state its symbol, how many bits are added to get to the next one, and what they are added to. */
export interface FseTable {
  /** Bits of a state. */
  readonly log: number
  /** The symbol, `<< 8` the bits, `<< 16` the base. */
  readonly entries: Int32Array
}

/** What a table may have. */
export interface FseBounds {
  readonly maxLog: number
  readonly maxSymbol: number
}

/** Reads a table's description and makes the table. */
export function readFseTable(section: Section, bounds: FseBounds): FseTable {
  const bits = new ForwardBits(section)
  const log = bits.read(4) + 5
  if (log > bounds.maxLog) throw new ZstdFault('an FSE table is too large')
  const counts = readCounts(bits, log, bounds.maxSymbol)
  section.skip(bits.bytes)
  return fseTable(log, counts)
}

/** The table of a distribution: how many states each symbol has, -1 for less than one. They add up to `1 << log`. */
export function fseTable(log: number, counts: ArrayLike<number>): FseTable {
  const size = 1 << log
  const entries = new Int32Array(size)
  const nextStates = Int32Array.from(counts, Math.abs)
  spread(entries, counts)
  for (let state = 0; state < size; state++) {
    const symbol = entries[state] as number
    const next = nextStates[symbol] as number
    nextStates[symbol] = next + 1
    const bits = log - (31 - Math.clz32(next))
    entries[state] = symbol | (bits << 8) | (((next << bits) - size) << 16)
  }
  return { log, entries }
}

/** The table of a single symbol, which takes no bits. */
export function singleTable(symbol: number): FseTable {
  return { log: 0, entries: Int32Array.of(symbol) }
}

function readCounts(bits: ForwardBits, log: number, maxSymbol: number): Int16Array {
  const counts = new Int16Array(maxSymbol + 1)
  let symbol = 0
  for (let left = 1 << log; left > 0; ) {
    if (symbol > maxSymbol) throw new ZstdFault('an FSE table has too many symbols')
    const count = bits.upTo(left + 1) - 1
    counts[symbol++] = count
    left -= Math.abs(count)
    if (count !== 0) continue
    for (let repeat = 3; repeat === 3; symbol += repeat) repeat = bits.read(2)
  }
  return counts
}

/** Symbols stand in steps that meet every state once; those of less than one state have the last ones. */
function spread(entries: Int32Array, counts: ArrayLike<number>): void {
  const size = entries.length
  const step = (size >> 1) + (size >> 3) + 3
  let high = size
  for (let symbol = 0; symbol < counts.length; symbol++) {
    if (counts[symbol] === -1) entries[--high] = symbol
  }
  let state = 0
  for (let symbol = 0; symbol < counts.length; symbol++) {
    for (let i = 0; i < (counts[symbol] as number); i++) {
      entries[state] = symbol
      do state = (state + step) & (size - 1)
      while (state >= high)
    }
  }
}

/** Bits from the front, the lowest of each byte first. */
class ForwardBits {
  readonly #section: Section
  #bit = 0

  constructor(section: Section) {
    this.#section = section
  }

  /** Bytes that were begun. */
  get bytes(): number {
    return (this.#bit + 7) >>> 3
  }

  read(count: number): number {
    const value = this.#peek(count)
    this.#take(count)
    return value
  }

  /** A number up to `most`: the lower ones take a bit less, as not all values of the larger width are needed. */
  upTo(most: number): number {
    const width = 32 - Math.clz32(most)
    const half = 1 << (width - 1)
    const short = 2 * half - 1 - most
    const value = this.#peek(width)
    const low = value & (half - 1)
    this.#take(low < short ? width - 1 : width)
    if (low < short) return low
    return value < half ? value : value - short
  }

  #peek(count: number): number {
    const { view, at } = this.#section
    return (view.getUint32(at + (this.#bit >>> 3), true) >>> (this.#bit & 7)) & ((1 << count) - 1)
  }

  #take(count: number): void {
    this.#bit += count
    if (this.#section.at + this.bytes > this.#section.end) throw new ZstdFault('an FSE table is cut off')
  }
}
