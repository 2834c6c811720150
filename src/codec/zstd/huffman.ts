/** The Huffman codes of literals (RFC 8878, 4.2). */

import { ZstdFault } from './fault.ts'
import { readFseTable } from './fse.ts'
import { firstBit, type Section } from './section.ts'

/** A code as a table: of each value of `log` bits the symbol `<< 8`, and how many of the bits are its own. */
export interface HuffmanTable {
  readonly log: number
  readonly entries: Uint16Array
}

/** RFC 8878, 4.2.1: "maximum number of bits". */
const longestCode = 11

/** Reads a code's description and makes its table. */
export function readHuffmanTable(section: Section): HuffmanTable {
  const header = section.byte()
  const weights = header < 128 ? readPackedWeights(section, header) : readPlainWeights(section, header - 127)
  const log = completed(weights)
  return { log, entries: entriesOf(weights, log) }
}

/** Four bits each. */
function readPlainWeights(section: Section, count: number): number[] {
  const start = section.skip((count + 1) >> 1)
  return Array.from({ length: count }, (_, i) => {
    const pair = section.bytes[start + (i >> 1)] as number
    return i % 2 === 0 ? pair >> 4 : pair & 15
  })
}

/** By two FSE states that take turns, until their bits run out (4.2.1.2). */
function readPackedWeights(section: Section, size: number): number[] {
  const { end } = section
  section.end = section.skip(size) + size
  section.at -= size
  const { log, entries } = readFseTable(section, { maxLog: 6, maxSymbol: 255 })
  const read = backwardBits(section)
  const [first, second] = [read(log), read(log)]
  if (first === undefined || second === undefined)
    throw new ZstdFault('a Huffman code ends before its first weights')
  const states = [first, second]
  const weights: number[] = []
  for (let turn = 0; ; turn ^= 1) {
    if (weights.length > 253) throw new ZstdFault('a Huffman code has too many weights')
    const entry = entries[states[turn] as number] as number
    const more = read((entry >>> 8) & 255)
    weights.push(entry & 255)
    if (more === undefined) {
      weights.push((entries[states[turn ^ 1] as number] as number) & 255)
      break
    }
    states[turn] = (entry >>> 16) + more
  }
  section.at = section.end
  section.end = end
  return weights
}

/** Reads bits from the end of a section to where it has been read; `undefined` when there are too few. */
function backwardBits({ bytes, view, at, end }: Section): (count: number) => number | undefined {
  let bit = firstBit(bytes, at, end)
  return count => {
    bit -= count
    if (bit < at * 8) return undefined
    return (view.getUint32(bit >>> 3, true) >>> (bit & 7)) & ((1 << count) - 1)
  }
}

/** Adds the last weight, which isn't written as it makes the code complete; gives the bits of the longest code. */
function completed(weights: number[]): number {
  let total = 0
  for (const weight of weights) {
    if (weight > longestCode) throw new ZstdFault('a Huffman code is too long')
    total += (1 << weight) >> 1
  }
  if (total === 0) throw new ZstdFault('a Huffman code has no symbols')
  const log = 32 - Math.clz32(total)
  if (log > longestCode) throw new ZstdFault('a Huffman code is too long')
  const rest = (1 << log) - total
  if ((rest & (rest - 1)) !== 0) throw new ZstdFault('a Huffman code is not complete')
  weights.push(32 - Math.clz32(rest))
  return log
}

/** The longest codes come first; of one length, as their symbols stand. */
function entriesOf(weights: readonly number[], log: number): Uint16Array {
  const entries = new Uint16Array(1 << log)
  let start = 0
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, own] of weights.entries()) {
      if (own !== weight) continue
      const next = start + (1 << (weight - 1))
      entries.fill((symbol << 8) | (log + 1 - weight), start, next)
      start = next
    }
    if (weight === 1 && start < 2) throw new ZstdFault('a Huffman code is shorter than it says')
  }
  return entries
}
