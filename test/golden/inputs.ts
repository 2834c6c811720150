/// <reference types="vite/client" />
/** The inputs of the golden digests, made again by each run: seeded noise of all kinds, and a real text. */

import licence from './apache-2.0.txt?raw'

/** Inputs by the names that `ocidir-gzip-1.json` has. */
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

/** A seeded generator of whole numbers below 2^32 (mulberry32). */
export function prng(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

export function noise(size: number, seed: number): Uint8Array {
  const random = prng(seed)
  return Uint8Array.from({ length: size }, () => random() & 255)
}

/** Runs of zeros, noise, words, and repeats from near and far, as real files mix them. */
export function seeded(size: number, seed: number): Uint8Array {
  const random = prng(seed)
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; ) {
    const end = Math.min(size, at + 1 + (random() % 900))
    const kind = random() % 5
    const back = 1 + (random() % Math.max(1, Math.min(at, 60_000)))
    for (; at < end; at++) {
      if (kind === 1) bytes[at] = random() & 255
      else if (kind === 2) bytes[at] = 97 + ((random() % 26) & (random() % 26))
      else if (kind >= 3 && at >= back) bytes[at] = bytes[at - back] ?? 0
    }
  }
  return bytes
}

/** Chunks of a fixed size, or of the sizes that a function gives. */
export async function* chunked(bytes: Uint8Array, size: number | (() => number)): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const length = typeof size === 'number' ? size : size()
    yield bytes.slice(at, at + length)
    at += length
  }
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
