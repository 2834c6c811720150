/// <reference types="vite/client" />
/** The inputs of the golden digests, made again by each run: seeded noise of all kinds, and a real text. */

import { noise, seeded } from '../suites/seeded-bytes.ts'
import licence from './apache-2.0.txt?raw'

export { chunked, noise, prng, seeded } from '../suites/seeded-bytes.ts'

/** Inputs by the names that `ocidir-gzip-1.json` and `ocidir-gzip-2.json` have. */
export const inputs: Readonly<Record<string, () => Uint8Array>> = {
  empty: () => new Uint8Array(0),
  'one byte': () => Uint8Array.of(0x61),
  'issue 260': () => fromHex('0000000000007c00a00100000000000000000000'),
  'licence 11 KB': () => new TextEncoder().encode(licence),
  'licences as tar 700 KB': licencesAsTar,
  'zeros 1 MiB': () => new Uint8Array(1_048_576),
  'noise 300000': () => noise(300_000, 7),
  ...Object.fromEntries(
    [100, 32_767, 32_768, 32_769, 65_535, 262_143, 262_144, 262_145, 524_288, 700_001].map(size => [
      `seeded ${size}`,
      () => seeded(size, size),
    ]),
  ),
}

/** Inputs by the names that `ocidir-zstd-1.json` has: those of gzip, and some around the end of a frame. */
export const zstdInputs: Readonly<Record<string, () => Uint8Array>> = {
  ...inputs,
  ...Object.fromEntries(
    [2_097_151, 2_097_152, 2_097_153, 4_194_304, 5_000_000].map(size => [
      `seeded ${size}`,
      () => seeded(size, size),
    ]),
  ),
  'zeros 4 MiB': () => new Uint8Array(4_194_304),
}

/** Padded headers and contents, as a tar has them: zeros, then text that repeats over blocks. */
function licencesAsTar(): Uint8Array {
  const text = new TextEncoder().encode(licence)
  const bytes = new Uint8Array(700 * 1024)
  for (let at = 512, copy = 0; at + text.length <= bytes.length; copy++) {
    bytes.set(new TextEncoder().encode(`licences/${copy}/LICENSE`), at - 512)
    bytes.set(text.subarray((copy * 37) % 5_000), at)
    at += Math.ceil(text.length / 512) * 512 + 512
  }
  return bytes
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}
