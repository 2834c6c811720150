/** The conformance suite of storages: what each case promises, an adapter keeps, or it isn't one. */

import type { StorageAdapter, StorageTraits } from '../../src/storage.ts'
import { adoptingCases } from './cases/adopting.ts'
import { closingCases } from './cases/closing.ts'
import { concurrencyCases } from './cases/concurrency.ts'
import { listingCases } from './cases/listing.ts'
import { nameCases } from './cases/names.ts'
import { nativeCases } from './cases/native.ts'
import { persistenceCases } from './cases/persistence.ts'
import { rangeCases } from './cases/ranges.ts'
import { readingCases } from './cases/reading.ts'
import { removeCases } from './cases/remove.ts'
import { resumingCases } from './cases/resuming.ts'
import { stagingCases } from './cases/staging.ts'
import { staleCases } from './cases/stale.ts'
import { sweepCases } from './cases/sweep.ts'
import { updateCases } from './cases/update.ts'
import type { StorageCase } from './storage-case.ts'

/** One place where a layout can be; each case gets an empty one. */
export interface StoragePlace {
  /** Opens a storage on the place; where the medium is persistent, all of them see the same files. */
  open(): StorageAdapter | Promise<StorageAdapter>
  /** Removes the place. */
  remove?(): Promise<void>
}

/** Makes an empty place. */
export type StorageFactory = () => StoragePlace | Promise<StoragePlace>

/** The runner's own functions: those of vitest, mocha, node:test and jest all fit. */
export interface TestFunctions {
  describe(name: string, body: () => void): unknown
  it: {
    (name: string, body: () => Promise<void>): unknown
    /** Where it is there, cases that a trait leaves out are shown, with the trait. */
    skip?: (name: string, body: () => Promise<void>) => unknown
  }
}

/** All that the suite takes. Which cases run is nobody's choice: the storage's traits say it. */
export interface StorageSuiteOptions {
  readonly test: TestFunctions
  readonly factory: StorageFactory
}

/** Every case, in the order in which they run. */
export const storageCases: readonly StorageCase[] = [
  ...nameCases,
  ...readingCases,
  ...rangeCases,
  ...staleCases,
  ...stagingCases,
  ...adoptingCases,
  ...resumingCases,
  ...updateCases,
  ...removeCases,
  ...listingCases,
  ...sweepCases,
  ...closingCases,
  ...persistenceCases,
  ...concurrencyCases,
  ...nativeCases,
]

/**
 * Registers the conformance cases for a storage. Await it at the top of a test file: it opens one storage to read
 * its traits.
 *
 * @example
 * import { describe, it } from 'vitest'
 * await storageSuite({ test: { describe, it }, factory: () => ({ open: () => memory() }) })
 */
export function storageSuite(options: StorageSuiteOptions): Promise<void> {
  return registerSuite('storage suite', storageCases, options)
}

/** Registers the cases of any suite that the storage's traits ask for. */
export async function registerSuite(
  suite: string,
  cases: readonly StorageCase[],
  options: StorageSuiteOptions,
): Promise<void> {
  const { test, factory, ...unknown } = options
  for (const name of Object.keys(unknown)) {
    throw new TypeError(`the ${suite} has no option ${name}: cases are picked by traits alone`)
  }
  const { name, traits } = await probe(factory)
  test.describe(`${suite}: ${name}`, () => {
    for (const item of cases) register(test, item, { factory, traits })
  })
}

/** Runs one case on an empty place. Rejects when the storage breaks the promise. */
export async function runStorageCase(item: StorageCase, factory: StorageFactory): Promise<void> {
  const place = await factory()
  const storages: StorageAdapter[] = []
  const open = async (): Promise<StorageAdapter> => {
    const storage = await place.open()
    storages.push(storage)
    return storage
  }
  try {
    await item.run({ storage: await open(), open })
  } finally {
    for (const storage of storages) await storage.close()
    await place.remove?.()
  }
}

function register(
  test: TestFunctions,
  item: StorageCase,
  { factory, traits }: { factory: StorageFactory; traits: StorageTraits },
): void {
  const run = (): Promise<void> => runStorageCase(item, factory)
  if (item.needs === undefined || item.needs.has(traits)) test.it(item.name, run)
  else test.it.skip?.(`${item.name} (left out: trait ${item.needs.trait})`, run)
}

async function probe(factory: StorageFactory): Promise<{ name: string; traits: StorageTraits }> {
  const place = await factory()
  const storage = await place.open()
  const { name, traits } = storage
  await storage.close()
  await place.remove?.()
  return { name, traits }
}
