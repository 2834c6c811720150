/** What each file of `cases/` gives, and works with. */

import type { StorageAdapter, StorageTraits } from '../../src/storage.ts'

/** What a case works with. */
export interface CaseContext {
  /** A storage on an empty place. */
  readonly storage: StorageAdapter
  /** Opens another storage on the same place; it is closed after the case. */
  open(): Promise<StorageAdapter>
}

/** One promise of the contract. */
export interface StorageCase {
  readonly name: string
  /** The trait without which the promise isn't made, and whether it is there. */
  readonly needs?: { readonly trait: keyof StorageTraits; has(traits: StorageTraits): boolean }
  run(context: CaseContext): Promise<void>
}
