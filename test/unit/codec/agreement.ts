/** What comes of giving the same bytes to two readers: they take the same files and see the same bytes, or both refuse. */

import { equalBytes } from '../../../src/streams.ts'
import { seed } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'

/** One file, and what the readers made of it: its content, or why (if that is known) it is refused. */
export interface Compared {
  readonly bytes: Uint8Array
  readonly ours: Uint8Array | string
  readonly theirs: Uint8Array | undefined
  /** What they made of the file before it was changed; nothing if it never was sound. */
  readonly before?: Uint8Array | undefined
}

/** The comparison of two readers, counted. */
export class Agreement {
  readonly tally: Tally
  readonly counts = { accepted: 0, refused: 0, intended: 0 }
  /** By our reason: files that we mean to refuse. */
  readonly reasons = new Map<string, number>()
  readonly #intended: readonly string[]

  /** `intended` are our reasons to refuse what the other reader takes. */
  constructor(name: string, intended: readonly string[]) {
    this.tally = new Tally(name)
    this.#intended = intended
  }

  add({ bytes, ours, theirs, before }: Compared): void {
    const { tally, counts } = this
    tally.attempts++
    if (before === undefined || theirs === undefined || !equalBytes(theirs, before)) tally.fired++
    if (typeof ours !== 'string' && theirs !== undefined && equalBytes(ours, theirs)) counts.accepted++
    else if (typeof ours === 'string' && theirs === undefined) counts.refused++
    else if (typeof ours === 'string' && this.#intended.includes(ours)) {
      counts.intended++
      this.reasons.set(ours, (this.reasons.get(ours) ?? 0) + 1)
    } else if (++tally.losses <= 5 && !tally.name.endsWith('(broken on purpose)')) {
      const what = typeof ours === 'string' ? ours : `${ours.length} bytes`
      console.log(
        `# ${what} | ${theirs?.length} bytes (seed ${seed})\n${Buffer.from(bytes).toString('base64')}`,
      )
    }
  }

  report(): Tally {
    console.log(`${this.tally.name}: seed ${seed}, ${JSON.stringify(this.counts)}`)
    return this.tally.report()
  }
}
