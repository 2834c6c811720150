/** gzip and zstd for the fuzzer: seeds, and what a mutant must not give. */

import { Gunzip, inflateSync } from 'fflate'
import { gunzip, gzip } from '../../src/codec/gzip.ts'
import { unzstd } from '../../src/codec/zstd.ts'
import { OciError } from '../../src/errors.ts'
import { collect, concat } from '../../src/streams.ts'
import { chunked, seeded } from '../golden/inputs.ts'
import { frame, packedText, repeated, skippable } from '../unit/codec/frames.ts'
import { ascii, member } from '../unit/codec/members.ts'
import { crc32 } from './crc.ts'
import { fixtures } from './fixtures.ts'
import type { Target } from './fuzz.ts'
import type { Mutant } from './mutate.ts'
import { sumOf } from './sum.ts'

/** No seed holds more than this by far: a mutant that gives more is looked at up to here. */
const maxBytes = 1 << 20

/** gzip by our decoder. */
export const gzipTarget: Target = {
  name: 'gzip',
  format: {
    head: 40,
    words: [Uint8Array.of(0x1f, 0x8b, 8, 0), Uint8Array.of(0, 0, 0xff, 0xff), Uint8Array.of(1)],
    mend: mendGzip,
  },
  seeds: async () => {
    const text = seeded(1_200, 9)
    const fields = concat([Uint8Array.of(3, 0, 1, 2, 3), ascii('name\0'), ascii('comment\0')])
    const headed = await member({ content: ascii('a header with all of its fields'), flags: 0x1f, fields })
    return [
      await collect(gzip({ level: 6 }).encode(chunked(text, 100)), { max: maxBytes }),
      await collect(gzip({ level: 0 }).encode(chunked(text, 100)), { max: maxBytes }),
      headed,
      ...(await fixtures()).gzip.filter(isSingleMember),
    ]
  },
  read: async (bytes, pieces) =>
    sumOf(await collect(gunzip(chunked(bytes, pieces), { maxBytes }), { max: maxBytes })),
  judge: async (mutant, result, originals) => sameContent(mutant, result, originals),
}

/** The same by a decoder that looks at no sum, fflate's. */
export const uncheckedGzip: Target = {
  ...gzipTarget,
  read: async bytes => sumOf(uncheckedContent(bytes)),
}

/** What fflate makes of a gzip file. */
export function uncheckedContent(bytes: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = []
  try {
    const stream = new Gunzip(chunk => chunks.push(chunk))
    stream.push(bytes, true)
  } catch (cause) {
    throw new OciError('GZIP_INVALID', { reason: String(cause) })
  }
  return concat(chunks)
}

/** zstd by our decoder, frames with a checksum and without. */
export const zstdTarget: Target = {
  name: 'zstd',
  format: { head: 40, words: [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), Uint8Array.of(0x50, 0x2a, 0x4d, 0x18)] },
  seeds: async () => [
    packedText,
    await frame({ content: ascii('raw and checked') }),
    await frame({
      content: new Uint8Array(3_000).fill(0x61),
      blocks: concat([repeated(1_000), repeated(2_000, true)]),
    }),
    // Without a checksum, which would hide what else is wrong.
    withoutChecksum(packedText),
    concat([skippable(ascii('skipped'), 3), withoutChecksum(packedText)]),
    ...(await fixtures()).zstd,
  ],
  read: async (bytes, pieces) =>
    sumOf(await collect(unzstd(chunked(bytes, pieces), { maxBytes }), { max: maxBytes })),
  judge: async (mutant, result, originals) => {
    if (mutant.origin >= 3 || !isChecked(mutant.bytes)) return undefined
    const fault = sameContent(mutant, result, originals)
    // Some seeds have several frames, and one of them alone is whole, too.
    return fault !== undefined && isPartOf(mutant.bytes, await zstdTarget.seeds()) ? undefined : fault
  },
}

function isPartOf(bytes: Uint8Array, seeds: readonly Uint8Array[]): boolean {
  const part = String(bytes)
  return seeds.some(seed => `,${seed},`.includes(`,${part},`))
}

/** The same by a decoder that doesn't look at checksums: it is told that there are none. */
export const uncheckedZstd: Target = {
  ...zstdTarget,
  read: (bytes, pieces) => zstdTarget.read(unchecked(bytes), pieces),
}

/** The first frame says that it has no checksum, and has none if it is the only one. */
export function unchecked(bytes: Uint8Array): Uint8Array {
  return isChecked(bytes) ? withoutChecksum(bytes) : bytes
}

/**
 * By its CRC-32 and size, or its checksum, a changed file has the content that it had, or is refused. What was put
 * together of two files may be the other one as it was.
 */
function sameContent(
  { origin, mended }: Mutant,
  result: string,
  originals: readonly string[],
): string | undefined {
  if (origin < 0 || mended || originals.includes(result)) return undefined
  return `${result} instead of ${originals[origin]}`
}

function isChecked(bytes: Uint8Array): boolean {
  return bytes[0] === 0x28 && bytes[1] === 0xb5 && ((bytes[4] ?? 0) & 4) !== 0
}

function withoutChecksum(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice(0, -4)
  copy[4] = (copy[4] ?? 0) & ~4
  return copy
}

/** The trailer of what fflate makes of the deflate data: ours must make the same of it, or refuse it. */
function mendGzip(bytes: Uint8Array): Uint8Array {
  try {
    const content = inflateSync(bytes.subarray(10, -8))
    const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8)
    trailer.setUint32(0, crc32(content), true)
    trailer.setUint32(4, content.length, true)
  } catch {
    // Nothing can be made of it.
  }
  return bytes
}

function isSingleMember(bytes: Uint8Array): boolean {
  const isMagic = (byte: number, i: number): boolean =>
    byte === 0x1f && bytes[i + 1] === 0x8b && bytes[i + 2] === 8
  return bytes.subarray(1).findIndex((byte, i) => isMagic(byte, i + 1)) < 0
}
