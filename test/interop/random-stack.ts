/** Seeded stacks of layers with everything in them that stacking has rules for, and that every extractor agrees on. */

import { prng } from '../suites/seeded-bytes.ts'
import type { Line } from '../unit/files/samples.ts'

/** Layers, and which cases they hold. */
export interface RandomStack {
  readonly layers: readonly (readonly Line[])[]
  readonly kinds: ReadonlySet<string>
}

/** What is known of a path when layers are made; the judge is another program, so this is only to aim with. */
type Kind = 'file' | 'folder' | 'symlink'

export function randomStack(seed: number): RandomStack {
  const making = new Making(seed)
  const layers = Array.from({ length: 2 + making.below(4) }, () => making.layer())
  return { layers, kinds: making.kinds }
}

class Making {
  readonly kinds = new Set<string>()
  readonly #stacked = new Map<string, Kind>()
  readonly #random: () => number
  #serial = 0

  constructor(seed: number) {
    this.#random = prng(seed)
  }

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    return this.#random() % end
  }

  layer(): Line[] {
    const lower = new Map(this.#stacked)
    const own = new Map<string, Kind>()
    const early = this.#whiteouts(lower)
    const lines = this.#links(lower, early)
    for (let i = 4 + this.below(8); i > 0; i--) lines.push(...this.#entry(own, lower))
    lines.push(...this.#ownLink(own))
    const opaques = this.#opaques(own)
    // Before its folder's entry umoci would look through what was a symlink below.
    const isEarly = this.below(2) === 0 && opaques.every(path => this.#isInFolders(path, lower))
    if (opaques.length > 0) this.kinds.add(isEarly ? 'opaque first' : 'opaque last')
    this.#note(early, own)
    for (const [path, kind] of own) this.#stacked.set(path, kind)
    // Half of the whiteouts stand behind what they must not hide, but not behind a symlink made in place of their folder.
    const now = new Map([...lower, ...own])
    const first = early.filter(
      line => this.below(2) === 0 || !this.#isInFolders(line.replace('.wh.', ''), now),
    )
    const rest = early.filter(line => !first.includes(line))
    return isEarly ? [...opaques, ...first, ...lines, ...rest] : [...first, ...lines, ...rest, ...opaques]
  }

  #entry(own: Map<string, Kind>, lower: ReadonlyMap<string, Kind>): Line[] {
    const depth = this.below(3)
    const lines: Line[] = []
    let path = ''
    for (let i = 0; i <= depth; i++) {
      path += `${path === '' ? '' : '/'}${this.#one(['a', 'b', 'c', 'd'])}`
      const there = own.get(path)
      if (i === depth) {
        if (there === undefined) lines.push(this.#leaf(path, own, lower))
        break
      }
      if (there === 'folder') continue
      // One path has one entry in a layer: of duplicates every extractor has its own idea.
      if (there !== undefined) break
      lines.push(this.#folder(path, own, lower))
    }
    return lines
  }

  #folder(path: string, own: Map<string, Kind>, lower: ReadonlyMap<string, Kind>): Line {
    const was = lower.get(path)
    if (was !== undefined) this.kinds.add(was === 'folder' ? 'folder over folder' : 'folder over file')
    own.set(path, 'folder')
    return { line: `${path}/`, mode: this.#one([0o755, 0o700, 0o775]), mtime: this.#time() }
  }

  #leaf(path: string, own: Map<string, Kind>, lower: ReadonlyMap<string, Kind>): Line {
    if (lower.get(path) === 'folder') this.kinds.add('file over folder')
    if (this.below(6) === 0) {
      own.set(path, 'symlink')
      this.kinds.add('symlink')
      return { line: `${path} -> ${this.#one(['a', '../b', '/c/d', 'nowhere'])}`, mtime: this.#time() }
    }
    own.set(path, 'file')
    return { line: `${path}=${this.#serial++}`, mode: this.#one([0o644, 0o755, 0o600]), mtime: this.#time() }
  }

  #whiteouts(lower: ReadonlyMap<string, Kind>): string[] {
    const lines: string[] = []
    const paths = [...lower].filter(([path]) => !path.startsWith('keep'))
    for (let i = Math.min(paths.length, this.below(4)); i > 0; i--) {
      const [path, kind] = this.#one(paths)
      // What a file has below it was never seen by an extractor: its parent is no folder any more.
      if (!this.#isInFolders(path, lower)) continue
      this.kinds.add(kind === 'folder' ? 'whiteout of a folder' : 'whiteout of a file')
      lines.push(whiteoutOf(path))
    }
    if (this.below(4) === 0) {
      this.kinds.add('whiteout of nothing')
      lines.push('.wh.never')
    }
    return [...new Set(lines)]
  }

  /** Links to a lower layer's file, in a folder that nothing hides. */
  #links(lower: ReadonlyMap<string, Kind>, whiteouts: readonly string[]): Line[] {
    const lines: Line[] = []
    const targets = [...lower.keys()].filter(path => path.startsWith('keep/'))
    const serial = this.#serial++
    const attributes = { mode: 0o640, mtime: 1_600_000_000 }
    if (!lower.has('keep')) lines.push({ line: 'keep/', mode: 0o755, mtime: this.#time() })
    this.#stacked.set('keep', 'folder')
    lines.push({ line: `keep/f${serial}=${serial}`, ...attributes })
    this.#stacked.set(`keep/f${serial}`, 'file')
    if (targets.length > 0 && whiteouts.length % 2 === 0) {
      this.kinds.add('hard link to a lower layer')
      lines.push({ line: `keep/l${serial} => ${this.#one(targets)}`, ...attributes })
      this.#stacked.set(`keep/l${serial}`, 'file')
    } else if (targets.length > 0) {
      const gone = this.#one(targets)
      this.kinds.add('whiteout of a file')
      this.#stacked.delete(gone)
      lines.push(whiteoutOf(gone))
    }
    return lines
  }

  #ownLink(own: Map<string, Kind>): Line[] {
    const targets = [...own].filter(([, kind]) => kind === 'file').map(([path]) => path)
    if (targets.length === 0) return []
    this.kinds.add('hard link')
    const target = this.#one(targets)
    // The link and its target are one file: both entries say the same of it, or the last to be unpacked wins.
    const path = `link${this.#serial++}`
    own.set(path, 'file')
    return [
      { line: `${target}=shared`, mode: 0o644, mtime: 5 },
      { line: `${path} => ${target}`, mode: 0o644, mtime: 5 },
    ]
  }

  #opaques(own: ReadonlyMap<string, Kind>): string[] {
    const folders = [...own].filter(([, kind]) => kind === 'folder').map(([path]) => path)
    if (folders.length === 0 || this.below(2) === 0) return []
    return [`${this.#one(folders)}/.wh..wh..opq`]
  }

  #note(whiteouts: readonly string[], own: ReadonlyMap<string, Kind>): void {
    for (const line of whiteouts) {
      const path = line.replace('.wh.', '')
      if (own.has(path)) this.kinds.add('whiteout after its name')
      for (const each of [...this.#stacked.keys()]) {
        if (each === path || each.startsWith(`${path}/`)) this.#stacked.delete(each)
      }
    }
    for (const [path, kind] of own) {
      if (kind === 'folder') continue
      for (const each of [...this.#stacked.keys()])
        if (each.startsWith(`${path}/`)) this.#stacked.delete(each)
    }
  }

  #isInFolders(path: string, lower: ReadonlyMap<string, Kind>): boolean {
    const parts = path.split('/').slice(0, -1)
    return parts.every((_, i) => lower.get(parts.slice(0, i + 1).join('/')) === 'folder')
  }

  #time(): number {
    return 1_500_000_000 + this.below(100_000_000)
  }

  #one<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to choose from')
    return item
  }
}

function whiteoutOf(path: string): string {
  const slash = path.lastIndexOf('/') + 1
  return `${path.slice(0, slash)}.wh.${path.slice(slash)}`
}
