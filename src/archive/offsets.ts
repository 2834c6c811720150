/** The offset table of a tar: which names it has, and where their bytes lie. */

import { checkLimit } from '../limits.ts'
import type { AbortOptions, StoredFile } from '../storage.ts'
import { textOf } from '../tar/fault.ts'
import { type ScannedMember, scanTar } from '../tar/scan.ts'
import type { ArchiveLimits } from './limits.ts'
import type { Extent } from './part.ts'

/** What a name stands for. `nowhere` is a link out of the archive, or a hard one to what doesn't come before it. */
export type Slot =
  | ({ readonly kind: 'file' | 'sparse' } & Extent)
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'nowhere' | 'other' }

/** All names of a tar but its folders', without `./` and `//`. The last of several entries of a name counts. */
export class OffsetTable {
  readonly #slots: ReadonlyMap<string, Slot>
  /** Names that more than one entry has. */
  readonly shadowed: ReadonlySet<string>

  private constructor(slots: ReadonlyMap<string, Slot>, shadowed: ReadonlySet<string>) {
    this.#slots = slots
    this.shadowed = shadowed
  }

  /** Reads the headers of a tar. */
  static async read(
    file: StoredFile,
    options: AbortOptions & { readonly limits: ArchiveLimits },
  ): Promise<OffsetTable> {
    const { limits, signal } = options
    const slots = new Map<string, Slot>()
    const shadowed = new Set<string>()
    let size = 0
    for await (const member of scanTar(file, { limits, signal })) {
      checkLimit(limits, 'maxPathSize', { found: Math.max(member.path.length, member.linkname.length) })
      const path = plainPath(textOf(member.path))
      if (path === '' || isFolder(member, path)) continue
      const before = slots.get(path)
      const slot = slotOf(member, path, slots)
      size += path.length + (slot.kind === 'symlink' ? slot.target.length : 0)
      checkLimit(limits, 'maxNamesSize', { found: size })
      // A second link to the same bytes hides nothing.
      if (before !== undefined && !isSame(before, slot)) shadowed.add(path)
      slots.set(path, slot)
    }
    return new OffsetTable(slots, shadowed)
  }

  /** Every name. */
  names(): IterableIterator<string> {
    return this.#slots.keys()
  }

  /** What a name stands for itself. */
  slot(path: string): Slot | undefined {
    return this.#slots.get(path)
  }

  /**
   * The file that a name leads to. Symlinks are followed to names in `folder` (`''` or with a slash at the end);
   * `nowhere` where they leave it or lead to nothing. A folder that is a symlink is not followed.
   */
  follow(path: string, folder: string): Slot | undefined {
    let at = path
    for (let hops = 0; hops <= mostHops; hops++) {
      const slot = this.#slots.get(at)
      if (slot?.kind !== 'symlink') return slot ?? (hops > 0 ? nowhere : undefined)
      if (!slot.target.startsWith(folder)) return nowhere
      at = slot.target
    }
    return nowhere
  }
}

const nowhere: Slot = { kind: 'nowhere' }
// As Linux has it.
const mostHops = 40

/** A path as an extraction would take it: `./a//b`, `/a/b` and `a/b` are one. What leads up stays as it is. */
function plainPath(path: string): string {
  return path
    .split('/')
    .filter(name => name !== '' && name !== '.')
    .join('/')
}

/** A hard link has the bytes that its target has by then: a circle of them never meets a file. */
function slotOf(member: ScannedMember, path: string, slots: ReadonlyMap<string, Slot>): Slot {
  const { type, bodyOffset: offset, stored: size, sparse } = member
  if (type === 'symlink') {
    const target = targetOf(path, textOf(member.linkname))
    return target === undefined ? nowhere : { kind: 'symlink', target }
  }
  if (type === 'hardlink' && size === 0) return slots.get(plainPath(textOf(member.linkname))) ?? nowhere
  if (type !== 'file' && type !== 'hardlink') return { kind: 'other' }
  return sparse === undefined ? { kind: 'file', offset, size } : { kind: 'sparse', offset, size: sparse.size }
}

/** Folders aren't named, unless one stands where a file should. */
function isFolder({ type }: ScannedMember, path: string): boolean {
  return type === 'directory' && !/(^|\/)(oci-layout|index\.json|blobs\/[^/]+\/[^/]+)$/.test(path)
}

function isSame(a: Slot, b: Slot): boolean {
  return a === b || (a.kind === 'file' && b.kind === 'file' && a.offset === b.offset && a.size === b.size)
}

/** Where a symlink leads, from the archive's root; `undefined` out of it. */
function targetOf(path: string, linkname: string): string | undefined {
  if (linkname.startsWith('/')) return undefined
  const names = path.split('/').slice(0, -1)
  for (const name of linkname.split('/')) {
    if (name === '' || name === '.') continue
    if (name !== '..') names.push(name)
    else if (names.pop() === undefined) return undefined
  }
  return names.join('/')
}
