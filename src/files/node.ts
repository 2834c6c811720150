/** Folders and files hung together by name: what one layer has, or all of them stacked. */

import { implicitFolder, type TreeFile } from './file.ts'
import type { PathKey } from './path.ts'

/** A name in a tree. */
export interface Node {
  file: TreeFile
  /** What is below a folder, by name. */
  children: Map<PathKey, Node> | undefined
  /** Nothing of the layers below shines through: something that isn't a folder stood here in the same layer. */
  cut?: boolean
}

/** An empty tree: a root without attributes of its own. */
export function rootNode(layer: number): Node {
  return { file: implicitFolder('', layer), children: undefined }
}

/** The node at a path, no symlink followed. */
export function nodeAt(root: Node, names: readonly PathKey[]): Node | undefined {
  let node: Node | undefined = root
  for (const name of names) {
    node = node.children?.get(name)
    if (node === undefined) return undefined
  }
  return node
}

/**
 * Puts a file where an extractor would: a folder on a folder keeps what is below, all else replaces; a later entry
 * of one path wins. Missing folders on the way, and what isn't a folder there, become implicit ones: also a symlink,
 * for which layer it leads through isn't the stacker's to guess. Gives the number of names that are new.
 */
export function put(root: Node, names: readonly PathKey[], file: TreeFile): number {
  let node = root
  let added = 0
  names.forEach((name, i) => {
    const isLast = i === names.length - 1
    const children = childrenOf(node)
    const there = children.get(name)
    if (there === undefined) added++
    if (!isLast && there?.file.type === 'directory') {
      node = there
      return
    }
    const next = isLast ? file : implicitFolder(names.slice(0, i + 1).join('/'), file.layer)
    node = replaced(there, next)
    children.set(name, node)
  })
  if (names.length === 0) root.file = file
  return added
}

/** Takes a name away, and all below it. */
export function remove(root: Node, names: readonly PathKey[]): void {
  const last = names.at(-1)
  if (last !== undefined) nodeAt(root, names.slice(0, -1))?.children?.delete(last)
}

/** Lays one layer's tree over those below it (layer.md, "Applying Changesets"). */
export function overlay(below: Node, above: Node): void {
  const pairs: { readonly below: Node; readonly above: Node }[] = [{ below, above }]
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    if (!pair.above.file.implicit) pair.below.file = pair.above.file
    for (const [name, node] of pair.above.children ?? []) {
      const children = childrenOf(pair.below)
      const there = children.get(name)
      const mixes = isFolder(there) && isFolder(node) && node.cut !== true
      if (mixes && there !== undefined) pairs.push({ below: there, above: node })
      else children.set(name, node)
    }
  }
}

/** Every file below a node, in no order. */
export function* filesBelow(root: Node): Generator<{ readonly key: PathKey; readonly file: TreeFile }> {
  const open: { readonly key: PathKey; readonly node: Node }[] = [{ key: '', node: root }]
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    for (const [name, node] of top.node.children ?? []) {
      const key = top.key === '' ? name : `${top.key}/${name}`
      yield { key, file: node.file }
      if (node.children !== undefined) open.push({ key, node })
    }
  }
}

function childrenOf(node: Node): Map<PathKey, Node> {
  node.children ??= new Map<PathKey, Node>()
  return node.children
}

function replaced(there: Node | undefined, file: TreeFile): Node {
  const isFolderNow = file.type === 'directory'
  if (isFolderNow && isFolder(there) && there !== undefined) {
    there.file = file
    return there
  }
  const cut = isFolderNow && there !== undefined
  return { file, children: undefined, ...(cut && { cut }) }
}

function isFolder(node: Node | undefined): boolean {
  return node?.file.type === 'directory'
}
