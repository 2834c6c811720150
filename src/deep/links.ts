/** The hard links of a layer that name nothing of before them: later in it, in a layer below, or nowhere. */

import type { PathKey } from '../files/path.ts'
import type { FindPath } from '../fsck-layers.ts'
import type { Below } from './below.ts'
import type { EntryPlace } from './notes.ts'

/** A hard link, and where it stands. */
export interface Link extends EntryPlace {
  readonly path: PathKey
  readonly target: PathKey
  /** What it names stood before it, and was such a link itself. */
  readonly isBehind: boolean
}

/** Follows links that name links. */
export class Links {
  readonly #links: Link[] = []
  /** Where such links lead, by their own paths. */
  readonly #targets = new Map<PathKey, PathKey>()

  /** Tells whether nothing in the layer depends on layers below. */
  get isEmpty(): boolean {
    return this.#links.length === 0
  }

  /** Tells whether a path is such a link: what it leads to isn't known yet. */
  has(path: PathKey): boolean {
    return this.#targets.has(path)
  }

  add(link: Link): void {
    this.#links.push(link)
    this.#targets.set(link.path, link.target)
  }

  /** Another entry has come in the place of one. */
  delete(path: PathKey): void {
    this.#targets.delete(path)
  }

  /** When all entries are there: gives the links that stand before what they name, and keeps those that lead on. */
  settle(find: FindPath): Link[] {
    const ends = new Map<PathKey, PathKey>()
    const early: Link[] = []
    for (const link of this.#links.splice(0)) {
      const end = this.#endOf(link.target, ends)
      if (this.#targets.has(end) || find(end) !== 'other') this.#links.push(link)
      else if (isEarly(link, find)) early.push(link)
    }
    return early
  }

  /**
   * Of the links that lead on: those that can't be made on top of these layers, neither by readers who go on in order nor by
   * those who wait; and those of which the two make something else.
   */
  async *faults(below: Below, find: FindPath): AsyncGenerator<{ link: Link; isDangling: boolean }> {
    const made = new Set<PathKey>()
    // A path may be there twice: what holds of one of its links needn't of the other.
    const sound = new Set<Link>()
    for (const link of this.#links) {
      if (!(made.has(link.target) || (await below.canLinkTo(link.target)))) continue
      made.add(link.path)
      sound.add(link)
    }
    const known = new Map<PathKey, boolean>()
    for (const link of this.#links) {
      const isDangling = !(sound.has(link) || (await this.#leadsOn(link.target, { made, known, below })))
      if (isDangling || isEarly(link, find)) yield { link, isDangling }
    }
  }

  /** Where a way through links ends: one that goes in a circle ends at a link that leads to itself. */
  #endOf(path: PathKey, ends: Map<PathKey, PathKey>): PathKey {
    const passed = new Set<PathKey>()
    let end = path
    for (let next = this.#targets.get(end); next !== undefined; next = this.#targets.get(end)) {
      const known = ends.get(end)
      if (known !== undefined || passed.has(end)) {
        end = known ?? end
        break
      }
      passed.add(end)
      end = next
    }
    // Whoever comes by here next needn't walk.
    for (const at of passed) ends.set(at, end)
    return end
  }

  async #leadsOn(path: PathKey, { made, known, below }: Way): Promise<boolean> {
    const passed = new Set<PathKey>()
    let leads: boolean | undefined
    for (let at = path; leads === undefined; ) {
      const next = this.#targets.get(at)
      if (made.has(at)) leads = true
      else if (passed.has(at)) leads = false
      else if (known.has(at)) leads = known.get(at) ?? false
      else if (next === undefined) leads = await below.canLinkTo(at)
      passed.add(at)
      at = next ?? at
    }
    for (const at of passed) known.set(at, leads)
    return leads
  }
}

/** What it names comes later. */
function isEarly({ target, isBehind }: Link, find: FindPath): boolean {
  return !isBehind && find(target) === 'other'
}

interface Way {
  readonly made: ReadonlySet<PathKey>
  readonly known: Map<PathKey, boolean>
  readonly below: Below
}
