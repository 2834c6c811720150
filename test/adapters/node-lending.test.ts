/** A disk's files read in memory that is used again, and by threads themselves (those of the built package). */

import { createHash } from 'node:crypto'
import { truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type * as Adapter from '../../adapters/node/index.ts'
import { readFolder } from '../../adapters/node/index.ts'
import { engine } from '../../src/engine.ts'
import { Pool } from '../../src/pool.ts'
import type * as Shares from '../../src/shared-file.ts'
import { letShare, type SharedFile, type SharedWay } from '../../src/shared-file.ts'
import type { NativeTools, StoredFile, WorkerLike } from '../../src/storage.ts'
import { storedDigest } from '../../src/stored-digest.ts'
import { chunksOf, concat, equalBytes, lentChunksOf } from '../../src/streams.ts'
import { entriesOf } from '../../src/tar/index.ts'
import { seeded } from '../golden/inputs.ts'
import { rounds } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'

const shares: typeof Shares = await import('../../dist/src/shared-file.js' as string)
const { folder }: typeof Adapter = await import('../../dist/adapters/node/index.js' as string)
const size = 70_000_003
const content = seeded(size, 8)
const hex = createHash('sha256').update(content).digest('hex')
const kills = rounds({ short: 5, long: 200 })
const other = content.slice().reverse()
const digest = `sha256:${hex}` as const

let place: string
let path: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ocidir-lending-'))
  await mkdir(join(place, 'blobs/sha256'), { recursive: true })
  path = join(place, 'blobs/sha256', hex)
  await writeFile(path, content)
})
afterEach(() => rm(place, { recursive: true }))

it('a file lends few buffers, and gives every other reader chunks of his own', async () => {
  const { file: own } = await import('../../adapters/node/index.ts')
  const found = await own(path)
  const buffers = new Set<ArrayBufferLike>()
  const hash = createHash('sha256')
  for await (const chunk of lentChunksOf(found.stream())) {
    buffers.add(chunk.buffer)
    hash.update(chunk)
  }
  expect(`sha256:${hash.digest('hex')}`).toBe(digest)
  expect(buffers.size).toBe(2)
  const kept: Uint8Array[] = []
  for await (const chunk of chunksOf(found.stream())) kept.push(chunk)
  expect(equalBytes(concat(kept), content)).toBe(true)
  expect(new Set(kept.map(({ buffer }) => buffer)).size).toBe(kept.length)
})

it('a folder lends each of its files in one buffer, and gives every other reader chunks of his own', async () => {
  const entries = entriesOf(readFolder(place))
  const tar = await concatOf(chunksOf(entries.tar()))
  const buffers = new Set<ArrayBufferLike>()
  const hash = createHash('sha256')
  for await (const chunk of lentChunksOf(entries.tar())) {
    if (chunk.length > 1024) buffers.add(chunk.buffer)
    hash.update(chunk)
  }
  expect(hash.digest('hex')).toBe(createHash('sha256').update(tar).digest('hex'))
  expect(buffers.size).toBe(1)
})

async function concatOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const kept: Uint8Array[] = []
  for await (const chunk of chunks) kept.push(chunk)
  return concat(kept)
}

describe('a thread that hashes a file', () => {
  it('reads it by itself: no byte of it goes through the calling thread', async () => {
    const { stored, tools, log } = await watched()
    let bytes = 0
    const onBytes = (more: number): void => {
      bytes += more
    }
    expect(await storedDigest(stored, digest, { ...tools, onBytes })).toBe(digest)
    expect(bytes).toBe(size)
    expect(log.parts).toBe(Math.ceil(size / 2 ** 24))
    expect([log.streams, log.opened, log.closed]).toEqual([0, 1, 1])
    tools.engine.pool.close()
  })

  it('P1: that is killed loses nothing, and the file is closed', {
    timeout: 60_000 + kills * 2_000,
  }, async () => {
    const tally = new Tally('P1: a check whose thread is killed while it reads a blob')
    while (tally.attempts < kills) {
      const { stored, tools, log } = await watched({ kill: 1 + (tally.attempts++ % 5) })
      if ((await storedDigest(stored, digest, tools)) !== digest) tally.losses++
      if (log.killed) tally.fired++
      expect([log.opened, log.closed]).toEqual([1, 1])
      tools.engine.pool.close()
    }
    expect(tally.report()).toMatchObject({ losses: 0 })
    expect(tally.fired).toBeGreaterThan(tally.attempts / 2)
  })

  it('and finds another file behind the number leaves it to the calling thread', async () => {
    const second = join(place, 'second')
    await writeFile(second, other)
    const handle = await open(second)
    const { stored, tools, log } = await watched({
      share: shared => ({ ...shared, way: { ...shared.way, descriptor: handle.fd } as SharedWay }),
    })
    expect(await storedDigest(stored, digest, tools)).toBe(digest)
    expect(log.streams).toBe(1)
    await handle.close()
    tools.engine.pool.close()
  })

  it.each<[string, () => void]>([
    ['is written in place', () => writeFileSync(path, other)],
    ['becomes shorter', () => truncateSync(path, 20_000_000)],
    ['is touched', () => utimesSync(path, 1, 1)],
  ])('tells when the file %s meanwhile', async (_name, change) => {
    const { stored, tools } = await watched({ beforePart: { number: 3, act: change } })
    await expect(storedDigest(stored, digest, tools)).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
    tools.engine.pool.close()
  })

  it('is left at once by an abort, though it says nothing', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const { stored, tools } = await watched({ isSilent: true })
    const hashing = storedDigest(stored, digest, { ...tools, signal })
    setTimeout(() => controller.abort(new Error('enough')), 200)
    const began = performance.now()
    await expect(hashing).rejects.toThrow('enough')
    expect(performance.now() - began).toBeLessThan(2_000)
    tools.engine.pool.close()
  })
})

interface Watching {
  /** The part at whose answer its thread is killed. */
  readonly kill?: number
  readonly isSilent?: boolean
  /** What happens to the file at one of its parts. */
  readonly beforePart?: { readonly number: number; act(): void }
  share?(shared: SharedFile): SharedFile
}

/** The file, an engine of one thread, and what both were asked for. */
async function watched({ kill, isSilent, beforePart, share = shared => shared }: Watching = {}) {
  const log = { parts: 0, streams: 0, opened: 0, closed: 0, killed: false }
  const storage = folder(place)
  const found = await storage.open(`blobs/sha256/${hex}`)
  const { native } = storage
  const threads = native?.threads
  if (found === undefined || threads === undefined) throw new Error('Node has threads')
  const stored: StoredFile = {
    ...found,
    stream(range) {
      log.streams++
      return found.stream(range)
    },
  }
  const start = (): WorkerLike => {
    const thread = threads.start()
    const post = thread.postMessage.bind(thread)
    thread.postMessage = (message, transfer) => {
      const isPart = typeof message === 'object' && message !== null && 'part' in message
      if (isPart) log.parts++
      if (isSilent) return
      if (isPart && log.parts === kill) {
        log.killed = true
        thread.terminate()
      }
      const isTime = isPart && log.parts === beforePart?.number
      if (isTime) beforePart.act()
      post(message, transfer)
    }
    return thread
  }
  // The adapter knows the files that it has made itself, and no copy of one.
  letShare(stored, async () => {
    const shared = await shares.sharedFile(found)
    if (shared === undefined) return undefined
    log.opened++
    const close = async (isRefused: boolean): Promise<void> => {
      log.closed++
      await shared.close(isRefused)
    }
    return share({ ...shared, close })
  })
  const pool = new Pool({ workers: 1, start })
  const tools = { engine: { ...engine({ native: storage.native as NativeTools }), pool }, storage: 'disk' }
  return { stored, tools, log }
}
