/** The Node adapter: the storage suite on a real folder, bare, relaxed and wrapped. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { type FolderOptions, folder } from '../../adapters/node/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { forwarding, type StoragePlace, storageSuite } from '../suites/index.ts'

await storageSuite({ test: { describe, it }, factory: () => place() })
await storageSuite({ test: { describe, it }, factory: () => place({ durability: 'relaxed' }) })
await storageSuite({ test: { describe, it }, factory: () => place({}, forwarding) })

async function place(
  options: FolderOptions = {},
  wrap: (storage: StorageAdapter) => StorageAdapter = storage => storage,
): Promise<StoragePlace> {
  const parent = await mkdtemp(join(tmpdir(), 'ocidir-suite-'))
  return {
    open: () => wrap(folder(join(parent, 'layout'), options)),
    remove: () => rm(parent, { recursive: true }),
  }
}
