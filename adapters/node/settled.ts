/** Blobs that the disk has, bytes and names, whoever wrote them: index.json names no others. */

import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BlobPath } from '../../src/storage.ts'
import { absent, unless } from './faults.ts'
import { type LayoutFolder, settle } from './place.ts'

// The system writes out what is older than half a minute, on a laptop ten. A clock that is set forward by more than this
// between a write and its naming deceives it.
const surelyWritten = 60 * 60 * 1000
// Syncs at once: they wait for the same disk, and each holds a handle.
const batch = 16

/** The blobs of one layout that are known to outlive a power loss. */
export class SettledBlobs {
  readonly #layout: LayoutFolder
  /**
   * Of which bytes are written: by path, the file that it was, for another may have been put in its place. Its time is of
   * it, too: many disks give the number of a file that is gone to the next one.
   */
  readonly #known = new Map<BlobPath, string>()

  constructor(layout: LayoutFolder) {
    this.#layout = layout
  }

  /** Waits until the disk has these blobs. One that is gone is skipped: that is for others to see. */
  async blobs(paths: readonly BlobPath[]): Promise<void> {
    const folders = new Set<string>()
    for (let at = 0; at < paths.length; at += batch) {
      await Promise.all(
        paths.slice(at, at + batch).map(async path => {
          const folder = await this.#settle(path)
          if (folder !== undefined) folders.add(folder)
        }),
      )
    }
    for (const folder of folders) await this.#layout.settle(folder)
  }

  /** Gives the folder whose entries are to be settled after it. */
  async #settle(path: BlobPath): Promise<string | undefined> {
    const real = await this.#layout.resolve(path)
    const stats = real === undefined ? undefined : await unless(absent, stat(real))
    // What is no file is refused by whoever looks for the blob; a pipe that is opened would never answer.
    if (real === undefined || stats?.isFile() !== true) return undefined
    if (Date.now() - stats.ctimeMs > surelyWritten) return undefined
    const file = `${stats.ino} ${stats.ctimeMs}`
    if (this.#known.get(path) !== file) {
      // Outside of the lock a gc may take it meanwhile.
      const isThere = await unless(
        absent,
        settle(real).then(() => true),
      )
      if (!isThere) return undefined
      this.#known.set(path, file)
    }
    return dirname(real)
  }
}
