/** What is named outlives a power loss, also where files come and go: which of them the disk was asked to keep. */

import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import type { BlobPath, StorageAdapter } from '../../src/storage.ts'
import { blobName, bytesOf, put, utf8 } from '../suites/material.ts'

const disk = vi.hoisted(() => ({
  synced: [] as string[],
  beforeOpen: async (_path: string) => {},
  open: 0,
  mostOpen: 0,
}))

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
      const close = handle.close.bind(handle)
      disk.mostOpen = Math.max(disk.mostOpen, ++disk.open)
      return Object.assign(handle, {
        close() {
          disk.open -= 1
          return close()
        },
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

it('P9: many updates at once hold few files open, and one that is given up waits for none', async () => {
  const storage = folder(dir)
  const paths = Array.from({ length: 200 }, (_, i) => blobName(i))
  for (const blob of paths) await put(storage, blob, bytesOf(10))
  const others = folder(dir)
  disk.mostOpen = disk.open
  const before = disk.open
  const name = (blob: BlobPath, signal?: AbortSignal): Promise<void> =>
    others.update('index.json', () => utf8(blob), { requires: [blob], signal })
  await Promise.all(paths.map(blob => name(blob)))
  expect(disk.mostOpen - before).toBeGreaterThan(1)
  // Sixteen syncs, and the one who has the lock.
  expect(disk.mostOpen - before).toBeLessThan(40)
  const third = folder(dir)
  const ended = new AbortController()
  disk.beforeOpen = async () => ended.abort(new Error('enough'))
  disk.synced.length = 0
  const given = third.update('index.json', () => utf8('x'), { requires: paths, signal: ended.signal })
  await expect(given).rejects.toThrow('enough')
  expect(disk.synced.length).toBeLessThan(40)
})
