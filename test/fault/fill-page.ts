/** The page that fills a small quota to its end, in each medium, and says what is there then. */

import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb } from '../../adapters/indexeddb/index.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { gc } from '../../src/gc.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { callsOf } from '../engines/watch.ts'
import type { Dir } from '../suites/layout-material.ts'
import { bytesOf, entriesIn } from '../suites/material.ts'

/** Where blobs are written, of how many bytes, and how if not by the library. */
export interface FilledMedium {
  readonly size: number
  open(): Promise<StorageAdapter>
  put?(bytes: Uint8Array): Promise<void>
}

/** What came of filling a medium. */
export interface Filling {
  /** Blobs that there was room for. */
  readonly written: number
  /** Buffers that a worker was given: where that is refused, the same bytes go by `createWritable`, and nobody sees it. */
  readonly toWorker: number
  /** The code of the error that came then, and the name of its cause. */
  readonly outcome: string
  readonly cause: string
  /** What isn't whole, or is there and shouldn't be. */
  readonly wrong: readonly string[]
  /** Bytes of the origin, before the blob that had no room and after. */
  readonly usage: readonly [number, number]
}

/** The media by name; the last one gives a blob its name before its bytes. */
export const fillings: Readonly<Record<string, FilledMedium>> = {
  'OPFS by createWritable': { size: 700_000, open: () => opfs('fill-small') },
  'OPFS by the worker of sync handles': { size: 2_300_000, open: () => opfs('fill-large') },
  'IndexedDB, blobs of one record': { size: 60_000, open: () => indexedDb('fill-small') },
  'IndexedDB, blobs of chunks': { size: 2_300_000, open: () => indexedDb('fill-large') },
  'OPFS, straight under the name (broken on purpose)': {
    size: 700_000,
    open: () => opfs('fill-straight'),
    put: putStraight,
  },
}

/** What the page posts. */
export type Fillings = Readonly<Record<string, readonly Filling[]>>

if (typeof window !== 'undefined') {
  fillAll().then(post, error => post({ fault: `${error}, by ${error?.cause}` }))
}

function post(said: Fillings | { readonly fault: string }): Promise<Response> {
  return fetch('/filled', { method: 'POST', body: JSON.stringify(said) })
}

async function fillAll(): Promise<Fillings> {
  const all: Record<string, Filling[]> = {}
  for (const [name, medium] of Object.entries(fillings)) {
    const storage = await medium.open()
    const dir = await OciDir.ensure(storage)
    const each: Filling[] = []
    let filling: Filled | undefined
    for (let more = 0; more < 3; more++) {
      const calls = await callsOf(Worker.prototype, 'postMessage', async () => {
        filling = await fill(dir, { ...medium, size: medium.size + more * 10_007 })
      })
      const toWorker = calls.filter(({ args: [message] }) => 'write' in Object(message)).length
      if (filling !== undefined) each.push({ ...filling, toWorker })
      // Nothing names them: there is room again for the next time.
      await gc(dir, { sweepOlderThan: 0 })
    }
    await storage.close()
    all[name] = each
  }
  return all
}

type Filled = Omit<Filling, 'toWorker'>

async function fill(dir: Dir, { size, put }: FilledMedium): Promise<Filled> {
  for (let written = 0; ; written++) {
    const before = await usageNow()
    const bytes = bytesOf(size, written + 1)
    const error: unknown = await (put ? put(bytes) : dir.writeBlob(bytes)).then(
      () => undefined,
      reason => reason,
    )
    if (error === undefined) continue
    const outcome = isOciError(error) ? error.code : String(error)
    const cause = error instanceof Error && error.cause instanceof DOMException ? error.cause.name : ''
    return { written, outcome, cause, wrong: await wrongIn(dir.storage), usage: [before, await usageNow()] }
  }
}

async function putStraight(bytes: Uint8Array): Promise<void> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('fill-straight')
  const folder = await (await root.getDirectoryHandle('blobs')).getDirectoryHandle('sha256')
  const name = crypto.randomUUID().replaceAll('-', '').repeat(2)
  const writable = await (await folder.getFileHandle(name, { create: true })).createWritable()
  await writable.write(new Uint8Array(bytes))
  await writable.close()
}

async function wrongIn(storage: StorageAdapter): Promise<readonly string[]> {
  const { findings } = await fsck(storage)
  const wrong = findings.filter(({ severity }) => severity === 'error').map(found => JSON.stringify(found))
  for (const { path, kind, size } of await entriesIn(storage)) {
    if (kind !== 'file' || size === 0) wrong.push(`${kind} ${path} of ${size} bytes`)
  }
  const swept = await storage.sweep({ olderThan: 0 })
  if (swept > 0) wrong.push(`${swept} leftovers`)
  return wrong
}

async function usageNow(): Promise<number> {
  return (await navigator.storage.estimate()).usage ?? 0
}
