/** An entry's headers as bytes: ustar where that has room, pax records for all that it hasn't. */

import { OciError } from '../errors.ts'
import { concat } from '../streams.ts'
import { type TarType, typeflagOf } from './entry.ts'
import { textOf } from './fault.ts'
import { blockSize, paddingOf } from './header.ts'
import type { TarInput } from './input.ts'
import { defaultTarLimits } from './limits.ts'
import { formatOctal } from './number.ts'
import { formatPax, formatTime } from './pax.ts'

/** The headers of an entry whose body has `size` bytes. Throws `ENTRY_INVALID` for what no tar can hold. */
export function encodeHeader(input: TarInput, size: number): Uint8Array {
  const { type = 'file', mtime = 0, mtimeNs = 0 } = input
  const path = pathOf(input)
  const header = new HeaderWriter(textOf(path), type === 'other' ? (input.typeflag ?? '') : typeflagOf(type))
  header.path(path)
  header.octal(100, 8, checked('mode', input.mode ?? defaultMode(type), { max: 0o7777 }))
  header.number(108, 8, { key: 'uid', value: checked('uid', input.uid ?? 0, {}) })
  header.number(116, 8, { key: 'gid', value: checked('gid', input.gid ?? 0, {}) })
  header.number(124, 12, { key: 'size', value: size })
  header.time(checked('mtime', mtime, {}), checked('mtimeNs', mtimeNs, { max: 999_999_999 }))
  if (type === 'symlink' || type === 'hardlink')
    header.name(157, 100, { key: 'linkpath', value: linknameOf(input) })
  header.name(265, 31, { key: 'uname', value: bytesOf(input.uname ?? '') })
  header.name(297, 31, { key: 'gname', value: bytesOf(input.gname ?? '') })
  const isDevice = type === 'char' || type === 'block'
  header.octal(329, 8, isDevice ? checked('devMajor', input.devMajor ?? 0, { max: 0o7777777 }) : 0)
  header.octal(337, 8, isDevice ? checked('devMinor', input.devMinor ?? 0, { max: 0o7777777 }) : 0)
  for (const [name, value] of input.xattrs ?? []) header.record(`${xattrPrefix}${name}`, value)
  for (const [key, value] of input.pax ?? []) if (!hasField(key)) header.record(key, value)
  return header.bytes()
}

/** The path's bytes as they go into the tar: a folder's ends with a slash. */
export function pathOf({ path, rawPath, type }: TarInput): Uint8Array {
  const bytes = rawPath ?? bytesOf(path)
  checkName(bytes, { path: bytes, what: 'path' })
  const endsWithSlash = bytes.at(-1) === slash
  if (type !== 'directory') {
    if (endsWithSlash) throw invalid(bytes, 'only a folder ends with a slash')
    return bytes
  }
  return endsWithSlash ? bytes : concat([bytes, Uint8Array.of(slash)])
}

const encoder = new TextEncoder()
const none = new Uint8Array()
const slash = 0x2f
const xattrPrefix = 'SCHILY.xattr.'
const fieldKeys = new Set(['path', 'linkpath', 'size', 'uid', 'gid', 'uname', 'gname', 'mtime', 'hdrcharset'])

/** A header block while it is filled, and the records that it has no room for. */
class HeaderWriter {
  readonly #path: string
  readonly #block: Uint8Array
  readonly #records = new Map<string, Uint8Array>()

  constructor(path: string, typeflag: string | undefined) {
    this.#path = path
    if (typeflag?.length !== 1 || typeflag > '\x7f')
      throw new TypeError('an entry needs a type, or a typeflag')
    this.#block = new Uint8Array(blockSize)
    this.#text(156, typeflag)
    this.#text(257, 'ustar\x0000')
  }

  path(path: Uint8Array): void {
    const cut = isAscii(path) ? splitPath(path) : undefined
    this.#block.set(cut?.name ?? asciiOf(path, 100))
    if (cut !== undefined) this.#block.set(cut.prefix, 345)
    else this.#records.set('path', path)
  }

  name(at: number, size: number, { key, value }: { key: string; value: Uint8Array }): void {
    if (value.includes(0))
      throw new OciError('ENTRY_INVALID', { path: this.#path, reason: `a NUL in its ${key}` })
    this.#block.set(asciiOf(value, size), at)
    if (value.length > size || !isAscii(value)) this.#records.set(key, value)
  }

  octal(at: number, size: number, value: number): boolean {
    const text = formatOctal(value, size)
    this.#text(at, text ?? `${'0'.repeat(size - 1)}\0`)
    return text !== undefined
  }

  number(at: number, size: number, { key, value }: { key: string; value: number }): void {
    if (!this.octal(at, size, value)) this.#records.set(key, encoder.encode(String(value)))
  }

  time(seconds: number, nanoseconds: number): void {
    const fits = this.octal(136, 12, seconds)
    if (!fits || nanoseconds > 0)
      this.#records.set('mtime', encoder.encode(formatTime({ seconds, nanoseconds })))
  }

  record(key: string, value: Uint8Array): void {
    if (key.includes('=') || key.includes('\0') || key === xattrPrefix || key === '') {
      throw new OciError('ENTRY_INVALID', {
        path: this.#path,
        reason: `no pax record can be named ${JSON.stringify(key)}`,
      })
    }
    this.#records.set(key, value)
  }

  bytes(): Uint8Array {
    const block = withChecksum(this.#block)
    if (this.#records.size === 0) return block
    // Without it a reader may take the names for UTF-8 (POSIX, pax "hdrcharset").
    const names = ['path', 'linkpath'].map(key => this.#records.get(key))
    if (names.some(name => name !== undefined && !isUtf8(name))) {
      this.#records.set('hdrcharset', encoder.encode('BINARY'))
    }
    const records = formatPax(this.#records)
    const { maxRecordSize: max } = defaultTarLimits
    if (records.length > max) {
      throw new OciError('ENTRY_INVALID', {
        path: this.#path,
        reason: `more than ${max} bytes of names and attributes`,
      })
    }
    return concat([
      paxHeader(this.#block, records.length),
      records,
      new Uint8Array(paddingOf(records.length)),
      block,
    ])
  }

  #text(at: number, text: string): void {
    putText(this.#block, at, text)
  }
}

/** The header before pax records: of nobody and no time, so that it depends on nothing but the entry's name. */
function paxHeader(entry: Uint8Array, size: number): Uint8Array {
  const block = new Uint8Array(blockSize)
  const end = entry.indexOf(0)
  const path = entry.subarray(0, end === -1 || end > 100 ? 100 : end)
  const base = path.subarray(path.lastIndexOf(slash, path.length - 2) + 1)
  const text = (at: number, value: string): void => putText(block, at, value)
  text(0, 'PaxHeaders.0/')
  block.set(base.subarray(0, 80), 13)
  text(100, '0000644\x000000000\x000000000\0')
  text(124, `${size.toString(8).padStart(11, '0')}\x0000000000000\0`)
  text(156, 'x')
  text(257, 'ustar\x0000')
  text(329, '0000000\x000000000\0')
  return withChecksum(block)
}

function withChecksum(block: Uint8Array): Uint8Array {
  block.fill(0x20, 148, 156)
  let sum = 0
  for (let i = 0; i < blockSize; i++) sum += block[i] ?? 0
  putText(block, 148, `${sum.toString(8).padStart(6, '0')}\0 `)
  return block
}

/** ASCII alone; an encoder's array for each field would be most of the work. */
function putText(block: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) block[at + i] = text.charCodeAt(i)
}

/** ustar's two halves of a path; `undefined` where it doesn't fit. */
function splitPath(path: Uint8Array): { name: Uint8Array; prefix: Uint8Array } | undefined {
  if (path.length <= 100) return { name: path, prefix: none }
  // The last slash that leaves a prefix of 155 bytes at the most; a folder's own slash doesn't count.
  const at = path.lastIndexOf(slash, Math.min(155, path.length - 2))
  if (at <= 0 || path.length - at - 1 > 100) return undefined
  return { name: path.subarray(at + 1), prefix: path.subarray(0, at) }
}

function linknameOf(input: TarInput): Uint8Array {
  const bytes = input.rawLinkname ?? bytesOf(input.linkname ?? '')
  checkName(bytes, { path: pathOf(input), what: 'linkname' })
  return bytes
}

function checkName(bytes: Uint8Array, { path, what }: { path: Uint8Array; what: string }): void {
  if (bytes.length === 0) throw invalid(path, `its ${what} is empty`)
  if (bytes.includes(0)) throw invalid(path, `a NUL in its ${what}`)
}

/** A caller's number, checked: from `min` (where a `max` is given 0) to `max`. */
function checked(name: string, value: number, { max }: { max?: number }): number {
  const inside = Number.isSafeInteger(value) && (max === undefined || (value >= 0 && value <= max))
  if (!inside) throw new RangeError(`${name} can't be ${value}`)
  return value
}

function defaultMode(type: TarType): number {
  if (type === 'directory') return 0o755
  return type === 'symlink' ? 0o777 : 0o644
}

function hasField(key: string): boolean {
  return fieldKeys.has(key) || key.startsWith(xattrPrefix) || key.startsWith('GNU.sparse.')
}

function bytesOf(name: string | Uint8Array): Uint8Array {
  if (typeof name !== 'string') return name
  return name === '' ? none : encoder.encode(name)
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] ?? 0) >= 0x80) return false
  return true
}

function isUtf8(bytes: Uint8Array): boolean {
  return !textOf(bytes).includes('\ufffd') || encodesTo(bytes)
}

/** U+FFFD may stand in a name itself. */
function encodesTo(bytes: Uint8Array): boolean {
  const again = encoder.encode(textOf(bytes))
  return again.length === bytes.length && again.every((byte, index) => byte === bytes[index])
}

/** What a reader without pax gets to see. */
function asciiOf(bytes: Uint8Array, size: number): Uint8Array {
  const cut = bytes.subarray(0, size)
  return isAscii(cut) ? cut : cut.map(byte => (byte < 0x80 ? byte : 0x5f))
}

function invalid(path: Uint8Array, reason: string): OciError {
  return new OciError('ENTRY_INVALID', { path: textOf(path), reason })
}
