/** A source's names made to paths of a layer: checked, under their destination, with every folder above them. */

import { OciError } from '../errors.ts'
import type { AbortOptions, SourceNode } from '../storage.ts'
import { textOf } from './fault.ts'

/** A node with its path in the layer. */
export interface Named {
  readonly path: Uint8Array
  /** The path in the source; absent for a folder that was added. */
  readonly sourcePath?: string
  readonly node: SourceNode
}

/** The names of a destination, `/usr/./lib/` as `usr`, `lib`. Throws a `TypeError` for one that leads out. */
export function destinationOf(prefix: string): readonly string[] {
  const names = prefix.split('/').filter(name => name !== '' && name !== '.')
  if (!names.includes('..') && !prefix.includes('\0')) return names
  throw new TypeError(`not a place in an image: ${JSON.stringify(prefix)}`)
}

/** All nodes in the order of their paths' bytes, and the folders that nobody named. Throws `ENTRY_INVALID`. */
export async function namesOf(
  nodes: AsyncIterable<SourceNode>,
  options: AbortOptions & { readonly destination: readonly string[] },
): Promise<readonly Named[]> {
  const { destination, signal } = options
  const prefix = destination.map(name => `${keyOf(encoder.encode(name))}/`).join('')
  const found = new Map<Key, Named>()
  for await (const node of nodes) {
    signal?.throwIfAborted()
    const path = checkedPath(node)
    const key = prefix + keyOf(path)
    const sourcePath = textOf(path)
    if (found.has(key)) throw new OciError('ENTRY_INVALID', { path: sourcePath, reason: 'it is there twice' })
    found.set(key, { path: bytesOf(key), sourcePath, node })
  }
  addFolders(found, prefix)
  for (const key of [...found.keys()]) addFolders(found, key)
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
}

/** A path's bytes as latin1: such keys compare as their bytes do, which UTF-16 doesn't. */
type Key = string

const encoder = new TextEncoder()

/** The folders above a path, up to the first that is there. */
function addFolders(found: Map<Key, Named>, key: Key): void {
  for (let at = key.lastIndexOf('/'); at > 0; at = key.lastIndexOf('/', at - 1)) {
    const parent = key.slice(0, at)
    const there = found.get(parent)
    if (there === undefined) found.set(parent, folderAt(parent))
    else if (there.node.kind === 'directory') return
    else
      throw new OciError('ENTRY_INVALID', {
        path: textOf(bytesOf(key)),
        reason: `it is below a ${there.node.kind}`,
      })
  }
}

function folderAt(key: Key): Named {
  const path = bytesOf(key)
  return { path, node: { path, kind: 'directory' } }
}

function checkedPath({ path }: SourceNode): Uint8Array {
  const bytes = typeof path === 'string' ? encoder.encode(path) : path
  const reason =
    faultOf(keyOf(bytes)) ?? (typeof path === 'string' && halves.test(path) ? 'it is not text' : undefined)
  if (reason === undefined) return bytes
  throw new OciError('ENTRY_INVALID', { path: textOf(bytes), reason })
}

// Half of a surrogate pair: it would be written as another name.
const halves = /\p{Surrogate}/u

function faultOf(key: Key): string | undefined {
  if (key === '') return 'it is empty'
  if (key.includes('\0')) return 'a NUL in it'
  if (key.startsWith('/')) return 'it is absolute'
  const names = key.split('/')
  if (names.includes('..')) return 'it leads out'
  return names.includes('') || names.includes('.') ? 'it has a name without meaning' : undefined
}

function keyOf(bytes: Uint8Array): Key {
  let key = ''
  for (let start = 0; start < bytes.length; start += longestCall) {
    key += String.fromCharCode(...bytes.subarray(start, start + longestCall))
  }
  return key
}

function bytesOf(key: Key): Uint8Array {
  return Uint8Array.from(key, character => character.charCodeAt(0))
}

// A call takes its arguments from the stack.
const longestCall = 4096
