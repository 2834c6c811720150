/** An empty database for each case of a suite, in any browser and under any runner. */

import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import type { StoragePlace } from '../suites/index.ts'

/** A database of its own name. */
export function indexedDbPlace(): StoragePlace {
  const name = `suite-${crypto.randomUUID()}`
  return { open: () => indexedDb(name), remove: () => removeIndexedDb(name) }
}
