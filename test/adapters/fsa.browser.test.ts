/** OPFS and folder handles in Chromium: the storage suite, bare, wrapped, and without `move`. */

import { describe, it } from 'vitest'
import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { folder, opfs } from '../../adapters/fsa/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { forwarding, type StoragePlace, storageSuite } from '../suites/index.ts'

let places = 0

await storageSuite({ test: { describe, it }, factory: () => place(name => opfs(name)) })
await storageSuite({
  test: { describe, it },
  factory: () => place(async name => forwarding(await opfs(name))),
})
await storageSuite({
  test: { describe, it },
  factory: () => place(async name => folder(await handleOf(name))),
})
await storageSuite({ test: { describe, it }, factory: () => place(withoutMove) })

/** As on a folder of the disk, whose files no browser moves: a copy under a lock. */
async function withoutMove(name: string): Promise<StorageAdapter> {
  const layout = { storage: `without move:${name}`, lockName: `test:${name}`, quota: false }
  return new DirectoryStorage({ ...layout, root: await handleOf(name), moves: false })
}

function place(open: (name: string) => Promise<StorageAdapter>): StoragePlace {
  const name = `suite-${places++}-${crypto.randomUUID()}`
  return {
    open: () => open(name),
    async remove() {
      await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
    },
  }
}

async function handleOf(name: string): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })
}
