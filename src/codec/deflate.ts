/**
 * The one module that owns deflate: one block of `ocidir-gzip-1`, as a pure function that a worker can call.
 *
 * fflate 0.8.3 does the work, pinned exactly: its match finder is part of the format (docs/ocidir-gzip-1.md).
 * Its streaming class has two faults, which this module goes around; `verify.ts` checks every block all the same.
 */

import { Deflate } from 'fflate'
import { OciError } from '../errors.ts'
import { concat, fill } from '../streams.ts'
import { fingerprint, sampleText } from './known.ts'
import { storeBlock } from './stored.ts'

/** Compression levels: 0 stores, 9 is the smallest. */
export type DeflateLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9

/** How a block is deflated. */
export interface DeflateOptions {
  readonly level: DeflateLevel
  /** What comes right before the block: nothing for the first one, else 32 KiB. */
  readonly dictionary: Uint8Array
  /** Ends the stream; another block ends at a byte's border and stays open for the next. */
  readonly last: boolean
}

/**
 * Deflates one block on its own: the same arguments give the same bytes in every runtime and thread. What it gives may be a
 * view that the next one invalidates.
 */
export type DeflateBlock = (block: Uint8Array, options: DeflateOptions) => Uint8Array

/**
 * Deflates one block of `ocidir-gzip-1` by fflate. Throws `UNSUPPORTED` when the fflate that was bundled isn't
 * the one that defines the format.
 */
export const deflateBlock: DeflateBlock = (block, options) => {
  if (options.level === 0) return storeBlock(block, options.last)
  assertKnownFflate()
  return compress(block, options)
}

const nothing = new Uint8Array(0)

function compress(block: Uint8Array, { level, dictionary, last }: DeflateOptions): Uint8Array {
  const stream = streams[level] ?? newStream(level)
  // One that has ended, or failed, is of no more use.
  streams[level] = undefined
  const { deflate, state, made } = stream
  load(state, block, dictionary)
  if (last) {
    deflate.push(nothing, true)
    return concat(made)
  }
  deflate.flush(false)
  made.push(syncMarker(state.s.r ?? 0))
  const deflated = inRoom(made)
  state.b = nothing
  made.length = 0
  streams[level] = stream
  turnOver()
  return deflated
}

/**
 * Makes garbage that costs nothing to clear. V8 clears young garbage away when so many bytes of objects have been made,
 * whatever the buffers are that they hold: fflate leaves 400 KB of buffers behind for each block, and hardly an object, so a
 * thread would keep 30 MB of them.
 */
function turnOver(): void {
  for (let i = 0; i < 500; i++) young[0] = new Array<number>(128).fill(i)
}

const young: unknown[] = []

/** A stream of fflate's. */
interface Stream {
  readonly deflate: Deflate
  /** Its fields, which fflate's types hide. */
  readonly state: FflateState
  /** What it has given. Lists of single blocks would be garbage that V8 takes for old, with all that they hold. */
  readonly made: Uint8Array[]
}

/** By level, for block after block: a new one would come with a buffer of 96 KiB. */
const streams: (Stream | undefined)[] = []

function newStream(level: DeflateLevel): Stream {
  const made: Uint8Array[] = []
  // Without `mem` fflate derives its table size by a logarithm, which engines may round differently.
  const deflate = new Deflate({ level, mem: 4 }, chunk => made.push(chunk))
  // As a stream the class would narrow to `never`.
  const state: object = deflate
  if (!hasKnownState(state)) throw strangeFflate()
  return { deflate, state, made }
}

/**
 * Puts the window into the stream as `deflateSync` lays it out: data from index 0, output from `dictionary` on.
 *
 * The class itself begins at index 32768 of a zeroed buffer and bounds distances by that, so matches reach into
 * zeros before the start, and nobody can inflate the result (fflate issue 260). Its public methods offer no other
 * start for a stream that goes on; `deflateSync` can only end one.
 */
function load(state: FflateState, block: Uint8Array, dictionary: Uint8Array): void {
  state.b = joined(dictionary, block)
  const { s } = state
  s.p = emptied(chains)
  s.h = emptied(heads)
  s.i = 0
  s.w = dictionary.length
  s.z = state.b.length
  s.r = 0
}

// fflate makes these for each stream unless they are there, and they would be most of an encoder's garbage.
const chains = new Uint16Array(32_768)
const heads = new Uint16Array(65_536)

function emptied(table: Uint16Array): Uint16Array {
  return table.fill(0)
}

/** One after the other: as they are, where they stand so in memory. */
function joined(dictionary: Uint8Array, block: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = dictionary
  if (buffer !== block.buffer || byteOffset + length !== block.byteOffset) return concat([dictionary, block])
  return new Uint8Array(buffer, byteOffset, length + block.length)
}

/**
 * The end of a block that others follow: an empty stored block, which ends at a byte's border. Before it come the bits that
 * fill no byte, which the stream keeps with their number for the next chunk; fflate's own marker is broken at two of eight
 * bit offsets (fflate issue 267).
 */
function syncMarker(rest: number): Uint8Array {
  const used = rest & 7
  const partial = (rest >> 3) & ((1 << used) - 1)
  // Three more bits, all zero, are the header of the stored block.
  const marker = used > 5 ? [partial, 0, 0, 0, 0xff, 0xff] : [partial, 0, 0, 0xff, 0xff]
  return Uint8Array.from(marker)
}

// What was made of the block before.
let room = new Uint8Array(0)

/** Joins chunks in memory that is used again. */
function inRoom(chunks: readonly Uint8Array[]): Uint8Array {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  if (room.length < size) room = new Uint8Array(size + (size >>> 2))
  fill(room, chunks)
  return room.subarray(0, size)
}

interface FflateState {
  b: Uint8Array
  readonly s: { i: number; w: number; z: number; r?: number; p?: Uint16Array; h?: Uint16Array }
}

function hasKnownState(deflate: object): deflate is FflateState {
  if (!('b' in deflate && 's' in deflate)) return false
  const { b, s } = deflate
  if (!(b instanceof Uint8Array) || b.length !== 98_304 || typeof s !== 'object' || s === null) return false
  return 'i' in s && s.i === 32_768 && 'w' in s && s.w === 32_768 && 'z' in s && s.z === 32_768
}

function strangeFflate(): OciError<'UNSUPPORTED'> {
  return new OciError('UNSUPPORTED', {
    feature: 'gzip by another fflate than 0.8.3, which defines its bytes',
  })
}

let known = false

/** Known answers, once: an override or a bundler can bring another fflate, whose bytes would have other digests. */
function assertKnownFflate(): void {
  if (known) return
  const text = sampleText(24_000)
  const dictionary = text.subarray(0, 2_000)
  const open = fingerprint(compress(text, { level: 6, dictionary: nothing, last: false }))
  // By the same stream, as most blocks are.
  const again = fingerprint(compress(text.subarray(2_000), { level: 6, dictionary, last: false }))
  const closed = fingerprint(compress(text.subarray(2_000), { level: 1, dictionary, last: true }))
  if (open !== 2_945_114_646 || again !== 2_622_063_720 || closed !== 4_107_667_346) throw strangeFflate()
  known = true
}
