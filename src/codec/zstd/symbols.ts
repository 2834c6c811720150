/** What the codes of sequences mean, and how often they come where a block doesn't say (RFC 8878, 3.1.1.3.2). */

import { type FseBounds, type FseTable, fseTable } from './fse.ts'

/** One of the three kinds of code. */
export interface CodeKind extends FseBounds {
  readonly name: string
  /** The table that stands for none. */
  readonly predefined: () => FseTable
}

/** A code's value is its base and as many bits more. */
export interface CodeMeanings {
  readonly bases: Int32Array
  readonly bits: Uint8Array
}

/** How many literals are copied: 0 to 15 as they are, then more and more bits. */
export const literalLengths: CodeMeanings = meanings(0, [
  ...new Array<number>(16).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
])

/** How long the match behind them is: from 3. */
export const matchLengths: CodeMeanings = meanings(3, [
  ...new Array<number>(32).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
])

/** In the order in which a block describes them: literal lengths, offsets, match lengths. */
export const codeKinds: readonly [CodeKind, CodeKind, CodeKind] = [
  {
    name: 'literal length',
    maxLog: 9,
    maxSymbol: 35,
    predefined: once(() => [
      6,
      [
        ...[4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2],
        ...[2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
      ],
    ]),
  },
  {
    name: 'offset',
    maxLog: 8,
    maxSymbol: 31,
    predefined: once(() => [
      5,
      [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    ]),
  },
  {
    name: 'match length',
    maxLog: 9,
    maxSymbol: 52,
    predefined: once(() => [
      6,
      [1, 4, 3, 2, 2, 2, 2, 2, 2, ...new Array<number>(37).fill(1), -1, -1, -1, -1, -1, -1, -1],
    ]),
  },
]

function meanings(from: number, bits: readonly number[]): CodeMeanings {
  let base = from
  const bases = Int32Array.from(bits, count => {
    base += 1 << count
    return base - (1 << count)
  })
  return { bases, bits: Uint8Array.from(bits) }
}

/** Made when it is first needed, and kept. */
function once(parts: () => [log: number, counts: number[]]): () => FseTable {
  let table: FseTable | undefined
  return () => {
    table ??= fseTable(...parts())
    return table
  }
}
