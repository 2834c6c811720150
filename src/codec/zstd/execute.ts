/** What literals and sequences make: the content of a compressed block (RFC 8878, 3.1.1.4 and 3.1.1.5). */

import { ZstdFault } from './fault.ts'
import type { History } from './history.ts'
import type { Literals } from './literals.ts'
import { type Sequences, tooFarBack, tooLarge } from './sequences.ts'

/** A block's parts, read, and the most that it may give. */
export interface BlockParts {
  readonly literals: Literals
  readonly sequences: Sequences
  readonly most: number
}

/** The last three offsets, which a match may name by their number: one array for a frame. */
export type RecentOffsets = Int32Array

/** What they are when a frame begins. */
export function recentOffsets(): RecentOffsets {
  return Int32Array.of(1, 4, 8)
}

// A loop is faster than a call up to here.
const shortCopy = 32

/** Puts a block's content behind the history, for which there is room. The hot loop: all it touches is a local. */
export function execute(history: History, recent: RecentOffsets, parts: BlockParts): void {
  const { literals, sequences, most } = parts
  const { values, count } = sequences
  const { bytes: out, window } = history
  const { bytes: from } = literals
  const limit = history.end + most
  let at = history.end
  let literal = literals.start
  for (let i = 0; i < count * 3; i += 3) {
    const length = values[i] as number
    const match = values[i + 1] as number
    if (literal + length > literals.end) throw new ZstdFault('sequences use more literals than there are')
    if (at + length + match > limit) throw tooLarge()
    const afterLiterals = at + length
    if (length > shortCopy) out.set(from.subarray(literal, literal + length), at)
    else for (let source = literal; at < afterLiterals; ) out[at++] = from[source++] as number
    literal += length
    at = afterLiterals + match
    const written = values[i + 2] as number
    const offset =
      written > 3 ? pushed(recent, written - 3) : named(recent, length === 0 ? written + 1 : written)
    if (offset <= 0 || offset > afterLiterals || offset > window) throw tooFarBack()
    let source = afterLiterals - offset
    if (match > shortCopy && offset >= match) out.copyWithin(afterLiterals, source, source + match)
    else for (let to = afterLiterals; to < at; ) out[to++] = out[source++] as number
  }
  // What no sequence has used comes last.
  const rest = from.subarray(literal, literals.end)
  if (at + rest.length > limit) throw tooLarge()
  out.set(rest, at)
  history.end = at + rest.length
}

/** A new offset is the first of the recent ones. */
function pushed(recent: RecentOffsets, offset: number): number {
  recent[2] = recent[1] as number
  recent[1] = recent[0] as number
  recent[0] = offset
  return offset
}

/** 1 to 3 name one of the recent offsets, 4 the byte before the first; it becomes the first. */
function named(recent: RecentOffsets, name: number): number {
  const first = recent[0] as number
  if (name === 1) return first
  const offset = name === 4 ? first - 1 : (recent[name - 1] as number)
  if (name !== 2) recent[2] = recent[1] as number
  recent[1] = first
  recent[0] = offset
  return offset
}
