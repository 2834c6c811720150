/** Known answers: what tells that a compressor which defines bytes is the one that was meant. */

/**
 * Few letters, so that candidates are many, noise, so that hashes collide, copies from near and far, zeros at the start:
 * it tells match finders apart.
 */
export function sampleText(size: number): Uint8Array {
  const text = new Uint8Array(size)
  let state = 1
  for (let i = 12; i < size; i++) {
    state = Math.imul(state, 1_103_515_245) + 12_345
    const random = state >>> 16
    text[i] = i & 2_048 ? random & 255 : 97 + (random & (random >>> 5) & 15)
    if (random % 61 === 0) text.copyWithin(i, random % i, (random % i) + 40)
    if (random % 61 === 0) i += 39
  }
  return text
}

/** FNV-1a, 32 bits. */
export function fingerprint(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** What was made of a module before, or is made now; of one that can't be instantiated, once more the next time. */
export function onePerModule<T>(
  made: WeakMap<WebAssembly.Module, Promise<T>>,
  module: WebAssembly.Module,
  make: (module: WebAssembly.Module) => Promise<T>,
): Promise<T> {
  const before = made.get(module)
  if (before !== undefined) return before
  const now = make(module)
  made.set(module, now)
  now.catch(() => made.delete(module))
  return now
}
