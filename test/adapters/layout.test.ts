/** The layout suite on a real folder, bare and wrapped. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { forwarding, layoutSuite, type StoragePlace } from '../suites/index.ts'

await layoutSuite({ test: { describe, it }, factory: () => place(path => folder(path)) })
await layoutSuite({ test: { describe, it }, factory: () => place(path => forwarding(folder(path))) })

async function place(open: (path: string) => StorageAdapter): Promise<StoragePlace> {
  const parent = await mkdtemp(join(tmpdir(), 'ocidir-layout-'))
  return {
    open: () => open(join(parent, 'layout')),
    remove: () => rm(parent, { recursive: true }),
  }
}
