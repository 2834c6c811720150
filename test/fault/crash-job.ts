/** What a process that will be killed is told to do. */

/** The kinds of steps, each of which is to be killed. */
export const kinds = ['layer', 'plain', 'image', 'tag', 'untag', 'copy', 'adopt', 'gc', 'sweep'] as const
/** A kind of step. */
export type Kind = (typeof kinds)[number]

/** What a child does, in its own time: steps by lot, most of them of one kind. */
export interface CrashJob {
  readonly dir: string
  /** A layout with the images `one` and `two`. */
  readonly source: string
  readonly seed: number
  readonly aim: Kind
  readonly durability: 'strict' | 'relaxed'
  /** The wrong ways: blobs under their name from the first byte, index.json in place, names before blobs. */
  readonly broken?: 'direct' | 'in place' | 'names first' | undefined
}
