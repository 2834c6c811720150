/** Gzip members made by hand: each field as the test wants it. */

import { createCrc32 } from '../../src/codec/crc32.ts'
import { concat } from '../../src/streams.ts'

/** What a member has; all is right unless it is given. */
export interface MemberParts {
  readonly content: Uint8Array
  readonly flags?: number
  /** What stands between the ten fixed bytes and the header's CRC. */
  readonly fields?: Uint8Array
  readonly headerCrc?: number
  readonly method?: number
  readonly crc?: number
  readonly size?: number
  /** Deflate data; the content stored, if not given. */
  readonly deflated?: Uint8Array
}

/** One member. */
export async function member(parts: MemberParts): Promise<Uint8Array> {
  const { content, flags = 0, fields = new Uint8Array(0), method = 8, deflated = stored(content) } = parts
  const header = concat([Uint8Array.of(0x1f, 0x8b, method, flags, 1, 2, 3, 4, 0, 3), fields])
  const headerCrc = parts.headerCrc ?? (await crc32(header)) & 0xffff
  const trailer = [little(parts.crc ?? (await crc32(content)), 4), little(parts.size ?? content.length, 4)]
  return concat([header, ...(flags & 2 ? [little(headerCrc, 2)] : []), deflated, ...trailer])
}

/** Stored deflate blocks, the last one final. */
export function stored(content: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let at = 0; at < content.length || at === 0; at += 60_000) {
    const piece = content.subarray(at, at + 60_000)
    const last = at + 60_000 >= content.length ? 1 : 0
    blocks.push(Uint8Array.of(last), little(piece.length, 2), little(piece.length ^ 0xffff, 2), piece)
  }
  return concat(blocks)
}

/** The bytes of a text. */
export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

async function crc32(bytes: Uint8Array): Promise<number> {
  const crc = await createCrc32()
  crc.update(bytes)
  return crc.take()
}

function little(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256)
}
