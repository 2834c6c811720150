/** What a tree may take of memory: a small hostile layer must not fill it. */

import { checkLimit } from '../limits.ts'
import type { TarEntry } from '../tar/entry.ts'
import { defaultTarLimits, type TarLimits } from '../tar/limits.ts'

/** Bounds on what a layer may ask of memory and time. Beyond one it is `LIMIT_EXCEEDED`, with its name as `data.limit`. */
export interface TreeLimits extends TarLimits {
  /** Bytes of one layer's tar, uncompressed: unbounded unless given, for none of them are kept. */
  readonly maxBytes: number
  /** Bytes of one path: 4,096, which is Linux's own bound. */
  readonly maxPathSize: number
  /** Estimated bytes of all names and attributes held, about 300 beside a file's own names: 512 MiB. */
  readonly maxTreeSize: number
}

/** Those of a tar, layers of any size, paths of 4,096 bytes, a tree of 512 MiB. */
export const defaultTreeLimits: TreeLimits = {
  ...defaultTarLimits,
  maxBytes: Number.POSITIVE_INFINITY,
  maxPathSize: 4096,
  maxTreeSize: 512 << 20,
}

/** Counts what a tree holds. Throws `LIMIT_EXCEEDED`. */
export class Budget {
  readonly #limits: TreeLimits
  #size = 0

  constructor(limits: TreeLimits) {
    this.#limits = limits
  }

  entry({ rawPath, rawLinkname, xattrs, sparse = [] }: TarEntry): void {
    checkLimit(this.#limits, 'maxPathSize', { found: Math.max(rawPath.length, rawLinkname.length) })
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
    checkLimit(this.#limits, 'maxTreeSize', { found: this.#size })
  }
}

const perFile = 300
const perSparsePart = 50
