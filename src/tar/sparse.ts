/** Sparse files, as four generations of GNU tar wrote them: which parts are stored, and how to find out. */

import { OciError } from '../errors.ts'
import { checkLimit } from '../limits.ts'
import type { HeaderSource } from './cursor.ts'
import type { SparsePart } from './entry.ts'
import { tarFault, textOf } from './fault.ts'
import { blockSize, type Header } from './header.ts'
import type { HeaderLimits } from './limits.ts'
import { parseNumber } from './number.ts'
import type { PaxRecord } from './pax.ts'
import type { Records } from './records.ts'

/** A sparse file: its expanded size, and the parts that are stored one after the other. */
export interface SparseMap {
  readonly size: number
  readonly parts: readonly SparsePart[]
}

/** What the reader knows while it looks for a map. */
export interface SparsePlace {
  readonly cursor: HeaderSource
  readonly limits: HeaderLimits
  /** Of the entry's header, in bytes of the tar. */
  readonly offset: number
}

/** A file's headers, and the number of bytes that it has in the tar. */
export interface MaybeSparse {
  readonly block: Uint8Array
  readonly header: Header
  readonly records: Records
  readonly stored: number
}

/** A sparse file as its headers and the head of its body have it. */
export interface SparseFile extends SparseMap {
  /** Its real name, where the header has one made up for readers that don't know. */
  readonly path?: Uint8Array | undefined
  /** Bytes of the body that were the map. */
  readonly taken: number
}

/** The map of a sparse file, checked; `undefined` for an ordinary one. It is read before `block` goes out of date. */
export async function readSparseMap(file: MaybeSparse, place: SparsePlace): Promise<SparseFile | undefined> {
  const { header, records, stored } = file
  if (header.typeflag === 'S') {
    if (!header.isGnu) throw new OciError('UNSUPPORTED', { feature: 'sparse files of another tar than GNU' })
    return checkMap({ ...(await readOldMap(file.block, place)), taken: 0 }, stored, place)
  }
  const version = sparseVersion(records.all)
  if (version === undefined) return undefined
  const path = records.name('GNU.sparse.name')
  if (version !== '1.0')
    return checkMap({ ...mapInRecords(records.own, place), path, taken: 0 }, stored, place)
  const size = decimal(records.all.get('GNU.sparse.realsize'), place)
  return checkMap({ ...(await readBodyMap(stored, place)), size, path }, stored, place)
}

const none = new Uint8Array()

/** Which of the pax forms an entry's records are; `undefined` where it is an ordinary file. */
function sparseVersion(pax: ReadonlyMap<string, Uint8Array>): string | undefined {
  const [major, minor] = [pax.get('GNU.sparse.major'), pax.get('GNU.sparse.minor')]
  if (major !== undefined || minor !== undefined) {
    const version = `${textOf(major ?? none)}.${textOf(minor ?? none)}`
    if (version === '0.0' || version === '0.1' || version === '1.0') return version
    throw new OciError('UNSUPPORTED', { feature: `sparse files of GNU version ${version.slice(0, 20)}` })
  }
  const hasMap = ['GNU.sparse.map', 'GNU.sparse.numblocks', 'GNU.sparse.offset'].some(key => pax.has(key))
  return hasMap ? '0.x' : undefined
}

/** An old GNU header: four parts in it, 21 in each block that follows. */
async function readOldMap(block: Uint8Array, place: SparsePlace): Promise<SparseMap> {
  const size = numberAt(block, 483, place)
  const parts = partsIn(block.subarray(386, 482), place)
  checkCount(parts.length, place)
  for (let more = block[482] !== 0; more; ) {
    const next = await place.cursor.read(blockSize)
    if (next.length < blockSize) throw tarFault('cut short in a sparse map', place.cursor.offset)
    more = next[504] !== 0
    parts.push(...partsIn(next.subarray(0, 504), place))
    checkCount(parts.length, place)
  }
  return { size, parts }
}

function partsIn(bytes: Uint8Array, place: SparsePlace): SparsePart[] {
  const parts: SparsePart[] = []
  // The list ends at the first part without an offset.
  for (let at = 0; at + 24 <= bytes.length && bytes[at] !== 0; at += 24) {
    parts.push({ offset: numberAt(bytes, at, place), size: numberAt(bytes, at + 12, place) })
  }
  return parts
}

/** pax 0.0, one record a number, and 0.1, one list of all numbers. */
function mapInRecords(own: readonly PaxRecord[], place: SparsePlace): SparseMap {
  const last = new Map(own)
  const size = decimal(last.get('GNU.sparse.size') ?? last.get('GNU.sparse.realsize'), place)
  const list = last.get('GNU.sparse.map')
  const numbers =
    list === undefined ? numbersIn(own, place) : textOf(list).split(',', 2 * place.limits.maxSparseParts + 1)
  return { size, parts: paired(list?.length === 0 ? [] : numbers, place) }
}

/** In 0.0 each part's offset comes before its number of bytes. */
function numbersIn(own: readonly PaxRecord[], place: SparsePlace): string[] {
  const keys = ['GNU.sparse.offset', 'GNU.sparse.numbytes']
  const found = own.filter(([key]) => keys.includes(key))
  if (found.some(([key], index) => key !== keys[index % 2])) throw badMap(place)
  return found.map(([, value]) => textOf(value))
}

/** pax 1.0, at the head of the body: a count, then that many pairs, a number a line, filled up to a block. */
async function readBodyMap(stored: number, place: SparsePlace): Promise<Pick<SparseFile, 'parts' | 'taken'>> {
  const lines: string[] = []
  let rest = ''
  let taken = 0
  for (let wanted = 1; lines.length < wanted; ) {
    const block = taken + blockSize > stored ? none : await place.cursor.read(blockSize)
    if (block.length < blockSize) throw badMap(place)
    taken += blockSize
    const texts = (rest + textOf(block)).split('\n')
    rest = texts.pop() ?? ''
    lines.push(...texts)
    // A number has 16 digits at the most: no line fills a block.
    if (texts.length === 0) throw badMap(place)
    const count = parseCount(lines[0] ?? '', place)
    checkCount(count, place)
    wanted = 1 + 2 * count
  }
  return { parts: paired(lines.slice(1, 1 + 2 * parseCount(lines[0] ?? '', place)), place), taken }
}

/** Holds if the parts lie in order inside of the file and fill what is stored; empty parts are left out. */
function checkMap(file: SparseFile, stored: number, place: SparsePlace): SparseFile {
  let end = 0
  let total = 0
  for (const { offset, size } of file.parts) {
    const next = offset + size
    if (offset < end || next > file.size) throw badMap(place)
    end = next
    total += size
  }
  if (total + file.taken !== stored) throw tarFault('a sparse map that is not of its body', place.offset)
  return { ...file, parts: file.parts.filter(({ size }) => size > 0) }
}

function numberAt(bytes: Uint8Array, at: number, place: SparsePlace): number {
  const value = parseNumber(bytes.subarray(at, at + 12))
  if (value === undefined || value < 0) throw badMap(place)
  return value
}

function decimal(value: Uint8Array | undefined, place: SparsePlace): number {
  return parseCount(value === undefined ? '' : textOf(value), place)
}

function parseCount(text: string, place: SparsePlace): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw badMap(place)
  return value
}

function paired(numbers: readonly string[], place: SparsePlace): SparsePart[] {
  checkCount(numbers.length / 2, place)
  if (numbers.length % 2 !== 0) throw badMap(place)
  const parts: SparsePart[] = []
  for (let i = 0; i < numbers.length; i += 2) {
    parts.push({ offset: parseCount(numbers[i] ?? '', place), size: parseCount(numbers[i + 1] ?? '', place) })
  }
  return parts
}

function checkCount(found: number, { limits }: SparsePlace): void {
  checkLimit(limits, 'maxSparseParts', { found: Math.ceil(found) })
}

function badMap({ offset }: SparsePlace): OciError {
  return tarFault('bad sparse map', offset)
}
