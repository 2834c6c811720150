/** The layout suite on OPFS and IndexedDB in Chromium: bare and wrapped. */

import { describe, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { forwarding, layoutSuite, type StoragePlace } from '../suites/index.ts'
import { indexedDbPlace } from './indexeddb-place.ts'

const test = { describe, it }

await layoutSuite({ test, factory: () => place(name => opfs(name)) })
await layoutSuite({ test, factory: () => place(async name => forwarding(await opfs(name))) })
await layoutSuite({ test, factory: indexedDbPlace })
await layoutSuite({
  test,
  factory: () => {
    const place = indexedDbPlace()
    return { ...place, open: async () => forwarding(await place.open()) }
  },
})

function place(open: (name: string) => Promise<StorageAdapter>): StoragePlace {
  const name = `layout-${crypto.randomUUID()}`
  return {
    open: () => open(name),
    async remove() {
      await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
    },
  }
}
