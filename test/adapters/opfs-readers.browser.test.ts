/** Stored blobs of the private file system that workers read by themselves, by handles that only read. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { blobPath } from '../../src/digest.ts'
import { type Engine, engine } from '../../src/engine.ts'
import { fsck, OciDir } from '../../src/index.ts'
import type { Descriptor } from '../../src/spec.ts'
import type { StorageAdapter, StoredFile } from '../../src/storage.ts'
import { storedDigest } from '../../src/stored-digest.ts'
import { seeded } from '../golden/inputs.ts'
import { rounds } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'

const oneShot = 9_000_001
const streamed = 40_000_007

let name: string
let storage: StorageAdapter
let dir: OciDir<StorageAdapter>
/** What workers were told to read, and how often they couldn't. */
let log: { parts: number; faults: number }
let own: Engine

beforeEach(async () => {
  name = `readers-${crypto.randomUUID()}`
  storage = await opfs(name)
  log = { parts: 0, faults: 0 }
  own = engine({ workers: 2, worker: watchedWorker })
  dir = await OciDir.ensure(storage, { engine: own })
})
afterEach(async () => {
  own.pool.close()
  await storage.close()
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
})

it.each([
  ['at once', oneShot, 1],
  ['in parts', streamed, 3],
])('are hashed %s, without a byte through the page', async (_how, size, parts) => {
  const blob = await dir.writeBlob(seeded(size, 1))
  const file = await opened(blob)
  let streams = 0
  let bytes = 0
  const onBytes = (more: number): void => {
    bytes += more
  }
  // The file itself is watched: a copy of it would be another file.
  const { stream, bytes: whole } = file
  Object.assign(file, {
    stream: (...given: Parameters<typeof stream>) => {
      streams++
      return stream(...given)
    },
    bytes: (...given: Parameters<typeof whole>) => {
      streams++
      return whole(...given)
    },
  })
  expect(await storedDigest(file, blob.digest, { ...tools(), onBytes })).toBe(blob.digest)
  expect([streams, bytes, log.parts, log.faults]).toEqual([0, size, parts, 0])
})

it('are found wrong as without workers', async () => {
  const blob = await dir.writeBlob(seeded(oneShot, 2))
  const layer = await dir.writeLayer(seeded(streamed, 3))
  for (const { digest } of [blob, layer.descriptor]) await alter(digest, 5_000_000)
  const found = await fsck(storage, { engine: own })
  expect(found.findings.map(({ code }) => code)).toEqual(['BLOB_MISNAMED', 'BLOB_MISNAMED'])
  expect(found).toEqual(await fsck(storage, { engine: engine({ workers: 0 }) }))
  expect(log.parts).toBeGreaterThan(0)
})

describe('while they are read', () => {
  const removals = rounds({ short: 12, long: 200 })

  it('P8: can be removed, and written again: neither is refused', {
    timeout: 120_000 + removals * 4_000,
  }, async () => {
    const bytes = seeded(streamed, 4)
    const blob = await dir.writeBlob(bytes)
    const path = blobPath(blob.digest)
    const tally = new Tally('P8: blobs removed and written again while workers read them: refused')
    while (tally.attempts < removals) {
      tally.attempts++
      const file = await opened(blob)
      const before = log.parts
      let isDone = false
      const hashing = storedDigest(file, blob.digest, tools())
        .catch((error: unknown) => error)
        .finally(() => {
          isDone = true
        })
      await until(() => log.parts > before)
      // Both wait for their turn; without the lock the browser would refuse the first.
      const again = async (): Promise<unknown> => {
        await storage.remove(() => [path])
        if (!isDone) tally.fired++
        return dir.writeBlob(bytes)
      }
      await again().catch(() => tally.losses++)
      const found = await hashing
      if (found !== blob.digest) expect(found).toMatchObject({ code: 'STORAGE_CHANGED' })
    }
    expect(tally.report()).toMatchObject({ losses: 0 })
    const broken = new Tally('P8: the same by who asks for no lock (broken on purpose)')
    while (broken.attempts < 40) {
      broken.attempts++
      const { isRefused, isRead } = await alteredWithoutLock(blob)
      if (isRefused) broken.losses++
      if (isRead) broken.fired++
    }
    expect(broken.report().losses).toBeGreaterThan(0)
  })
})

it('are read here, and tried no more, where a worker has no such handles', async () => {
  const blobs = [await dir.writeBlob(seeded(oneShot, 6)), await dir.writeBlob(seeded(oneShot, 7))]
  own = engine({
    workers: 1,
    worker: () => watchedWorker('delete FileSystemSyncAccessHandle.prototype.mode'),
  })
  for (const blob of blobs)
    expect(await storedDigest(await opened(blob), blob.digest, tools())).toBe(blob.digest)
  expect([log.parts, log.faults]).toEqual([1, 1])
})

async function opened({ digest }: Pick<Descriptor, 'digest'>): Promise<StoredFile> {
  const file = await storage.open(blobPath(digest))
  if (file === undefined) throw new Error('the blob is there')
  return file
}

function tools(): { engine: Engine; storage: string } {
  return { engine: own, storage: name }
}

async function handleOf(digest: string): Promise<FileSystemFileHandle> {
  let folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name)
  for (const part of ['blobs', 'sha256']) folder = await folder.getDirectoryHandle(part)
  return folder.getFileHandle(digest.slice(7))
}

/** Another program's work. */
async function alter(digest: string, at: number): Promise<void> {
  const writable = await (await handleOf(digest)).createWritable({ keepExistingData: true })
  await writable.write({ type: 'write', position: at, data: new Uint8Array([1, 2, 3]) })
  await writable.close()
}

async function alteredWithoutLock(blob: Descriptor): Promise<{ isRefused: boolean; isRead: boolean }> {
  const before = log.parts
  let isRead = true
  const hashing = storedDigest(await opened(blob), blob.digest, tools())
    .catch(() => {})
    .finally(() => {
      isRead = false
    })
  await until(() => log.parts > before)
  const handle = await handleOf(blob.digest)
  const writable = await handle.createWritable({ keepExistingData: true }).catch(() => undefined)
  const found = { isRefused: writable === undefined, isRead }
  await writable?.abort()
  await hashing
  return found
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 10_000
  while (!isSo() && performance.now() < end) await new Promise(resolve => setTimeout(resolve))
}

/** The real one; `more` is what it runs, too. */
function watchedWorker(more = ''): Worker {
  const script = new URL('../../src/worker.ts', import.meta.url).href
  const source = new Blob([`import ${JSON.stringify(script)}\n${more}`], { type: 'text/javascript' })
  const worker =
    more === ''
      ? new Worker(new URL('../../src/worker.js', import.meta.url), { type: 'module' })
      : new Worker(URL.createObjectURL(source), { type: 'module' })
  const post = worker.postMessage.bind(worker)
  worker.postMessage = (message: unknown, transfer: unknown) => {
    if (typeof message === 'object' && message !== null && 'part' in message) log.parts++
    post(message, transfer as Transferable[])
  }
  worker.addEventListener('message', ({ data }) => {
    if (data.fault !== undefined) log.faults++
  })
  return worker
}
