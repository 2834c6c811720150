/** Bytes of all kinds, the same in every run: what the digests in docs and cases are of. */

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

/** The same as numbers from 0 up to, not including, a limit of each call's own. */
export function lots(seed: number): (below: number) => number {
  const random = prng(seed)
  return below => Math.floor((random() / 2 ** 32) * below)
}

/** Bytes that no compression makes smaller. */
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
