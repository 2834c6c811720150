/** Zstd frames made by hand: each field as the test wants it (RFC 8878). */

import { createChecksum } from '../../src/codec/zstd/xxhash.ts'
import { concat } from '../../src/streams.ts'

/** What a frame has; all is right unless it is given. */
export interface FrameParts {
  readonly content: Uint8Array
  /** The frame header descriptor: 0x04 a checksum, 0x20 one segment, the highest two bits the size's width. */
  readonly flags?: number
  /** What stands between the descriptor and the first block; a window of 128 KiB if not given. */
  readonly fields?: readonly number[]
  /** Blocks; the content raw, if not given. */
  readonly blocks?: Uint8Array
  readonly checksum?: number
}

/** One frame. */
export async function frame(parts: FrameParts): Promise<Uint8Array> {
  const { content, flags = 4, fields = [7 << 3], blocks = block({ content, last: true }) } = parts
  const header = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, flags, ...fields)
  const checksum = little(parts.checksum ?? (await xxh64(content)), 4)
  return concat([header, blocks, ...(flags & 4 ? [checksum] : [])])
}

/** A frame that decoders skip. */
export function skippable(content: Uint8Array, kind = 0): Uint8Array {
  return concat([little(0x184d2a50 + kind, 4), little(content.length, 4), content])
}

/** One block: raw with its content, or of another type with what stands in it. */
export function block(parts: {
  readonly content: Uint8Array
  readonly type?: 0 | 1 | 2 | 3
  readonly size?: number
  readonly last?: boolean
}): Uint8Array {
  const { content, type = 0, size = content.length, last = false } = parts
  return concat([little((size << 3) | (type << 1) | Number(last), 3), content])
}

/** So many times one byte: four bytes of input. */
export function repeated(size: number, last = false): Uint8Array {
  return block({ content: Uint8Array.of(0x61), type: 1, size, last })
}

/** What `packedText` holds. */
export const text: Uint8Array = new TextEncoder().encode(
  'The quick brown fox jumps over the lazy dog; the lazy dog sleeps, and the quick brown fox runs. '.repeat(
    3,
  ) +
    Array.from({ length: 120 }, (_, i) => `line ${i} of a small text: ${(i * i * 7919) % 1_000_003}\n`).join(
      '',
    ),
)

/** A text by `zstd -19`: Huffman literals in four streams, FSE tables of its own, a size and a checksum. */
export const packedText: Uint8Array = Uint8Array.from(
  atob(
    'KLUv/QRopRUABrt+HlBPCm0P+zb/kX1cIMVnaWRmHZU7U0raA8NUVBVVDZYAagBrAFMb+cwRh1c3ZVq3spN6uayszOas+Xh+2ovDqSKT' +
      'Wtu2QhwerW5QhFci+UyzlLFi1pNJ2bh+PxbJPSR++Ppm53gnABkDHiogHkYiwfBgMRhGAsWQgWhgkBgCFg0SHMbDQNDAMAIsICAQicUg' +
      'oECBYFi4wJAYiAUPwwExQTEWEB5IaDAqKBKMBgoKBwPDwQEGEiIMxIICAZajuqqeRyVENC3ekKau5lesEv0uZSpvpkVjMtKju8p101y1' +
      'rmRLZxxyfznfkIiRJZErt5BPdBWpktGEZKe78djoIq+3VKT7HXcqJxwrhWbv8qGUtiufnUzG3Jv/N9Oq6x5dTUsXXXnG3h6toqlZb71L' +
      '3VwmMXHqbnyjG2tVfzzNWMh1NCmiWWzaGbopudNOs+4nInSXhqiqWHKpZkSm/bFmXMfjbTdicqMZ+Rn1tNnGqD6WOrLvF5UNXSIjSamm' +
      'EqIZlk20WZMSW125zkpXW9Vt/uG15gA6FuLRY/UYbxuh0/RXmTXZvEhK8YgmdLK8utqhyc9FFn004atlJ0Jn14Qu2RcZ/2ch3tKSI7NM' +
      'QtKwIpWzjtyJdkr9M4pwWOkzspYd+aRuNrTz+GaqX+ZHn+FRi+MZIvmLZ/IS5crx/AKA8agRMDExyFZrZw2gWdIYEkjgkAUnBPNL+/8b' +
      'WY9tY56Nv5n1yAkbmuzzNl6fUPIaIVkPlQtM6I06AcLifeZ5/Mm9hLBsED97gFwvr34pmCaVi3aRDksAS/mxP/T7zh4fJTm58/nffX4i' +
      'K9e/eSc3e+Pu97hzKcpi3VDwtzO48Sc/XSNcfw9br0dOoxTd7LGTyUH6JtEm6b7QvlWtblBjcQtwWciiG2wZATYBqL1RphIp+xltUgWd' +
      'aEHb',
  ),
  char => char.charCodeAt(0),
)

/** A number in so many bytes, the lowest first. */
export function little(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256)
}

async function xxh64(bytes: Uint8Array): Promise<number> {
  const hash = await createChecksum()
  hash.reset()
  hash.update(bytes)
  return hash.value()
}
