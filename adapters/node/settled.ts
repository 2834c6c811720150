/** Blobs that the disk has, bytes and names, whoever wrote them: index.json names no others. */

import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BlobPath } from '../../src/storage.ts'
import { absent, unless } from './faults.ts'
import { type LayoutFolder, settle } from './place.ts'

// The system writes out what is older than half a minute, on a laptop ten. A clock that is set forward by more than this
// between a write and its naming deceives it.
const surelyWritten = 60 * 60 * 1000
// Syncs at once, of all layouts of the process: they wait for the same disk, and each holds a handle.
const mostSyncs = 16

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
  async blobs(paths: readonly BlobPath[], signal?: AbortSignal): Promise<void> {
    const folders = new Set<string>()
    let next = 0
    const lane = async (): Promise<void> => {
      for (let path = paths[next++]; path !== undefined; path = paths[next++]) {
        const folder = await this.#settle(path, signal).catch(error => {
          next = paths.length
          throw error
        })
        if (folder !== undefined) folders.add(folder)
      }
    }
    const lanes = await Promise.allSettled(Array.from({ length: Math.min(mostSyncs, paths.length) }, lane))
    for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
    for (const folder of folders) await syncs.run(() => this.#layout.settle(folder), signal)
  }

  /** Gives the folder whose entries are to be settled after it. */
  async #settle(path: BlobPath, signal?: AbortSignal): Promise<string | undefined> {
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
        syncs.run(() => settle(real).then(() => true), signal),
      )
      if (!isThere) return undefined
      this.#known.set(path, file)
    }
    return dirname(real)
  }
}

/** Lets only so many at once, the others in their order. */
class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#free = most
  }

  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.#free === 0) await this.#wait(signal)
    else this.#free -= 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#waiting.push(go)
    })
  }
}

const syncs = new Turns(mostSyncs)
