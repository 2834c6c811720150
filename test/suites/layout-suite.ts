/** The layout suite: what the Rust crate `ocidir` does, and the figures of its own tests, over any storage that can be written. */

import { blobCases } from './layout-cases/blobs.ts'
import { checkCases } from './layout-cases/check.ts'
import { documentCases } from './layout-cases/documents.ts'
import { errorCases } from './layout-cases/errors.ts'
import { layerCases } from './layout-cases/layers.ts'
import { manifestCases } from './layout-cases/manifests.ts'
import { movingCases } from './layout-cases/moving.ts'
import { openingCases } from './layout-cases/opening.ts'
import { platformCases } from './layout-cases/platforms.ts'
import { pushCases } from './layout-cases/push.ts'
import { tagCases } from './layout-cases/tags.ts'
import type { StorageCase } from './storage-case.ts'
import {
  registerSuite,
  runStorageCase,
  type StorageFactory,
  type StorageSuiteOptions,
} from './storage-suite.ts'

/** One promise of `OciDir`; its name begins with the crate's name for what it is about. */
export type LayoutCase = StorageCase

/** Every case, in the order in which they run. */
export const layoutCases: readonly LayoutCase[] = [
  ...openingCases,
  ...blobCases,
  ...documentCases,
  ...layerCases,
  ...pushCases,
  ...manifestCases,
  ...tagCases,
  ...platformCases,
  ...checkCases,
  ...movingCases,
  ...errorCases,
]

/**
 * Registers the layout cases for a storage, as `storageSuite` does its own. Await it at the top of a test file.
 *
 * @example
 * import { describe, it } from 'vitest'
 * await layoutSuite({ test: { describe, it }, factory: () => ({ open: () => memory() }) })
 */
export function layoutSuite(options: StorageSuiteOptions): Promise<void> {
  return registerSuite('layout suite', layoutCases, options)
}

/** Runs one case on an empty place. Rejects when the layout there breaks the promise. */
export function runLayoutCase(item: LayoutCase, factory: StorageFactory): Promise<void> {
  return runStorageCase(item, factory)
}
