/** What the layers below have at a path. */

import type { PathKey } from '../files/path.ts'
import type { FindPath } from '../fsck-layers.ts'

/** Looks through a layer and those below it, which may be thousands: now and then others have their turn. */
export class Below {
  readonly #below: readonly FindPath[]
  readonly #all: readonly FindPath[]
  readonly #turn: () => Promise<void>
  /** Of folders that were asked for: whether one of the way there is no folder, or nothing. */
  readonly #ways = new Map<PathKey, 'folder' | 'other' | undefined>()
  #asked = 0

  constructor(own: FindPath, below: readonly FindPath[], turn: () => Promise<void>) {
    this.#below = below
    this.#all = [own, ...below]
    this.#turn = turn
  }

  /** Tells whether a layer below has something there, were it a folder. */
  hasAny(path: PathKey): Promise<boolean> {
    return this.#some(this.#below, find => find(path) !== undefined)
  }

  /**
   * Tells whether a hard link to this path can be made. Behind a symlink the path means another one, which readers follow
   * inside of the image: that counts as there.
   */
  async canLinkTo(path: PathKey): Promise<boolean> {
    if (await this.#some(this.#below, find => find(path) === 'other')) return true
    return (await this.#wayTo(path.slice(0, Math.max(0, path.lastIndexOf('/'))))) === 'other'
  }

  /** From the top down: below what isn't there is nothing. Many paths have one folder, which is asked for once. */
  async #wayTo(folder: PathKey): Promise<'folder' | 'other' | undefined> {
    if (folder === '') return 'folder'
    if (this.#ways.has(folder)) return this.#ways.get(folder)
    let kind: 'folder' | 'other' | undefined = 'folder'
    for (let end = folder.indexOf('/'); kind === 'folder'; end = folder.indexOf('/', end + 1)) {
      const at = end < 0 ? folder : folder.slice(0, end)
      if (this.#ways.has(at)) kind = this.#ways.get(at)
      else {
        kind = await this.#kindOf(at)
        this.#ways.set(at, kind)
      }
      if (end < 0) break
    }
    this.#ways.set(folder, kind)
    return kind
  }

  async #kindOf(path: PathKey): Promise<'folder' | 'other' | undefined> {
    let isFolder = false
    const isOther = await this.#some(this.#all, find => {
      const kind = find(path)
      isFolder ||= kind === 'folder'
      return kind === 'other'
    })
    return isOther ? 'other' : isFolder ? 'folder' : undefined
  }

  async #some(layers: readonly FindPath[], is: (find: FindPath) => boolean): Promise<boolean> {
    for (const find of layers) {
      this.#asked += 1
      if (this.#asked % lookupsAtOnce === 0) await this.#turn()
      if (is(find)) return true
    }
    return false
  }
}

/** A millisecond or less. */
const lookupsAtOnce = 4096
