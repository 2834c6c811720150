/** What a tree may take of memory: a small hostile layer must not fill it. */

import { OciError } from '../errors.ts'
import type { TarEntry } from '../tar/entry.ts'
import type { TarLimits } from '../tar/limits.ts'

/** Bounds on what a layer may ask of memory. */
export interface TreeLimits extends TarLimits {
  /** Bytes of one path: 4096, which is Linux's own bound. */
  readonly maxPathSize: number
  /** Estimated bytes of all names and attributes held, about 300 beside a file's own names: 512 MiB. */
  readonly maxTreeSize: number
}

/** Counts what a tree holds. Throws `LIMIT_EXCEEDED`. */
export class Budget {
  readonly #maxPathSize: number
  readonly #maxTreeSize: number
  #size = 0

  constructor({ maxPathSize = 4096, maxTreeSize = 512 << 20 }: Partial<TreeLimits> = {}) {
    this.#maxPathSize = maxPathSize
    this.#maxTreeSize = maxTreeSize
  }

  entry({ rawPath, rawLinkname, xattrs, sparse = [] }: TarEntry): void {
    const max = this.#maxPathSize
    const found = Math.max(rawPath.length, rawLinkname.length)
    if (found > max) throw new OciError('LIMIT_EXCEEDED', { limit: 'path size', max, found })
    let size = rawPath.length + rawLinkname.length + sparse.length * perSparsePart
    for (const [name, value] of xattrs) size += name.length + value.length + perFile
    this.#take(size + perFile)
  }

  /** `added` names came with an entry: all but its own are folders, each with a path of its own. */
  folders({ rawPath }: TarEntry, added: number): void {
    if (added > 1) this.#take((added - 1) * (rawPath.length + perFile))
  }

  #take(size: number): void {
    this.#size += size
    const max = this.#maxTreeSize
    if (this.#size > max) throw new OciError('LIMIT_EXCEEDED', { limit: 'tree size', max })
  }
}

const perFile = 300
const perSparsePart = 50
