/** Large blobs in the private file system: by which way they are written, and what happens when that way fails. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { opfs } from '../../adapters/fsa/index.ts'
import { type LargeFiles, largeFiles } from '../../adapters/fsa/large-files.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { storageOver } from './fsa-places.ts'

const MiB = 1024 * 1024
const blob = 'blobs/sha256/aa'

let name: string
let storage: StorageAdapter | undefined
/** Anew for each test: a worker is shared by the function that starts it. */
let startWorker: () => Worker
const workers: { terminated: boolean }[] = []

beforeEach(() => {
  name = `large-${crypto.randomUUID()}`
  workers.length = 0
  startWorker = () => watchedWorker()
})
afterEach(async () => {
  vi.useRealTimers()
  await storage?.close()
  storage = undefined
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
})

describe('a large blob', () => {
  it('is written by a worker, a small one without', async () => {
    const { large, writing } = await storageWith(startWorker)
    await put(writing, 3 * MiB, { size: 3 * MiB })
    await put(writing, 1000)
    expect(large.tally).toEqual({ opened: 0, refused: 0 })
    expect(workers.length).toBe(0)
    await put(writing, 9 * MiB + 1)
    await put(writing, 5 * MiB, { size: 5 * MiB })
    expect(large.tally).toEqual({ opened: 2, refused: 0 })
    expect(workers.length).toBe(1)
  })

  it('is written by the worker that the page starts', async () => {
    storage = await opfs(name, { worker: startWorker })
    await put(storage, 5 * MiB)
    expect(workers.length).toBe(1)
  })

  it('keeps the bytes of chunks that its caller uses again, in whatever sizes they come', async () => {
    const { large, writing } = await storageWith(startWorker)
    const staged = await writing.stage({ size: 6 * MiB })
    const writer = staged.writable.getWriter()
    const chunk = new Uint8Array(MiB + 17)
    for (let value = 1; value <= 5; value++) {
      chunk.fill(value)
      await writer.write(chunk)
    }
    await writer.close()
    await staged.commit(blob)
    const bytes = await (await writing.open(blob))?.bytes()
    expect(bytes?.length).toBe(5 * chunk.length)
    for (let value = 1; value <= 5; value++) {
      const part = bytes?.subarray((value - 1) * chunk.length, value * chunk.length)
      expect(part?.every(byte => byte === value)).toBe(true)
    }
    expect(large.tally.opened).toBe(1)
  })

  it('goes without a handle when 64 are open, for Safari has 252 for all tabs', async () => {
    const large = largeFiles([name], { worker: startWorker, least: 0 })
    const writing = await use(storageOver(name, large))
    const count = 70
    // All of them written to before the first is closed.
    const staged = await Promise.all(Array.from({ length: count }, () => writing.stage()))
    const sinks = staged.map(({ writable }) => writable.getWriter())
    await Promise.all(sinks.map((sink, i) => sink.write(bytesOf(MiB, i))))
    for (const sink of sinks) await sink.close()
    for (const each of staged) await each.discard()
    expect(large.tally.refused).toBeGreaterThan(0)
    expect(large.tally.opened + large.tally.refused).toBe(count)
    const before = large.tally.opened
    await put(writing, MiB, { seed: count })
    expect(large.tally.opened).toBe(before + 1)
  })
})

describe('the worker', () => {
  it('ends when it has nothing to write for a while, and starts again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { writing } = await storageWith(startWorker)
    await put(writing, 5 * MiB)
    await vi.advanceTimersByTimeAsync(4_900)
    expect(workers).toEqual([{ terminated: false }])
    await vi.advanceTimersByTimeAsync(200)
    expect(workers).toEqual([{ terminated: true }])
    await put(writing, 5 * MiB, { seed: 2 })
    expect(workers).toEqual([{ terminated: true }, { terminated: false }])
  })

  it('does not end in the middle of a blob that comes slowly', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { writing } = await storageWith(startWorker)
    const staged = await writing.stage()
    const writer = staged.writable.getWriter()
    await writer.write(bytesOf(2 * MiB, 1))
    await vi.advanceTimersByTimeAsync(60_000)
    await writer.write(bytesOf(2 * MiB, 1))
    await writer.close()
    expect(await staged.commit(blob)).toBe('written')
    expect(workers).toEqual([{ terminated: false }])
  })

  it.each<[string, () => Worker]>([
    [
      'can not be made, as a policy may have it',
      () => {
        throw new DOMException('refused', 'SecurityError')
      },
    ],
    ['has no script', () => new Worker('/there-is-no-such-worker.js', { type: 'module' })],
    ['does not parse', () => scripted('this is no script')],
    ['fails at its start', () => scripted('throw new Error("start")')],
    ['has no sync access handles', () => scripted(answering('NotSupportedError'))],
  ])('that %s is tried once, and createWritable does the work', async (_, start) => {
    let starts = 0
    const { large, writing } = await storageWith(() => {
      starts++
      return start()
    })
    for (let seed = 1; seed <= 3; seed++) await put(writing, 5 * MiB, { seed })
    expect(large.tally).toEqual({ opened: 0, refused: 3 })
    expect(starts).toBe(1)
  })

  it('that never answers is waited for ten seconds, once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { large, writing } = await storageWith(() => scripted(''))
    const putting = put(writing, 5 * MiB)
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1))
    await vi.advanceTimersByTimeAsync(10_000)
    await putting
    await put(writing, 5 * MiB, { seed: 2 })
    expect(large.tally).toEqual({ opened: 0, refused: 2 })
  })

  it('that has answered before is waited for, and the blobs on their way are not given up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let release = (): void => {}
    const { large, writing } = await storageWith(() => {
      const worker = watchedWorker()
      const post = worker.postMessage.bind(worker)
      worker.postMessage = (message: { open?: unknown }, transfer: unknown) => {
        const send = (): void => post(message, transfer as Transferable[])
        if (message.open && large.tally.opened > 0) release = send
        else send()
      }
      return worker
    })
    const staged = await writing.stage({ size: 8 * MiB })
    const writer = staged.writable.getWriter()
    await writer.write(bytesOf(4 * MiB, 2))
    const putting = put(writing, 5 * MiB)
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1))
    await vi.advanceTimersByTimeAsync(10_000)
    await writer.write(bytesOf(4 * MiB, 2))
    await writer.close()
    expect(await staged.commit('blobs/sha256/2')).toBe('written')
    release()
    await putting
    expect(large.tally).toEqual({ opened: 2, refused: 0 })
  })

  it('that gives no handle this time is asked again the next time', async () => {
    const { large, writing } = await storageWith(() => scripted(answering('InvalidStateError')))
    await put(writing, 5 * MiB)
    await put(writing, 5 * MiB, { seed: 2 })
    expect(large.tally).toEqual({ opened: 0, refused: 2 })
  })

  it('that dies in the middle of a blob fails that blob, and the next goes without it', async () => {
    const dying = `onmessage = ({ data }) => { if (data.write) throw new Error('died'); postMessage({ file: data.file }) }`
    const { large, writing } = await storageWith(() => scripted(dying))
    await expect(put(writing, 9 * MiB)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await namesIn(writing)).toEqual([])
    await put(writing, 5 * MiB)
    expect(large.tally).toEqual({ opened: 1, refused: 1 })
    expect(await namesIn(writing)).toEqual([blob])
  })
})

interface Opened {
  readonly large: LargeFiles
  readonly writing: DirectoryStorage
}

async function storageWith(worker: () => Worker): Promise<Opened> {
  const large = largeFiles([name], { worker })
  return { large, writing: await use(storageOver(name, large)) }
}

async function use(opening: Promise<DirectoryStorage>): Promise<DirectoryStorage> {
  const opened = await opening
  storage = opened
  return opened
}

/** The adapter's own worker, watched. */
function watchedWorker(): Worker {
  const worker = new Worker(new URL('../../adapters/fsa/worker.js', import.meta.url), { type: 'module' })
  const watched = { terminated: false }
  workers.push(watched)
  const terminate = worker.terminate.bind(worker)
  worker.terminate = () => {
    watched.terminated = true
    terminate()
  }
  return worker
}

function scripted(script: string): Worker {
  return new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })))
}

function answering(fault: string): string {
  return `onmessage = ({ data }) => postMessage({ file: data.file, fault: { name: '${fault}', message: 'no' } })`
}

/** Writes a blob in chunks of an odd size and reads it back. */
async function put(
  to: StorageAdapter,
  size: number,
  { seed = 1, ...hint }: { seed?: number; size?: number } = {},
): Promise<void> {
  const bytes = bytesOf(size, seed)
  const staged = await to.stage(hint)
  const writer = staged.writable.getWriter()
  writer.closed.catch(() => {})
  for (let at = 0; at < size; at += 300_007) await writer.write(bytes.subarray(at, at + 300_007))
  await writer.close()
  const path = seed === 1 ? blob : (`blobs/sha256/${seed}` as const)
  await staged.commit(path)
  const file = await to.open(path)
  const found = await file?.bytes()
  expect(found?.length).toBe(size)
  expect(await sameAs(found, bytes)).toBe(true)
}

async function sameAs(a: Uint8Array | undefined, b: Uint8Array): Promise<boolean> {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i])
}

function bytesOf(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + seed) & 0xff
  return bytes
}

async function namesIn(of: StorageAdapter): Promise<string[]> {
  const names: string[] = []
  for await (const entry of of.list?.() ?? []) names.push(entry.path)
  return names
}
