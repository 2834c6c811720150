/** IndexedDB in Chromium: the storage suite, bare and wrapped. */

import { describe, it } from 'vitest'
import { forwarding, storageSuite } from '../suites/index.ts'
import { indexedDbPlace } from './indexeddb-place.ts'

await storageSuite({ test: { describe, it }, factory: indexedDbPlace })
await storageSuite({
  test: { describe, it },
  factory: () => {
    const place = indexedDbPlace()
    return { ...place, open: async () => forwarding(await place.open()) }
  },
})
