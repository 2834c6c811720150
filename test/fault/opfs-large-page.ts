/** The page of the faults of large blobs: writes blobs by a worker, and tells what became of each. */

import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { type LargeFiles, largeFiles } from '../../adapters/fsa/large-files.ts'
import { isOciError } from '../../src/errors.ts'
import type { StorageAdapter } from '../../src/storage.ts'

const MiB = 1024 * 1024

/** Which worker writes: the adapter's own, or one over handles that are wrong. */
export type Way = 'own' | 'believes' | 'short' | 'absurd' | 'shrunk'

/** When the signal of a blob aborts. */
export type Moment = { readonly before: number } | { readonly during: number } | 'closing' | 'closed'

/** What became of a blob, and of the place. */
export interface Outcome {
  /** `written`, `aborted` (with the signal's own reason), or the code of the error. */
  readonly outcome: string
  /** The name of the browser's error behind it. */
  readonly cause: string | undefined
  /** From the abort, or the failing call, to the rejection. */
  readonly milliseconds: number
  /** Blobs that aren't whole, and files that should not be there. */
  readonly wrong: readonly string[]
  readonly locks: number
  readonly usageBefore: number
  readonly usageAfter: number
  readonly byWorker: number
}

declare global {
  var faults: {
    keep(): Promise<number>
    abort(chunks: number, moment: Moment): Promise<Outcome>
    write(chunks: number, way: Way): Promise<Outcome>
    unhandled: string[]
  }
}

const starts: Readonly<Record<Way, (() => Worker) | undefined>> = {
  own: undefined,
  believes: () =>
    new Worker(new URL('./opfs-large-worker.ts', import.meta.url), { type: 'module', name: 'believes' }),
  short: () =>
    new Worker(new URL('./opfs-large-worker.ts', import.meta.url), { type: 'module', name: 'short' }),
  absurd: () =>
    new Worker(new URL('./opfs-large-worker.ts', import.meta.url), { type: 'module', name: 'absurd' }),
  shrunk: () =>
    new Worker(new URL('./opfs-large-worker.ts', import.meta.url), { type: 'module', name: 'shrunk' }),
}

globalThis.faults = {
  unhandled: [],
  async keep() {
    const { storage } = await open('own')
    await put(storage, 'blobs/sha256/kept', { chunks: 5 })
    await storage.close()
    return usage()
  },
  abort: (chunks, moment) => attempt(chunks, { way: 'own', moment }),
  write: (chunks, way) => attempt(chunks, { way }),
}

addEventListener('unhandledrejection', event => globalThis.faults.unhandled.push(String(event.reason)))

async function attempt(chunks: number, { way, moment }: { way: Way; moment?: Moment }): Promise<Outcome> {
  const { storage, large } = await open(way)
  const abort = new AbortController()
  const reason = new Error('stop')
  const usageBefore = await usage()
  let began = performance.now()
  const stop = (): void => {
    began = performance.now()
    abort.abort(reason)
  }
  const error: unknown = await put(storage, 'blobs/sha256/tried', {
    chunks,
    moment,
    stop,
    signal: abort.signal,
  }).then(
    () => undefined,
    thrown => thrown,
  )
  const milliseconds = performance.now() - began
  // The last word of a storage: nothing that it began may be under way behind it.
  await storage.close()
  const names = await navigator.locks.query()
  return {
    outcome:
      error === undefined
        ? 'written'
        : error === reason
          ? 'aborted'
          : isOciError(error)
            ? error.code
            : String(error),
    cause: error instanceof Error && error.cause instanceof DOMException ? error.cause.name : undefined,
    milliseconds,
    wrong: await wrongIn(chunks),
    locks: (names.held ?? []).length,
    usageBefore,
    usageAfter: await usage(),
    byWorker: large.tally.opened,
  }
}

async function open(way: Way): Promise<{ storage: StorageAdapter; large: LargeFiles }> {
  const large = largeFiles(['faults'], { worker: starts[way] })
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('faults', { create: true })
  const storage = new DirectoryStorage({
    storage: 'faults',
    root,
    lockName: 'faults',
    moves: true,
    quota: true,
    large,
  })
  return { storage, large }
}

interface PutOptions {
  readonly chunks: number
  readonly moment?: Moment | undefined
  readonly stop?: () => void
  readonly signal?: AbortSignal
}

async function put(
  storage: StorageAdapter,
  path: `blobs/sha256/${string}`,
  options: PutOptions,
): Promise<void> {
  const { chunks, moment, stop = () => {}, signal } = options
  const staged = await storage.stage({ signal })
  try {
    const writer = staged.writable.getWriter()
    writer.closed.catch(() => {})
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (isAt(moment, 'before', chunk)) stop()
      const writing = writer.write(chunkOf(chunk))
      if (isAt(moment, 'during', chunk)) stop()
      await writing
    }
    signal?.throwIfAborted()
    const closing = writer.close()
    if (moment === 'closing') stop()
    await closing
    if (moment === 'closed') stop()
    await staged.commit(path)
  } finally {
    await staged.discard()
  }
}

function isAt(moment: Moment | undefined, when: 'before' | 'during', chunk: number): boolean {
  return typeof moment === 'object' && when in moment && Object.values(moment)[0] === chunk
}

/** Whatever is there and is not one of the two blobs, whole; the tried one is removed. */
async function wrongIn(chunks: number): Promise<readonly string[]> {
  const { storage } = await open('own')
  const wrong: string[] = []
  for await (const { path } of storage.list()) {
    const expected = path === 'blobs/sha256/kept' ? 5 : path === 'blobs/sha256/tried' ? chunks : 0
    if (expected === 0 || !(await isWhole(storage, path, expected))) wrong.push(path)
  }
  await storage.remove(() => ['blobs/sha256/tried'])
  await storage.close()
  return wrong
}

async function isWhole(storage: StorageAdapter, path: string, chunks: number): Promise<boolean> {
  const file = await storage.open(path as `blobs/sha256/${string}`)
  if (file?.size !== chunks * MiB) return false
  for (let chunk = 0; chunk < chunks; chunk++) {
    const bytes = await file.bytes({ start: chunk * MiB, end: (chunk + 1) * MiB })
    if (!bytes.every(byte => byte === chunk + 1)) return false
  }
  return true
}

function chunkOf(number: number): Uint8Array {
  return new Uint8Array(MiB).fill(number + 1)
}

async function usage(): Promise<number> {
  return (await navigator.storage.estimate()).usage ?? 0
}
