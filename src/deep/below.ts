/** What the layers below have at a path. */

import type { PathKey } from '../files/path.ts'
import type { FindPath } from '../fsck-layers.ts'

/** Looks through a layer and those below it, which may be thousands: now and then others have their turn. */
export class Below {
  readonly #below: readonly FindPath[]
  readonly #all: readonly FindPath[]
  readonly #turn: () => Promise<void>
  /** Folders from the top down as far as there are any, and the first thing that is none. */
  readonly #ways = new Map<PathKey, Kind>()
  /** Of whole folders: what they are, or what stands on the way. */
  readonly #answers = new Map<PathKey, { readonly kind: Kind }>()
  #asked = 0

  constructor(own: FindPath, below: readonly FindPath[], turn: () => Promise<void>) {
    this.#below = below
    this.#all = [own, ...below]
    this.#turn = turn
  }

  /** Tells whether a layer below has something there, were it a folder. */
  async hasAny(path: PathKey): Promise<boolean> {
    await this.#turn()
    return this.#some(this.#below, find => find(path) !== undefined)
  }

  /**
   * Tells whether a hard link to this path can be made. Behind a symlink the path means another one, which readers follow
   * inside of the image: that counts as there.
   */
  async canLinkTo(path: PathKey): Promise<boolean> {
    await this.#turn()
    if (await this.#some(this.#below, find => find(path) === 'other')) return true
    return (await this.#wayTo(path.slice(0, Math.max(0, path.lastIndexOf('/'))))) === 'other'
  }

  /** From the top down: below what isn't there is nothing. Many paths have one folder, which is asked for once. */
  async #wayTo(folder: PathKey): Promise<Kind> {
    if (folder === '') return 'folder'
    const known = this.#answers.get(folder)
    if (known !== undefined) return known.kind
    const ends: number[] = []
    for (let at = folder.indexOf('/'); at >= 0; at = folder.indexOf('/', at + 1)) ends.push(at)
    ends.push(folder.length)
    const to = (i: number): PathKey => folder.slice(0, ends[i])
    // What is known of a way is its beginning. Where that ends is found by halves: a path may have two thousand folders.
    let [next, beyond] = [0, ends.length]
    while (next < beyond) {
      const middle = (next + beyond) >> 1
      if (this.#ways.has(to(middle))) next = middle + 1
      else beyond = middle
    }
    let kind = next === 0 ? 'folder' : this.#ways.get(to(next - 1))
    for (; kind === 'folder' && next < ends.length; next++) {
      kind = await this.#kindOf(to(next))
      this.#ways.set(to(next), kind)
    }
    this.#answers.set(folder, { kind })
    return kind
  }

  async #kindOf(path: PathKey): Promise<Kind> {
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

type Kind = ReturnType<FindPath>

/** A millisecond or less. */
const lookupsAtOnce = 4096
