/** Names in an image: bytes, not text. A key holds one byte a character, so names that aren't UTF-8 stay apart. */

/** A path's bytes as latin1; for a name in ASCII the name itself. Keys compare as their bytes do. */
export type PathKey = string

/** The key of a path's bytes. */
export function keyOf(bytes: Uint8Array): PathKey {
  let key = ''
  for (let start = 0; start < bytes.length; start += longestCall) {
    key += String.fromCharCode(...bytes.subarray(start, start + longestCall))
  }
  return key
}

/** The key of a path as a caller writes it. */
export function keyOfText(path: string): PathKey {
  return isAscii(path) ? path : keyOf(new TextEncoder().encode(path))
}

/** What a key reads as, and its bytes where they aren't UTF-8. */
export function textOf(key: PathKey): { readonly text: string; readonly raw?: Uint8Array } {
  if (isAscii(key)) return { text: key }
  const bytes = Uint8Array.from(key, character => character.charCodeAt(0))
  try {
    return { text: strict.decode(bytes) }
  } catch {
    return { text: lenient.decode(bytes), raw: bytes }
  }
}

/**
 * The names on the way from the root to a path: `./a//b/` gives `a`, `b`. `..` takes a name back, as Go's
 * `path.Clean` does; `undefined` when it would leave the root.
 */
export function namesOf(key: PathKey): PathKey[] | undefined {
  const names: PathKey[] = []
  for (const name of key.split('/')) {
    if (name === '' || name === '.') continue
    if (name !== '..') names.push(name)
    else if (names.pop() === undefined) return undefined
  }
  return names
}

// A call takes its arguments from the stack.
const longestCall = 4096
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
