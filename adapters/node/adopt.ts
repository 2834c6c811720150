/** A file of this disk taken over without a copy: its blocks cloned or, where that was asked for, the file linked. */

import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, stat } from 'node:fs/promises'
import { sameVersion } from './at-once.ts'
import { errnoOf } from './faults.ts'
import type { LayoutFolder } from './place.ts'
import { StagedOnDisk } from './staged.ts'
import type { Source } from './stored.ts'

/** Makes a file whose blocks are another's, to be copied when one of the two is written. */
export type Clone = (from: string, to: string) => Promise<void>

/** How files are taken over. */
export interface SharingOptions {
  readonly hardLinks: boolean
  readonly clone?: Clone | undefined
}

/** The system's own way: Btrfs, XFS, APFS and a few others can; ext4 and NTFS can't. */
export const cloneBlocks: Clone = (from, to) => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE)
const uncloneable = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY', 'EXDEV', 'EINVAL'])

/** Takes files over into one layout. */
export class Sharing {
  readonly #layout: LayoutFolder
  readonly #clone: Clone
  readonly #hardLinks: boolean
  /** Devices from which nothing can be cloned to here: asked once. */
  readonly #foreign = new Set<bigint>()

  constructor(layout: LayoutFolder, { hardLinks, clone = cloneBlocks }: SharingOptions) {
    this.#layout = layout
    this.#clone = clone
    this.#hardLinks = hardLinks
  }

  /**
   * A private file with the bytes of the source. `undefined` whatever the reason: the bytes will be streamed then,
   * and if there is something wrong, that will say what.
   */
  async take(source: Source): Promise<StagedOnDisk | undefined> {
    const cloned = this.#foreign.has(source.version.dev) ? undefined : await this.#cloned(source)
    if (cloned !== undefined || !this.#hardLinks) return cloned
    return StagedOnDisk.link(this.#layout, newName(), source)
  }

  async #cloned(source: Source): Promise<StagedOnDisk | undefined> {
    const staged = await StagedOnDisk.create(this.#layout, newName())
    try {
      await staged.fill(source, this.#clone)
      if (sameVersion(source.version, await stat(source.real, { bigint: true }))) return staged
    } catch (error) {
      if (uncloneable.has(errnoOf(error) ?? '')) this.#foreign.add(source.version.dev)
    }
    await staged.drop()
    return undefined
  }
}

function newName(): string {
  return `staged-${randomUUID()}`
}
