/** The sequences of a compressed block: so many literals, then a match (RFC 8878, 3.1.1.3.2). */

import { ZstdFault } from './fault.ts'
import { type FseTable, readFseTable, singleTable } from './fse.ts'
import { firstBit, largestBlock, type Section } from './section.ts'
import { type CodeKind, codeKinds, literalLengths, matchLengths } from './symbols.ts'

type Tables = readonly [literal: FseTable, offset: FseTable, match: FseTable]

/** Reads sequences; what blocks of a frame hand on to the next ones is kept here. */
export class Sequences {
  /** Of each sequence: how many literals, the length of the match, and its offset as it is written. */
  values: Int32Array = new Int32Array(0)
  count = 0
  #tables: Tables | undefined

  /** A new frame. */
  reset(): void {
    this.#tables = undefined
  }

  /** Reads the rest of a block, which may give `most` bytes. */
  read(section: Section, most: number): void {
    this.count = countOf(section)
    if (this.count === 0) {
      if (section.at !== section.end) throw new ZstdFault('other bytes follow the literals of a block')
      return
    }
    // A match has three bytes.
    if (this.count * 3 > most) throw tooLarge()
    this.#tables = readTables(section, this.#tables)
    if (this.values.length === 0) this.values = new Int32Array(largestBlock)
    this.#decode(section, this.#tables)
  }

  /** The hot loop: everything it touches is a local. */
  #decode(section: Section, [literalTable, offsetTable, matchTable]: Tables): void {
    const { view } = section
    const { values } = this
    const [literals, offsets, matches] = [literalTable.entries, offsetTable.entries, matchTable.entries]
    const { bases: literalBases, bits: literalBits } = literalLengths
    const { bases: matchBases, bits: matchBits } = matchLengths
    const stop = section.at * 8
    const end = this.count * 3
    let bit = firstBit(section.bytes, section.at, section.end) - literalTable.log
    let literalState = bitsAt(view, bit, literalTable.log)
    bit -= offsetTable.log
    let offsetState = bitsAt(view, bit, offsetTable.log)
    bit -= matchTable.log
    let matchState = bitsAt(view, bit, matchTable.log)
    for (let i = 0; bit >= stop; ) {
      const offset = offsets[offsetState] as number
      const match = matches[matchState] as number
      const literal = literals[literalState] as number
      let width = offset & 255
      bit -= width
      if (width > 24) values[i + 2] = wideOffset(view, bit, width)
      else values[i + 2] = (1 << width) + bitsAt(view, bit, width)
      width = matchBits[match & 255] as number
      bit -= width
      let length = matchBases[match & 255] as number
      values[i + 1] = width === 0 ? length : length + bitsAt(view, bit, width)
      width = literalBits[literal & 255] as number
      bit -= width
      length = literalBases[literal & 255] as number
      values[i] = width === 0 ? length : length + bitsAt(view, bit, width)
      i += 3
      // The last sequence takes no bits for a next state.
      if (i === end) break
      width = (literal >>> 8) & 255
      bit -= width
      literalState = (literal >>> 16) + bitsAt(view, bit, width)
      width = (match >>> 8) & 255
      bit -= width
      matchState = (match >>> 16) + bitsAt(view, bit, width)
      width = (offset >>> 8) & 255
      bit -= width
      offsetState = (offset >>> 16) + bitsAt(view, bit, width)
    }
    if (bit !== stop) throw new ZstdFault("the bits of the sequences don't end where the block begins")
  }
}

/** The fault of a block that would pass the bound of its frame. */
export function tooLarge(): ZstdFault {
  return new ZstdFault('a block gives more than its frame allows')
}

/** The fault of a match from where there is nothing, or no longer anything. */
export function tooFarBack(): ZstdFault {
  return new ZstdFault('a match reaches back beyond the window or the start')
}

function countOf(section: Section): number {
  const first = section.byte()
  if (first < 128) return first
  return first < 255 ? ((first - 128) << 8) + section.byte() : section.field(2) + 0x7f00
}

function readTables(section: Section, before: Tables | undefined): Tables {
  const modes = section.byte()
  if ((modes & 3) !== 0) throw new ZstdFault('reserved bits of a block are set')
  const [literal, offset, match] = codeKinds
  return [
    readTable(section, literal, { mode: modes >> 6, before: before?.[0] }),
    readTable(section, offset, { mode: (modes >> 4) & 3, before: before?.[1] }),
    readTable(section, match, { mode: (modes >> 2) & 3, before: before?.[2] }),
  ]
}

function readTable(
  section: Section,
  kind: CodeKind,
  { mode, before }: { mode: number; before: FseTable | undefined },
): FseTable {
  if (mode === 0) return kind.predefined()
  if (mode === 2) return readFseTable(section, kind)
  if (mode === 1) {
    const symbol = section.byte()
    if (symbol > kind.maxSymbol) throw new ZstdFault(`there is no such ${kind.name} code`)
    return singleTable(symbol)
  }
  if (before === undefined) throw new ZstdFault(`${kind.name} codes need the table of an earlier block`)
  return before
}

/** Up to 25 bits that stand from `bit` on. */
function bitsAt(view: DataView, bit: number, count: number): number {
  return (view.getUint32(bit >>> 3, true) >>> (bit & 7)) & ((1 << count) - 1)
}

/** An offset of more bits than four bytes always give; the largest one is beyond any window. */
function wideOffset(view: DataView, bit: number, width: number): number {
  if (width > 30) throw tooFarBack()
  const low = bitsAt(view, bit, 16)
  return (1 << width) + low + bitsAt(view, bit + 16, width - 16) * 65_536
}
