/** What is named outlives a power loss, also where files come and go: which of them the disk was asked to keep. */

import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import type { BlobPath, StorageAdapter } from '../../src/storage.ts'
import { bytesOf, put, utf8 } from '../suites/material.ts'

const disk = vi.hoisted(() => ({ synced: [] as string[], beforeOpen: async (_path: string) => {} }))

vi.mock('node:fs/promises', async original => {
  const real = await original<typeof import('node:fs/promises')>()
  return {
    ...real,
    // As disks do that give a number to the next file at once.
    stat: async (...args: [string]) => Object.assign(await real.stat(...args), { ino: 7 }),
    async open(...args: [string, string, number?]) {
      await disk.beforeOpen(args[0])
      const handle = await real.open(...args)
      const sync = handle.sync.bind(handle)
      return Object.assign(handle, {
        sync() {
          disk.synced.push(args[0])
          return sync()
        },
      })
    },
  }
})

const path: BlobPath = `blobs/sha256/${'ab'.repeat(32)}`
let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ocidir-durable-'))
  disk.synced.length = 0
  disk.beforeOpen = async () => {}
})
afterEach(() => rm(dir, { recursive: true }))

it('P4: a relaxed layout waits for a blob again that was removed and came again', async () => {
  const storage = folder(dir, { durability: 'relaxed' })
  const name = (text: string): Promise<void> =>
    storage.update('index.json', () => utf8(text), { requires: [path] })
  for (const text of ['first', 'second']) {
    await put(storage, path, bytesOf(1000))
    await name(text)
    await name(`${text} again`)
    await storage.remove(() => [path])
  }
  expect(disk.synced.filter(each => each === join(dir, path))).toHaveLength(2)
})

it('P8: a blob that is removed while a strict writer finds it there is missed by who names it', async () => {
  const storage: StorageAdapter = folder(dir)
  await put(storage, path, bytesOf(1000))
  disk.beforeOpen = async opened => {
    if (opened === join(dir, path)) await unlink(opened)
  }
  await put(storage, path, bytesOf(1000))
  await expect(storage.update('index.json', () => utf8('{}'), { requires: [path] })).rejects.toMatchObject({
    code: 'BLOB_MISSING',
  })
})
