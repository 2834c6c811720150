/** A database that the browser lost is noticed and said (P19); one that was removed on purpose is just gone. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { addLine, blobName, bytesOf, put } from '../suites/material.ts'
import { lose, openRaw } from './indexeddb-raw.ts'

let name: string

beforeEach(() => {
  name = `loss-${crypto.randomUUID()}`
})
afterEach(async () => {
  vi.restoreAllMocks()
  await removeIndexedDb(name)
})

describe.each([
  ['with a private file system', () => {}],
  ['without one, by localStorage', hidePrivateFiles],
])('a lost database, %s', (_, prepare) => {
  beforeEach(prepare)

  it('P19: is told by the storage, by OciDir.open and by fsck', async () => {
    await written()
    await lose(name)
    const before = Date.now()
    const storage = await indexedDb(name)
    expect(storage.lostSince).toBeGreaterThanOrEqual(before)
    expect(storage.lostSince).toBeLessThanOrEqual(Date.now())
    await expect(OciDir.open(storage)).rejects.toMatchObject({
      code: 'STORAGE_LOST',
      data: { storage: `indexeddb:${name}`, since: storage.lostSince },
    })
    const { ok, findings } = await fsck(storage)
    expect(ok).toBe(false)
    expect(findings.filter(found => found.code === 'STORAGE_LOST')).toMatchObject([{ severity: 'error' }])
    await storage.close()
  })

  it('is told again by every storage until a blob is written, also when the layout was made anew', async () => {
    await written()
    await lose(name)
    const first = await indexedDb(name)
    await OciDir.ensure(first)
    const second = await indexedDb(name)
    expect(second.lostSince).toBe(first.lostSince)
    const { ok, findings } = await fsck(second)
    expect(ok).toBe(true)
    expect(findings).toMatchObject([{ severity: 'warning', code: 'STORAGE_LOST' }])
    await put(second, blobName(1), bytesOf(10))
    const third = await indexedDb(name)
    expect(third.lostSince).toBeUndefined()
    // Who was told stays told.
    expect(first.lostSince).toBe(second.lostSince)
    for (const storage of [first, second, third]) await storage.close()
  })

  it('P19: is told by a storage that is open while it happens', async () => {
    const storage = await written()
    const staged = await storage.stage()
    const writer = staged.writable.getWriter()
    await writer.write(bytesOf(2_500_000))
    await lose(name)
    expect(await storage.open('index.json')).toBeUndefined()
    expect(storage.lostSince).toBeDefined()
    await expect(writer.write(bytesOf(2_500_000)).then(() => writer.close())).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    })
    await storage.close()
  })

  it('that is lost twice is told twice', async () => {
    for (let i = 0; i < 2; i++) {
      const storage = await written()
      await storage.close()
      await lose(name)
      const after = await indexedDb(name)
      expect(after.lostSince).toBeDefined()
      await after.close()
    }
  })

  it('is told also where an opening that nobody waited for any more made it anew', async () => {
    await (await written()).close()
    const holder = await openRaw(name)
    const losing = lose(name)
    await expect(indexedDb(name, { timeout: 100 })).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    holder.close()
    await losing
    const storage = await indexedDb(name)
    expect(storage.lostSince).toBeDefined()
    await storage.close()
  })

  it('is told also where the one who noticed it came to no end', async () => {
    await (await written()).close()
    await lose(name)
    // Killed as soon as the database is there: no transaction of its own begins.
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(() => {
      throw new DOMException('killed', 'UnknownError')
    })
    await expect(indexedDb(name)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    begin.mockRestore()
    const storage = await indexedDb(name)
    expect(storage.lostSince).toBeDefined()
    await storage.close()
  })

  it('was none where it was removed on purpose while it was opened', async () => {
    await (await written()).close()
    const [storage] = await Promise.all([indexedDb(name), removeIndexedDb(name)])
    expect(await storage.open('index.json')).toBeUndefined()
    expect(storage.lostSince).toBeUndefined()
    await storage.close()
  })

  it('was none where it was removed on purpose', async () => {
    const storage = await written()
    await removeIndexedDb(name)
    expect(await storage.open('index.json')).toBeUndefined()
    expect(storage.lostSince).toBeUndefined()
    await expect(OciDir.open(storage)).rejects.toMatchObject({ code: 'LAYOUT_MISSING' })
    await storage.close()
    await removeIndexedDb(name)
    const again = await indexedDb(name)
    expect(again.lostSince).toBeUndefined()
    await again.close()
  })

  it('was none where nothing was ever written', async () => {
    const storage = await indexedDb(name)
    expect(await storage.open('index.json')).toBeUndefined()
    await lose(name)
    const again = await indexedDb(name)
    expect(again.lostSince).toBeUndefined()
    for (const each of [storage, again]) await each.close()
  })

  it('was none where several make it at once', async () => {
    for (let round = 0; round < 10; round++) {
      const all = await Promise.all(
        Array.from({ length: 4 }, async (_, i) => {
          const storage = await indexedDb(`${name}-${round}`)
          await addLine(storage, `${i}`)
          return storage
        }),
      )
      expect(all.map(storage => storage.lostSince)).toEqual(Array(4).fill(undefined))
      for (const storage of all) await storage.close()
      await removeIndexedDb(`${name}-${round}`)
    }
  })
})

it('where nothing can be noted, nothing fails and nothing is told', async () => {
  hidePrivateFiles()
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('blocked', 'SecurityError')
  })
  await written()
  await lose(name)
  const storage = await indexedDb(name)
  expect(storage.lostSince).toBeUndefined()
  await storage.close()
})

/** A layout with a blob, its storage open. */
async function written(): ReturnType<typeof indexedDb> {
  const storage = await indexedDb(name)
  await OciDir.ensure(storage)
  await put(storage, blobName(1), bytesOf(10))
  return storage
}

function hidePrivateFiles(): void {
  const refusal = new DOMException('not in a private window', 'SecurityError')
  vi.spyOn(StorageManager.prototype, 'getDirectory').mockRejectedValue(refusal)
}
