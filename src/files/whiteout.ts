/** Whiteouts (layer.md): names that stand for what is gone. */

import type { PathKey } from './path.ts'

/** What the last name of an entry's path says of the layers below. */
export type Whiteout =
  /** Hides this name and all below it. */
  | { readonly kind: 'hide'; readonly name: PathKey }
  /** Hides all that layers below have in its folder. */
  | { readonly kind: 'opaque' }
  /** What AUFS kept for itself. */
  | { readonly kind: 'aufs' }
  /** A name that can stand for nothing. */
  | { readonly kind: 'invalid' }

/** What a path means as a whiteout; `undefined` for an ordinary entry. */
export function whiteoutOf(names: readonly PathKey[]): Whiteout | undefined {
  const first = names.findIndex(name => name.startsWith(prefix))
  if (first === -1) return undefined
  const name = names[first] ?? ''
  const isLast = first === names.length - 1
  if (isLast && name === opaqueName) return { kind: 'opaque' }
  // Folders of AUFS have files: `.wh..wh.plnk/12.34`.
  if (name.startsWith(aufsPrefix)) return { kind: 'aufs' }
  const hidden = name.slice(prefix.length)
  // `.wh...` would hide the folder above its own.
  if (!isLast || hidden === '' || hidden === '.' || hidden === '..') return { kind: 'invalid' }
  return { kind: 'hide', name: hidden }
}

const prefix = '.wh.'
const aufsPrefix = '.wh..wh.'
const opaqueName = '.wh..wh..opq'
