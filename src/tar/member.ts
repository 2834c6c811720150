/** One entry with all the headers that speak of it: pax records, GNU long names, sparse maps. */

import { checkLimit } from '../limits.ts'
import type { HeaderSource } from './cursor.ts'
import { type TarType, typeOf } from './entry.ts'
import { tarFault } from './fault.ts'
import {
  blockSize,
  type Header,
  headerOf,
  isHeader,
  isZero,
  paddingOf,
  sizeIn,
  typeflagIn,
} from './header.ts'
import type { HeaderLimits } from './limits.ts'
import { type PaxRecord, parsePax } from './pax.ts'
import { Records } from './records.ts'
import { readSparseMap, type SparseMap } from './sparse.ts'

/** An entry as its headers tell it; the cursor stands at the first of its `stored` bytes. */
export interface Member {
  readonly header: Header
  readonly records: Records
  /** Of the first header. */
  readonly offset: number
  readonly path: Uint8Array
  readonly linkname: Uint8Array
  readonly type: TarType
  /** Bytes of the body in the tar, and those that fill up its last block. */
  readonly stored: number
  readonly padding: number
  readonly sparse?: SparseMap | undefined
}

/** Reads the headers of a tar, entry by entry. */
export class MemberReader {
  readonly #cursor: HeaderSource
  readonly #limits: HeaderLimits
  #globals: ReadonlyMap<string, Uint8Array> = new Map()
  #headers = 0
  #members = 0

  constructor(cursor: HeaderSource, limits: HeaderLimits) {
    this.#cursor = cursor
    this.#limits = limits
  }

  /** The next entry; `undefined` at the end of the tar. The body before it must have been passed over. */
  async next(): Promise<Member | undefined> {
    const offset = this.#cursor.offset
    let told: Told = { offset, own: [] }
    for (;;) {
      const at = this.#cursor.offset
      const block = await this.#header()
      if (block === undefined) {
        if (told.pending) throw tarFault('ends after a header that speaks of the next', at)
        return undefined
      }
      const typeflag = typeflagIn(block)
      if (typeflag === 'g') this.#addGlobals(await this.#records(block, at))
      else if (typeflag === 'x' || typeflag === 'X')
        told = { ...told, own: await this.#records(block, at), pending: true }
      else if (typeflag === 'L')
        told = { ...told, path: nameIn(await this.#special(block, at), at), pending: true }
      else if (typeflag === 'K')
        told = { ...told, linkname: nameIn(await this.#special(block, at), at), pending: true }
      else return this.#member(block, at, told)
    }
  }

  /** A block that is a header; `undefined` at the end: two zero blocks, one with nothing behind it, or no bytes. */
  async #header(): Promise<Uint8Array | undefined> {
    const offset = this.#cursor.offset
    const block = await this.#cursor.read(blockSize)
    if (block.length === 0) return undefined
    if (block.length < blockSize) throw tarFault('cut short in a header', this.#cursor.offset)
    if (isZero(block)) {
      // What follows a lone zero block is seen by some readers and not by others: nothing may hide there.
      if (isZero(await this.#cursor.read(blockSize))) return undefined
      throw tarFault('a lone zero block', offset)
    }
    if (!isHeader(block)) throw tarFault('bad checksum of a header', offset)
    // An entry has four headers at the most, so a tar of nothing but headers is bounded, too.
    this.#count(++this.#headers / 4)
    return block
  }

  async #member(block: Uint8Array, at: number, told: Told): Promise<Member> {
    this.#count(++this.#members)
    const header = headerOf(block, at)
    const records = new Records(this.#globals, told.own, { offset: at })
    const path = told.path ?? records.name('path') ?? header.path
    const linkname = told.linkname ?? records.name('linkpath') ?? header.linkname
    const type = typeOf(header.typeflag, path)
    const size = records.number('size') ?? header.size
    if (size < 0) throw tarFault('negative size', at, path)
    const member = { header, records, offset: told.offset, path, linkname, type }
    if (type === 'file') {
      const place = { cursor: this.#cursor, limits: this.#limits, offset: at }
      const sparse = await readSparseMap({ block, header, records, stored: size }, place)
      const stored = size - (sparse?.taken ?? 0)
      return { ...member, path: sparse?.path ?? path, stored, padding: paddingOf(size), sparse }
    }
    const hasBody = size > 0 && (type === 'other' || (type === 'hardlink' && !(await this.#atHeader())))
    return { ...member, stored: hasBody ? size : 0, padding: hasBody ? paddingOf(size) : 0 }
  }

  /**
   * A hard link's size may be its target's (then no body follows: GNU tar, Go, Python) or that of a body of its own
   * (pax). Where a header or the end follows, it is the former, and so all readers see the same entries.
   */
  async #atHeader(): Promise<boolean> {
    const next = await this.#cursor.peek(blockSize)
    return next.length < blockSize ? next.length === 0 : isZero(next) || isHeader(next)
  }

  async #records(block: Uint8Array, offset: number): Promise<PaxRecord[]> {
    return parsePax(await this.#special(block, offset), offset + blockSize)
  }

  /** The body of a header that speaks of the next: valid until more is read. */
  async #special(block: Uint8Array, offset: number): Promise<Uint8Array> {
    const size = sizeIn(block, offset)
    this.#checkRecords(size)
    const bytes = await this.#cursor.read(size + paddingOf(size))
    if (bytes.length < size) throw tarFault('cut short in a header', this.#cursor.offset)
    return bytes.subarray(0, size)
  }

  #addGlobals(records: readonly PaxRecord[]): void {
    const globals = new Map([...this.#globals, ...records])
    let size = 0
    for (const [key, value] of globals) {
      if (value.length === 0) globals.delete(key)
      else size += key.length + value.length
    }
    this.#checkRecords(size)
    checkLimit(this.#limits, 'maxGlobalRecords', { found: globals.size })
    this.#globals = globals
  }

  #checkRecords(size: number): void {
    checkLimit(this.#limits, 'maxRecordSize', { found: size })
  }

  #count(entries: number): void {
    checkLimit(this.#limits, 'maxEntries', { found: Math.ceil(entries) })
  }
}

/** What the headers before an entry's own said of it. */
interface Told {
  readonly offset: number
  readonly own: readonly PaxRecord[]
  readonly path?: Uint8Array
  readonly linkname?: Uint8Array
  readonly pending?: boolean
}

/** A GNU long name: it ends at a NUL, and only NULs may come after. */
function nameIn(bytes: Uint8Array, offset: number): Uint8Array {
  const end = bytes.indexOf(0)
  if (end === -1) return bytes.slice()
  if (!isZero(bytes.subarray(end))) throw tarFault('a NUL in a long name', offset)
  return bytes.slice(0, end)
}
