/** Tars made by hand, byte by byte: nothing of `src/tar` is used to make them. */

import type { ByteSource } from '../../src/streams.ts'
import { concat } from '../../src/streams.ts'
import type { TarEntry } from '../../src/tar/entry.ts'
import { type ReadTarOptions, readTar } from '../../src/tar/index.ts'

/** The bytes of a text. */
export const text = (value: string): Uint8Array => new TextEncoder().encode(value)
/** One byte for each character. */
export const latin1 = (value: string): Uint8Array => Uint8Array.from(value, c => c.charCodeAt(0))
/** The text of bytes. */
export const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** The fields of a raw header; each may be any bytes. */
export interface RawHeader {
  name?: string | Uint8Array
  mode?: string | Uint8Array
  uid?: string | Uint8Array
  gid?: string | Uint8Array
  size?: number | string | Uint8Array
  mtime?: number | string | Uint8Array
  checksum?: string
  type?: string
  linkname?: string | Uint8Array
  magic?: string
  uname?: string
  gname?: string
  major?: string | Uint8Array
  minor?: string | Uint8Array
  prefix?: string | Uint8Array
  /** Any bytes at any place. */
  at?: Readonly<Record<number, string | Uint8Array>>
  signed?: boolean
}

/** What a header of GNU's has for its magic. */
export const gnuMagic = 'ustar  \0'
/** That of POSIX. */
export const ustarMagic = 'ustar\x0000'

/** A header block with its checksum. */
export function header(fields: RawHeader): Uint8Array {
  const block = new Uint8Array(512)
  const put = (at: number, value: string | Uint8Array | undefined): void => {
    if (value !== undefined) block.set(typeof value === 'string' ? latin1(value) : value, at)
  }
  const octal = (value: number | string | Uint8Array): string | Uint8Array =>
    typeof value === 'number' ? `${value.toString(8).padStart(11, '0')}\0` : value
  put(0, fields.name ?? 'file')
  put(100, fields.mode ?? '0000644\0')
  put(108, fields.uid ?? '0000000\0')
  put(116, fields.gid ?? '0000000\0')
  put(124, octal(fields.size ?? 0))
  put(136, octal(fields.mtime ?? 0))
  put(156, fields.type ?? '0')
  put(157, fields.linkname)
  put(257, fields.magic ?? ustarMagic)
  put(265, fields.uname)
  put(297, fields.gname)
  put(329, fields.major)
  put(337, fields.minor)
  put(345, fields.prefix)
  for (const [at, value] of Object.entries(fields.at ?? {})) put(Number(at), value)
  block.fill(0x20, 148, 156)
  const bytes = fields.signed ? new Int8Array(block.buffer) : block
  let sum = 0
  for (const byte of bytes) sum += byte
  put(148, fields.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `)
  return block
}

/** A header and a body, filled up to whole blocks. The header's size is the body's unless it is given. */
export function member(fields: RawHeader, body: string | Uint8Array = ''): Uint8Array {
  const bytes = typeof body === 'string' ? text(body) : body
  const padding = new Uint8Array((512 - (bytes.length % 512)) % 512)
  return concat([header({ size: bytes.length, ...fields }), bytes, padding])
}

/** A pax header with these records, in this order. */
export function pax(records: readonly (readonly [string, string | Uint8Array])[], type = 'x'): Uint8Array {
  const parts = records.map(([key, value]) => record(key, typeof value === 'string' ? text(value) : value))
  return member({ name: 'PaxHeaders/x', type }, concat(parts))
}

/** One record of a pax header, with its own length. */
export function record(key: string, value: Uint8Array): Uint8Array {
  const rest = text(`${key}=`).length + value.length + 2
  let length = rest + 1
  while (length !== rest + String(length).length) length++
  return concat([text(`${length} ${key}=`), value, text('\n')])
}

/** Members and the two blocks at the end. */
export function tar(...members: readonly Uint8Array[]): Uint8Array {
  return concat([...members, new Uint8Array(1024)])
}

/** A number in base 256 that fills `size` bytes. */
export function base256(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let rest = BigInt.asUintN(8 * size, value)
  for (let i = size - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  bytes[0] = (bytes[0] ?? 0) | 0x80
  return bytes
}

/** An entry with its body. */
export interface Whole extends Omit<TarEntry, 'body'> {
  readonly bytes: Uint8Array
}

/** Every entry with its body. */
export async function readAll(source: ByteSource, options?: ReadTarOptions): Promise<Whole[]> {
  const all: Whole[] = []
  for await (const { body, ...entry } of readTar(source, options))
    all.push({ ...entry, bytes: await bytesOf(body) })
  return all
}

/** The only entry of a tar. */
export async function readOne(source: ByteSource, options?: ReadTarOptions): Promise<Whole> {
  const [only, ...more] = await readAll(source, options)
  if (only === undefined || more.length > 0) throw new Error('expected one entry')
  return only
}

/** All bytes of chunks. */
export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk.slice())
  return concat(chunks)
}

/** The same bytes in chunks of these sizes, over and over. */
export async function* inChunks(bytes: Uint8Array, ...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield bytes.slice(at, at + size)
    at += size
  }
}
