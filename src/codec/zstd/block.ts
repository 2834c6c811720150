/** A compressed block (RFC 8878, 3.1.1.3), and what blocks of a frame hand on to the next ones. */

import { execute, type RecentOffsets, recentOffsets } from './execute.ts'
import type { FrameHeader } from './frame.ts'
import { History } from './history.ts'
import { Literals } from './literals.ts'
import { Section } from './section.ts'
import { Sequences } from './sequences.ts'

/** The blocks of one frame after the other. */
export class Blocks {
  /** What all blocks of the frame have given. */
  readonly history: History = new History()
  /** Where the bytes of a compressed block go before `decode`. */
  readonly section: Section = new Section()
  readonly #literals = new Literals()
  readonly #sequences = new Sequences()
  #recent: RecentOffsets = recentOffsets()

  /** Begins a frame. */
  begin({ window }: FrameHeader): void {
    this.history.begin(window)
    this.#literals.reset()
    this.#sequences.reset()
    this.#recent = recentOffsets()
  }

  /** Decodes the block in `section`, which may give `most` bytes. Throws `ZstdFault`. */
  decode(most: number): void {
    this.#literals.read(this.section, most)
    this.#sequences.read(this.section, most)
    this.history.reserve(most)
    execute(this.history, this.#recent, { literals: this.#literals, sequences: this.#sequences, most })
  }
}
