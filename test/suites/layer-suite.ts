/** The layer suite: what a layer goes through on a medium, by bytes and digests that are the same in every runtime. */

import { archiveCases } from './layer-cases/archive.ts'
import { gunzipCases } from './layer-cases/gunzip.ts'
import { readingCases } from './layer-cases/reading.ts'
import { stackCases } from './layer-cases/stack.ts'
import { streamCases } from './layer-cases/streams.ts'
import { tarReadingCases } from './layer-cases/tar-reading.ts'
import { tarWritingCases } from './layer-cases/tar-writing.ts'
import { unzstdCases } from './layer-cases/unzstd.ts'
import { writingCases } from './layer-cases/writing.ts'
import type { StorageCase } from './storage-case.ts'
import {
  registerSuite,
  runStorageCase,
  type StorageFactory,
  type StorageSuiteOptions,
} from './storage-suite.ts'

/** One promise about layers; its name begins with the step that it is about. */
export type LayerCase = StorageCase

/** Every case, in the order in which they run. */
export const layerCases: readonly LayerCase[] = [
  ...writingCases,
  ...streamCases,
  ...readingCases,
  ...gunzipCases,
  ...unzstdCases,
  ...tarReadingCases,
  ...tarWritingCases,
  ...stackCases,
  ...archiveCases,
]

/**
 * Registers the layer cases for a storage, as `storageSuite` does its own. Await it at the top of a test file.
 *
 * @example
 * import { describe, it } from 'vitest'
 * await layerSuite({ test: { describe, it }, factory: () => ({ open: () => memory() }) })
 */
export function layerSuite(options: StorageSuiteOptions): Promise<void> {
  return registerSuite('layer suite', layerCases, options)
}

/** Runs one case on an empty place. Rejects when the layers there break the promise. */
export function runLayerCase(item: LayerCase, factory: StorageFactory): Promise<void> {
  return runStorageCase(item, factory)
}
