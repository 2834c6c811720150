/** What the server hears of one browser after the other, and what it comes to. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import {
  type Acknowledgement,
  type Found,
  type MediumName,
  media,
  type Orders,
  type Report,
  type StraightWay,
  straightWays,
  type Told,
} from './kill-media.ts'

/** What came of all kills, for one layout or one writer. */
export interface Sum {
  kills: number
  /** Kills of a browser in which it had acknowledged an image, or a file: it was at work. */
  atWork: number
  acknowledged: number
  /** Times that sync handles were written, as far as the browser came to say so. */
  bySyncHandle: number
  swept: number
  /** Kills after which all was gone, and those of them that the medium told of at open. */
  emptied: number
  emptiedAndTold: number
  /** Kills after which the layout was there, and something acknowledged was not. */
  partly: number
  readonly lost: string[]
  readonly wrong: string[]
}

/** What came of all kills. */
export interface Sums {
  readonly media: Readonly<Record<MediumName, Sum>>
  readonly straight: Readonly<Record<StraightWay, Sum>>
  /** Whether the database that was lost on purpose was told of. */
  isLossTold: boolean
}

const mediumNames = Object.keys(media) as readonly MediumName[]
const straightNames = Object.keys(straightWays) as readonly StraightWay[]

type Moment = 'reported' | 'at work'

/** The server's side of `kill-page.ts`. */
export class KillWatch {
  readonly sums: Sums = { media: sumsOf(mediumNames), straight: sumsOf(straightNames), isLossTold: false }
  #told: Partial<Record<MediumName, Told>> = {}
  #round = 0
  #isLast = false
  #isOver = true
  #isReported = false
  readonly #atWork = new Set<MediumName | StraightWay>()
  #fault: Error | undefined
  #heard = (): void => {}

  /** What it waits for, for messages. */
  get state(): string {
    return `round ${this.#round}, ${this.#isReported ? 'reported' : 'not reported'}, at work: ${[...this.#atWork]}`
  }

  /** The next browser starts. */
  begin({ isLast }: { readonly isLast: boolean }): void {
    this.#isLast = isLast
    this.#isOver = false
    this.#isReported = false
    this.#fault = undefined
    this.#atWork.clear()
  }

  /** Resolves when the page has come so far; rejects with what went wrong in it. */
  async until(moment: Moment): Promise<void> {
    while (!this.#isReached(moment)) {
      if (this.#fault !== undefined) throw this.#fault
      await new Promise<void>(resolve => {
        this.#heard = resolve
      })
    }
  }

  /** The browser is killed: from here on its complaints mean nothing. */
  end(): void {
    this.#isOver = true
    if (!this.#isLast) this.#round++
    for (const [name, sum] of this.#all()) {
      if (this.#isLast) continue
      sum.kills++
      if (this.#atWork.has(name)) sum.atWork++
    }
  }

  /** A request of the page, or of its worker. */
  async hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A browser that is killed ends its requests in the midst of them: those say nothing.
    const said = await json(request).catch(() => undefined)
    if (said !== undefined && request.url === '/report') this.#report(said as Report)
    if (said !== undefined && request.url === '/told')
      for (const told of said as Acknowledgement[]) this.#note(told)
    this.#heard()
    const orders: Orders = { round: this.#round, told: this.#told, isLast: this.#isLast }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(orders))
  }

  #isReached(moment: Moment): boolean {
    return moment === 'reported' ? this.#isReported : mediumNames.every(name => this.#atWork.has(name))
  }

  #note(told: Acknowledgement): void {
    if ('fault' in told) {
      if (!this.#isOver) this.#fault = new Error(told.fault)
      return
    }
    const { by } = told
    if ('bySyncHandle' in told) {
      this.#sum(by).bySyncHandle++
      return
    }
    // A whole image, or a file of a writer straight to its name.
    if (!('blob' in told)) this.#atWork.add(by)
    this.#sum(by).acknowledged++
    if (!isMedium(by)) return
    const { blobs, tags } = this.#told[by] ?? { blobs: [], tags: [] }
    this.#told[by] = {
      blobs: 'blob' in told ? [...blobs, told.blob] : blobs,
      tags: 'tag' in told ? [...tags, told.tag] : tags,
    }
  }

  #report({ found, straight, isLossTold }: Report): void {
    for (const name of mediumNames) this.#found(name, found[name])
    for (const way of straightNames) this.sums.straight[way].wrong.push(...straight[way])
    this.sums.isLossTold = isLossTold ?? false
    this.#isReported = true
  }

  #found(name: MediumName, { lost, wrong, swept, saysLost, isEmpty, kept }: Found): void {
    const sum = this.sums.media[name]
    const wasThere = (this.#told[name]?.tags.length ?? 0) + (this.#told[name]?.blobs.length ?? 0) > 0
    const in_ = `after kill ${this.#round}: `
    sum.lost.push(...lost.map(what => in_ + what))
    sum.wrong.push(...wrong.map(what => in_ + what))
    sum.swept += swept
    if (isEmpty && wasThere) {
      sum.emptied++
      if (saysLost) sum.emptiedAndTold++
      // Made anew by the look: nothing else would tell.
      if (name !== 'IndexedDB') sum.lost.push(`${in_}oci-layout`)
    } else if (lost.length > 0) sum.partly++
    this.#told[name] = kept
  }

  #sum(by: MediumName | StraightWay): Sum {
    return isMedium(by) ? this.sums.media[by] : this.sums.straight[by]
  }

  #all(): readonly (readonly [MediumName | StraightWay, Sum])[] {
    return [...mediumNames, ...straightNames].map(name => [name, this.#sum(name)])
  }
}

function isMedium(name: string): name is MediumName {
  return name in media
}

function sumsOf<Name extends string>(names: readonly Name[]): Record<Name, Sum> {
  const empty = (): Sum => ({
    kills: 0,
    atWork: 0,
    acknowledged: 0,
    bySyncHandle: 0,
    swept: 0,
    emptied: 0,
    emptiedAndTold: 0,
    partly: 0,
    lost: [],
    wrong: [],
  })
  return Object.fromEntries(names.map(name => [name, empty()])) as Record<Name, Sum>
}
