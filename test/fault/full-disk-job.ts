/** What is tried on disks that are full, and what came of it. */

/** The disks on which each work is tried. */
export interface DiskJob {
  /** A folder to mount them in. */
  readonly parent: string
  /** What runs out. */
  readonly what: 'pages' | 'inodes'
  /** How many of them are left. */
  readonly free: readonly number[]
  /** A storage that believes in each write. */
  readonly broken: boolean
}

/** One work on one disk. */
export interface Attempt {
  readonly name: string
  readonly free: number
  readonly failed: boolean
  /** Errors that a careless writer has passed over. */
  readonly swallowed: number
  /** What isn't as it was promised. */
  readonly wrong: readonly string[]
}
