/** The symbols of deflate and what they mean (RFC 1951, 3.2.5 to 3.2.7). */

import {
  extraShift,
  fillTable,
  type HuffmanTable,
  huffmanTable,
  isEnd,
  isMatch,
  valueShift,
} from './huffman.ts'

/** Bytes of the longest match. */
export const longestMatch = 258
/** RFC 1951, 3.2.7: in which order the lengths of the code length codes come. */
export const codeLengthOrder: Uint8Array = new Uint8Array([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
])
/** Code length symbols that repeat: how many extra bits, and from which count on. */
export const repeats: Readonly<Record<number, { readonly bits: number; readonly base: number }>> = {
  16: { bits: 2, base: 3 },
  17: { bits: 3, base: 3 },
  18: { bits: 7, base: 11 },
}

/** Symbols that mean themselves. */
export const plainMeanings: Int32Array = Int32Array.from({ length: 19 }, (_, symbol) => symbol << valueShift)
/** Literals, the end of a block, and match lengths. */
export const literalMeanings: Int32Array = Int32Array.from({ length: 288 }, (_, symbol) =>
  literalMeaning(symbol),
)
/** Match distances. */
export const distanceMeanings: Int32Array = Int32Array.from({ length: 32 }, (_, symbol) =>
  distanceMeaning(symbol),
)

function literalMeaning(symbol: number): number {
  if (symbol < 256) return symbol << valueShift
  if (symbol === 256) return isEnd
  if (symbol > 285) return -1
  if (symbol === 285) return isMatch | (longestMatch << valueShift)
  const step = symbol - 257
  const extra = step < 8 ? 0 : (step >> 2) - 1
  const base = step < 8 ? 3 + step : 3 + ((4 + (step & 3)) << extra)
  return isMatch | (base << valueShift) | (extra << extraShift)
}

function distanceMeaning(symbol: number): number {
  if (symbol > 29) return -1
  const extra = symbol < 4 ? 0 : (symbol >> 1) - 1
  const base = symbol < 4 ? 1 + symbol : 1 + ((2 + (symbol & 1)) << extra)
  return (base << valueShift) | (extra << extraShift)
}

let fixedTables: { readonly literals: HuffmanTable; readonly distances: HuffmanTable } | undefined

/** The tables of fixed blocks (RFC 1951, 3.2.6), made once. */
export function fixed(): { readonly literals: HuffmanTable; readonly distances: HuffmanTable } {
  if (fixedTables !== undefined) return fixedTables
  // Complete, but two codes of each have no meaning.
  const literals = huffmanTable(literalMeanings, 8)
  const distances = huffmanTable(distanceMeanings, 5)
  const lengths = new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280)
  fillTable(literals, lengths, 'complete')
  fillTable(distances, new Uint8Array(32).fill(5), 'complete')
  fixedTables = { literals, distances }
  return fixedTables
}
