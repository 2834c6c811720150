/** What a wrong adapter is. */

import type { StorageAdapter } from '../../../src/storage.ts'

/** One wrong adapter. */
export interface BrokenStorage {
  /** What it does wrong. */
  readonly fault: string
  /** The case that must fail for it; others may fail too. */
  readonly fails: string
  /** The wrong adapter, over a sound one. */
  over(sound: StorageAdapter): StorageAdapter
}

/** A wrong adapter of another suite, with the case of this one that must fail for it. */
export function asBefore(
  those: readonly BrokenStorage[],
  fault: string,
  { fails }: Pick<BrokenStorage, 'fails'>,
): BrokenStorage {
  const found = those.find(broken => broken.fault === fault)
  if (found === undefined) throw new Error(`there is no storage that ${fault}`)
  return { ...found, fails }
}
