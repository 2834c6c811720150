/** A few characters that stand for bytes, to compare what was read: FNV-1a, twice. */
export function sumOf(bytes: Uint8Array): string {
  let [a, b] = [0x811c9dc5, 0x01000193]
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193)
    b = Math.imul(b ^ byte, 0x5bd1e995)
  }
  return `${bytes.length}:${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`
}
