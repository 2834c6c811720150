/** The 512 bytes that stand before each body: v7, ustar, GNU's and star's layouts of them. */

import { equalBytes } from '../streams.ts'
import { tarFault } from './fault.ts'
import { parseNumber } from './number.ts'

/** A tar is made of blocks of 512 bytes. */
export const blockSize = 512

/** A header as it stands, before pax records and long names have their say. All bytes are copies. */
export interface Header {
  readonly isGnu: boolean
  readonly typeflag: string
  readonly path: Uint8Array
  readonly linkname: Uint8Array
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly uname: Uint8Array
  readonly gname: Uint8Array
  readonly devMajor: number
  readonly devMinor: number
}

/** Bytes that fill up the last block of a body. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize
}

/** Nothing but NULs: two such blocks end a tar. */
export function isZero(block: Uint8Array): boolean {
  for (const byte of block) if (byte !== 0) return false
  return true
}

/** Tells whether a block's checksum is right. Some old writers summed signed bytes. */
export function isHeader(block: Uint8Array): boolean {
  if (block.length !== blockSize) return false
  const expected = parseNumber(block.subarray(148, 156))
  let unsigned = 8 * 0x20
  let high = 0
  for (let i = 0; i < blockSize; i++) {
    if (i === 148) i = 156
    const byte = block[i] ?? 0
    unsigned += byte
    high += byte >> 7
  }
  return expected === unsigned || expected === unsigned - 256 * high
}

/** The one character that says what the header is for. */
export function typeflagIn(block: Uint8Array): string {
  return String.fromCharCode(block[156] ?? 0)
}

/** The number of bytes that follow a header, as it says itself. */
export function sizeIn(block: Uint8Array, offset: number): number {
  const size = numberIn(block, fields.size, offset)
  if (size < 0) throw tarFault('negative size', offset, stringIn(block, 0, 100))
  return size
}

/** Reads a header whose checksum is right. Throws `TAR_INVALID` where a number isn't one. */
export function headerOf(block: Uint8Array, offset: number): Header {
  const format = formatOf(block)
  const typeflag = typeflagIn(block)
  const isDevice = format !== 'v7' && (typeflag === '3' || typeflag === '4')
  return {
    isGnu: format === 'gnu',
    typeflag,
    path: pathIn(block, format),
    linkname: stringIn(block, 157, 100),
    mode: numberIn(block, fields.mode, offset) & 0o7777,
    uid: numberIn(block, fields.uid, offset),
    gid: numberIn(block, fields.gid, offset),
    size: sizeIn(block, offset),
    mtime: numberIn(block, fields.mtime, offset),
    uname: format === 'v7' ? new Uint8Array() : stringIn(block, 265, 32),
    gname: format === 'v7' ? new Uint8Array() : stringIn(block, 297, 32),
    // Writers leave anything in the fields of what isn't a device.
    devMajor: isDevice ? numberIn(block, fields.devMajor, offset) : 0,
    devMinor: isDevice ? numberIn(block, fields.devMinor, offset) : 0,
  }
}

type Format = 'v7' | 'ustar' | 'gnu' | 'star'
interface Field {
  readonly name: string
  readonly at: number
  readonly size: number
}

const fields = {
  mode: { name: 'mode', at: 100, size: 8 },
  uid: { name: 'uid', at: 108, size: 8 },
  gid: { name: 'gid', at: 116, size: 8 },
  size: { name: 'size', at: 124, size: 12 },
  mtime: { name: 'mtime', at: 136, size: 12 },
  devMajor: { name: 'device number', at: 329, size: 8 },
  devMinor: { name: 'device number', at: 337, size: 8 },
} as const

const ustarMagic = Uint8Array.of(0x75, 0x73, 0x74, 0x61, 0x72, 0)
const gnuMagic = Uint8Array.of(0x75, 0x73, 0x74, 0x61, 0x72, 0x20, 0x20, 0)
const starTrailer = Uint8Array.of(0x74, 0x61, 0x72, 0)

function formatOf(block: Uint8Array): Format {
  if (equalBytes(block.subarray(257, 265), gnuMagic)) return 'gnu'
  if (!equalBytes(block.subarray(257, 263), ustarMagic)) return 'v7'
  return equalBytes(block.subarray(508), starTrailer) ? 'star' : 'ustar'
}

function pathIn(block: Uint8Array, format: Format): Uint8Array {
  const name = stringIn(block, 0, 100)
  const prefix = prefixIn(block, format)
  if (prefix.length === 0) return name
  const path = new Uint8Array(prefix.length + 1 + name.length)
  path.set(prefix)
  path[prefix.length] = 0x2f
  path.set(name, prefix.length + 1)
  return path
}

function prefixIn(block: Uint8Array, format: Format): Uint8Array {
  if (format === 'ustar') return stringIn(block, 345, 155)
  if (format === 'star') return stringIn(block, 345, 131)
  if (format === 'v7') return new Uint8Array()
  // GNU keeps two times where ustar has its prefix. Go before 1.8, and so many an old image, put a prefix there.
  const times = [block.subarray(345, 357), block.subarray(357, 369)]
  if (times.every(time => time[0] === 0 || parseNumber(time) !== undefined)) return new Uint8Array()
  const prefix = stringIn(block, 345, 155)
  return prefix.every(byte => byte < 0x80) ? prefix : new Uint8Array()
}

function numberIn(block: Uint8Array, { name, at, size }: Field, offset: number): number {
  const value = parseNumber(block.subarray(at, at + size))
  if (value === undefined) throw tarFault(`bad ${name} in a header`, offset, stringIn(block, 0, 100))
  return value
}

/** A copy of the bytes up to a NUL: a view would keep the source's whole chunk in memory. */
function stringIn(block: Uint8Array, at: number, size: number): Uint8Array {
  const end = block.indexOf(0, at)
  return block.slice(at, end === -1 || end > at + size ? at + size : end)
}
