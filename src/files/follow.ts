/** Symlinks followed as a process would whose root is the image's: path_resolution(7). */

import { linkKeyOf, originalOf } from './file.ts'
import type { Node } from './node.ts'
import type { PathKey } from './path.ts'

/** What a path leads to; it never leaves the root. `loop` after more symlinks than Linux follows. */
export function follow(root: Node, path: PathKey): Node | 'loop' | undefined {
  // The folders passed, for `..`; and the names still to come, the next one last.
  const way: Node[] = [root]
  const open = path.split('/').reverse()
  let links = 0
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === '') continue
    const next = step(way, name)
    if (next === undefined) return undefined
    const link = linkAt(next)
    if (link === undefined) continue
    if (++links > mostLinks) return 'loop'
    way.length = link.startsWith('/') ? 1 : way.length - 1
    open.push(...link.split('/').reverse())
  }
  return way.at(-1)
}

// What Linux allows (path_resolution(7)).
const mostLinks = 40

/** One name further; `undefined` where there is no such name, or no folder to look in. */
function step(way: Node[], name: PathKey): Node | undefined {
  const here = way.at(-1)
  if (here?.file.type !== 'directory') return undefined
  if (name === '.') return here
  if (name === '..') {
    if (way.length > 1) way.pop()
    return way.at(-1)
  }
  const next = here.children?.get(name)
  if (next !== undefined) way.push(next)
  return next
}

function linkAt({ file }: Node): PathKey | undefined {
  const target = originalOf(file)
  return target?.type === 'symlink' ? linkKeyOf(target) : undefined
}
