/** Half-written blobs of which a browser has to copy what is kept into another file, and what becomes of both when that ends early. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { copy } from '../../src/copy/copy.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { equalBytes } from '../../src/streams.ts'
import { read } from '../suites/material.ts'
import { LargeSource, largeSize } from '../unit/core/resumable.ts'
import { handleOf } from './fsa-places.ts'
import { resumed, written } from './part-steps.ts'

const MiB = 1024 * 1024
const kept = 4 * MiB

let name: string
let source: LargeSource
const opened: StorageAdapter[] = []
beforeEach(async () => {
  name = `take-over-${crypto.randomUUID()}`
  source = await LargeSource.make()
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const storage of opened.splice(0)) await storage.close()
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
})

/** A layout whose files are written by streams alone: in the private file system, or as in a folder of the disk. */
async function target(quota: boolean): Promise<OciDir<StorageAdapter>> {
  const root = await handleOf(name)
  const lockName = `${name}-${opened.length}`
  const storage = new DirectoryStorage({ storage: name, root, lockName, moves: true, quota })
  opened.push(storage)
  return OciDir.ensure(storage)
}

/** Leaves the first bytes of the large blob. Gives the name of their file. */
async function leaveSome(dir: OciDir<StorageAdapter>): Promise<string> {
  const part = await resumed(dir.storage, source.path, largeSize)
  await written(part, source.bytes.subarray(0, kept))
  await part.leave()
  const [file] = await parts()
  if (file === undefined) throw new Error('nothing was left')
  return file
}

async function parts(): Promise<string[]> {
  const home = await (await handleOf(name)).getDirectoryHandle('.ocidir', { create: true })
  const names: string[] = []
  for await (const entry of home.keys()) {
    // With what Chromium writes beside a file.
    if (entry.startsWith('part-')) names.push(entry)
  }
  return names
}

/** Calls back at each write of a stream into a file, with its number. Gives how many there were. */
function atWrites(call: (write: number) => void): () => number {
  const { write } = FileSystemWritableFileStream.prototype
  let writes = 0
  vi.spyOn(FileSystemWritableFileStream.prototype, 'write').mockImplementation(async function (
    this: FileSystemWritableFileStream,
    data,
  ) {
    call(++writes)
    return write.call(this, data)
  })
  return () => writes
}

async function expectCopied(dir: OciDir<StorageAdapter>, counts: { resumed: number }): Promise<void> {
  vi.restoreAllMocks()
  source.read = 0
  expect(await copy(await source.dir(), dir)).toMatchObject(counts)
  expect(source.read).toBe(counts.resumed > 0 ? largeSize - kept : largeSize)
  const found = await read(dir.storage, source.path)
  expect(found !== undefined && equalBytes(found, source.bytes)).toBe(true)
  expect(await fsck(dir.storage)).toMatchObject({ ok: true })
  expect(await parts()).toEqual([])
}

describe.each([
  { where: 'in the private file system', quota: true },
  { where: 'in a folder of the disk', quota: false },
])('$where', ({ quota }) => {
  it.each([
    { what: 'an error', reason: new Error('enough') },
    { what: 'no reason', reason: undefined },
  ])(
    'a copy of what is kept ends at an abort with $what, and the next goes on from the same file',
    async ({ reason }) => {
      const dir = await target(quota)
      const file = await leaveSome(dir)
      const abort = new AbortController()
      const writes = atWrites(write => {
        if (write === 2) abort.abort(reason)
      })
      const thrown = await copy(await source.dir(), dir, { signal: abort.signal }).catch(error => error)
      expect(thrown).toBe(abort.signal.reason)
      expect(writes()).toBe(2)
      expect(await parts()).toEqual([file])
      await expectCopied(dir, { resumed: 1 })
    },
  )
})

it('whoever aborts while what is kept is copied is told so by the write or the close that waits for it', async () => {
  for (const how of ['write', 'close']) {
    const dir = await target(true)
    await leaveSome(dir)
    const abort = new AbortController()
    const options = { size: largeSize, signal: abort.signal }
    const sink = (await dir.storage.resume?.(source.path, options))?.writable.getWriter()
    sink?.closed.catch(() => {})
    atWrites(write => {
      if (write === 2) abort.abort()
    })
    const ended = how === 'write' ? sink?.write(source.bytes.subarray(kept)) : sink?.close()
    const thrown = await ended?.catch(error => error)
    expect(abort.signal.aborted).toBe(true)
    expect(thrown, how).toBe(abort.signal.reason)
    await expectCopied(dir, { resumed: 1 })
    await dir.storage.remove(() => [source.path])
  }
})

describe('where there is no room for what is kept and a copy of it', () => {
  async function fillUp(dir: OciDir<StorageAdapter>): Promise<void> {
    const writes = atWrites(write => {
      if (write === 3) throw new DOMException('full', 'QuotaExceededError')
    })
    await expect(copy(await source.dir(), dir)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    expect(writes()).toBe(3)
  }

  it('both go in the private file system, and the next copy begins anew', async () => {
    const dir = await target(true)
    await leaveSome(dir)
    await fillUp(dir)
    expect(await parts()).toEqual([])
    await expectCopied(dir, { resumed: 0 })
  })

  it('what was kept stays in a folder of the disk, for it may be the file of another', async () => {
    const file = await leaveSome(await target(false))
    const dir = await target(false)
    await fillUp(dir)
    expect(await parts()).toEqual([file])
    await expectCopied(dir, { resumed: 1 })
  })
})

it('who discards in a folder of the disk drops what he left himself, whatever he has written since', async () => {
  for (const size of [0, 1000, 2 * MiB]) {
    const dir = await target(false)
    await leaveSome(dir)
    const part = await resumed(dir.storage, source.path, largeSize)
    expect(part.kept.size).toBe(kept)
    if (size > 0) await written(part, source.bytes.subarray(kept, kept + size))
    await part.discard()
    expect(await parts(), `${size} bytes`).toEqual([])
  }
})

it('who discards before he has written leaves the part of another alone in a folder of the disk', async () => {
  const one = await target(false)
  const file = await leaveSome(one)
  const other = await resumed((await target(false)).storage, source.path, largeSize)
  expect(other.kept.size).toBe(kept)
  await other.discard()
  expect(await parts()).toEqual([file])
  await expectCopied(one, { resumed: 1 })
})
