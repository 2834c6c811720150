/** What the parts of a repair have in common: the layout, where else to look, what was done. */

import { isContentFault, isOciError } from '../errors.ts'
import type { Layout } from '../layout.ts'
import type { AbortOptions, ReadableStorage, StorageAdapter } from '../storage.ts'

/**
 * `fetched`: from another storage. `rebuilt`: of what the layout holds itself. `corrected`: a field of index.json became
 * what its blob says. `quarantined`: what couldn't be used was taken from its place and is kept as a blob.
 */
export type RepairKind = 'fetched' | 'rebuilt' | 'corrected' | 'quarantined'

/** One thing that `repair` did, or in a dry run would do. */
export interface RepairAction {
  readonly kind: RepairKind
  /** The blob concerned; of something quarantined, the blob that keeps it. */
  readonly digest?: string
  /** A file's path, or a place in index.json (`index.json/manifests/0`). */
  readonly path: string
  readonly message: string
}

/** What each part of a repair is given. */
export interface Work extends AbortOptions {
  readonly layout: Layout<StorageAdapter>
  /** Where to fetch from, in this order. */
  readonly sources: readonly ReadableStorage[]
  note(action: RepairAction): void
  /** Called as bytes pass. */
  passed(bytes: number): void
}

/** What can be had; `undefined` where the content is at fault. A medium that fails isn't a layout that lacks something. */
export async function unlessFaulty<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isContentFault(error)) return undefined
    throw error
  }
}

/** The same for what is read of a source: one that fails is as good as none. */
export async function unlessUnreadable<T>(reading: Promise<T>, { signal }: Work): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    signal?.throwIfAborted()
    if (isOciError(error)) return undefined
    throw error
  }
}
