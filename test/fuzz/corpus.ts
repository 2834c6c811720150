/// <reference types="vite/client" />
/** Inputs that once failed, here or in a reader that we didn't take: played first in each run. */

const texts: Readonly<Record<string, string>> = import.meta.glob('./corpus/*.txt', {
  query: '?raw',
  import: 'default',
  eager: true,
})

/** The inputs of a target: lines of base64 in its file, each with a comment above that says what it was. */
export function corpusOf(name: string): readonly Uint8Array[] {
  const lines = (texts[`./corpus/${name}.txt`] ?? '').split('\n')
  return lines.filter(line => line !== '' && !line.startsWith('#')).map(fromBase64)
}

/** Bytes of base64. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), char => char.charCodeAt(0))
}
