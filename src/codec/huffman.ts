/** Huffman decoding tables of deflate (RFC 1951, 3.2.2), refusing the same code sets as zlib. */

/** A symbol's meaning and its code length, packed so that decoding it is one lookup. Zero is no symbol. */
export type Entry = number

/** The packing: value from bit 9, extra bits in bits 4 to 8, code length in bits 0 to 3. */
export const valueShift = 9
export const extraShift = 4
export const extraMask = 31
export const lengthMask = 15
/** Marks a match length and the end of a block; an entry below both is a literal byte. */
export const isMatch: Entry = 1 << 28
export const isEnd: Entry = 1 << 29

/** Codes up to this many bits are found by one lookup; the rare longer ones bit by bit. */
export const rootBits = 10
export const rootMask: number = (1 << rootBits) - 1
const maxBits = 15

/** A decoding table. */
export interface HuffmanTable {
  /** By the next `rootBits` bits: an entry, or 0 for a longer code or none. */
  readonly root: Int32Array
  /** Number of codes of each length. */
  readonly counts: Uint16Array
  /** Symbols in the order of their codes. */
  readonly sorted: Uint16Array
  /** What each symbol means, without its code length. */
  readonly meanings: Int32Array
  /** With so many bits it is known that they are no code: where a set of codes isn't complete, it is a single one. */
  readonly invalidBits: number
}

/** Which incomplete sets of codes are let through, as zlib does it. */
export type Completeness = 'complete' | 'complete-or-single'

/** Room for a table, to be filled again for each block. */
export function huffmanTable(meanings: Int32Array, invalidBits = 1): HuffmanTable {
  return {
    invalidBits,
    root: new Int32Array(1 << rootBits),
    counts: new Uint16Array(maxBits + 1),
    sorted: new Uint16Array(meanings.length),
    meanings,
  }
}

/** Fills a table from the code length of each symbol. False: no valid set of codes. */
export function fillTable(table: HuffmanTable, lengths: Uint8Array, completeness: Completeness): boolean {
  const longest = countLengths(table.counts, lengths)
  table.root.fill(0)
  const left = unusedCodes(table.counts)
  if (left < 0) return false
  // No code at all is allowed until one is needed; one code alone has one bit (RFC 1951, 3.2.7).
  if (left > 0 && longest > 0 && (completeness === 'complete' || longest !== 1)) return false
  sortSymbols(table, lengths)
  fillRoot(table)
  return true
}

/**
 * Decodes a code longer than `rootBits` from the low bits of `bits`. Zero: no such code.
 */
export function longCode(table: HuffmanTable, bits: number): Entry {
  let code = 0
  let first = 0
  let index = 0
  for (let length = 1; length <= maxBits; length++) {
    code |= (bits >>> (length - 1)) & 1
    const count = table.counts[length] as number
    if (code - first < count) return entryOf(table, index + code - first, length)
    index += count
    first = (first + count) << 1
    code <<= 1
  }
  return 0
}

function countLengths(counts: Uint16Array, lengths: Uint8Array): number {
  counts.fill(0)
  let longest = 0
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i] as number
    if (length === 0) continue
    counts[length] = (counts[length] as number) + 1
    if (length > longest) longest = length
  }
  return longest
}

/** How many codes of 15 bits are left over: negative when there are more codes than bits for them. */
function unusedCodes(counts: Uint16Array): number {
  let left = 1
  for (let length = 1; length <= maxBits; length++) {
    left = (left << 1) - (counts[length] as number)
    if (left < 0) return left
  }
  return left
}

function sortSymbols(table: HuffmanTable, lengths: Uint8Array): void {
  const offsets = new Uint16Array(maxBits + 2)
  for (let length = 1; length <= maxBits; length++) {
    offsets[length + 1] = (offsets[length] as number) + (table.counts[length] as number)
  }
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number
    if (length === 0) continue
    const place = offsets[length] as number
    table.sorted[place] = symbol
    offsets[length] = place + 1
  }
}

function fillRoot(table: HuffmanTable): void {
  let code = 0
  let index = 0
  for (let length = 1; length <= rootBits; length++) {
    for (let left = table.counts[length] as number; left > 0; left--) {
      const entry = entryOf(table, index++, length)
      const step = 1 << length
      for (let at = reversed(code++, length); at <= rootMask; at += step) table.root[at] = entry
    }
    code <<= 1
  }
}

function entryOf(table: HuffmanTable, index: number, length: number): Entry {
  const meaning = table.meanings[table.sorted[index] as number] as number
  // A symbol that deflate reserves (286, 287, distances 30 and 31) has a code but no meaning.
  return meaning < 0 ? 0 : meaning | length
}

/** Deflate packs codes from their highest bit on, all else from the lowest. */
function reversed(code: number, length: number): number {
  let result = 0
  for (let i = 0; i < length; i++) result |= ((code >>> i) & 1) << (length - 1 - i)
  return result
}
