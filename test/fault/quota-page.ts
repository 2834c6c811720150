/** The page of the end of the quota: operations on a layout with just too little room, and what is there afterwards. */

import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { indexedDb } from '../../adapters/indexeddb/index.ts'
import { memory } from '../../adapters/memory.ts'
import { copy } from '../../src/copy/copy.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { gc } from '../../src/gc.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { BlobPath, StorageAdapter } from '../../src/storage.ts'
import { equalBytes } from '../../src/streams.ts'
import { type Dir, here } from '../suites/layout-material.ts'
import { bytesOf, entriesIn, put, read } from '../suites/material.ts'

/** Where it is written; `straight` gives a blob its name before its bytes. */
export type QuotaMedium = 'opfs' | 'indexeddb' | 'straight'

/** What is tried, and bytes of room that are not enough for it. */
export const operations = {
  blob: 3_000_000,
  layer: 1_500_000,
  image: 2_000,
  index: 24_000,
  copy: 604_000,
  untag: 1_000,
} as const

/** The name of what is tried. */
export type Operation = keyof typeof operations

/** What became of it. */
export interface Attempt {
  /** `done`, or the error's code. */
  readonly outcome: string
  readonly cause: string
  /** What isn't whole, or is there and shouldn't be, or is gone and shouldn't be. */
  readonly wrong: readonly string[]
  /** Once gc has taken what nothing names, which takes no room. */
  readonly usage: number
}

declare global {
  var quota: {
    /** Makes a layout, and gives the usage without and with a blob that nothing names. */
    prepare(medium: QuotaMedium, name: string): Promise<{ before: number; usage: number }>
    attempt(medium: QuotaMedium, name: string, operation: Operation): Promise<Attempt>
    /** Tries it again, with room. */
    again(medium: QuotaMedium, name: string, operation: Operation): Promise<readonly string[]>
    remove(name: string): Promise<void>
  }
}

const orphan: BlobPath = `blobs/sha256/${'0'.repeat(64)}`

const deeds: Readonly<Record<Operation, (dir: Dir) => Promise<unknown>>> = {
  blob: dir => dir.writeBlob(bytesOf(operations.blob, 3)),
  layer: dir => dir.writeLayer(bytesOf(operations.layer, 4)),
  image: async dir =>
    dir.writeImage(configure(draft(await dir.openImage('kept')), { Env: ['TRIED=1'] }), { tag: 'tried' }),
  index: dir => dir.tag('kept', 'tried', ...Array.from({ length: 80 }, (_, i) => `tried-${i}`)),
  copy: async dir => copy(await (await source()).openImage('tried'), dir, { as: 'tried' }),
  untag: dir => dir.untag('gone'),
}

const changesIndex: ReadonlySet<Operation> = new Set<Operation>(['image', 'index', 'copy', 'untag'])

if (typeof window !== 'undefined') {
  globalThis.quota = {
    async prepare(medium, name) {
      if (medium === 'indexeddb') await putOther()
      const dir = await OciDir.ensure(await open(medium, name))
      const layer = await dir.writeLayer(bytesOf(400_000, 1))
      await dir.writeImage(pushLayer(draft(here), layer), { tag: 'kept' })
      await dir.tag('kept', 'gone')
      const before = await usageNow()
      await put(dir.storage, orphan, bytesOf(300_000, 2))
      await dir.storage.close()
      return { before, usage: await usageNow() }
    },
    async attempt(medium, name, operation) {
      const storage = await open(medium, name)
      const index = await read(storage, 'index.json')
      const dir = await OciDir.open(storage)
      const deed = medium === 'straight' ? () => putStraight(name) : () => deeds[operation](dir)
      const error: unknown = await deed().then(
        () => undefined,
        reason => reason,
      )
      const wrong = await wrongIn(storage)
      const isOld = equalBytes(
        index ?? new Uint8Array(),
        (await read(storage, 'index.json')) ?? new Uint8Array(),
      )
      if (isOld !== (error !== undefined || !changesIndex.has(operation))) wrong.push('index.json')
      const { removed } = await gc(dir, { sweepOlderThan: 0 })
      if (!removed.some(({ digest }) => orphan.endsWith(digest.slice('sha256:'.length)))) wrong.push('gc')
      await storage.close()
      const outcome = error === undefined ? 'done' : isOciError(error) ? error.code : String(error)
      const cause = error instanceof Error && error.cause instanceof DOMException ? error.cause.name : ''
      return { outcome, cause, wrong, usage: await usageNow() }
    },
    async again(medium, name, operation) {
      const storage = await open(medium, name)
      await deeds[operation](await OciDir.open(storage))
      const wrong = await wrongIn(storage)
      await storage.close()
      return wrong
    },
    async remove(name) {
      await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
    },
  }
}

async function open(medium: QuotaMedium, name: string): Promise<StorageAdapter> {
  if (medium === 'indexeddb') return indexedDb(name)
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })
  // Without the worker: all goes by createWritable.
  return new DirectoryStorage({ storage: name, root, lockName: name, moves: true, quota: true })
}

/** Other data of the origin, so that one per cent is more than what a database's own log takes for a while. */
async function putOther(): Promise<void> {
  const root = await navigator.storage.getDirectory()
  const writable = await (await root.getFileHandle('other', { create: true })).createWritable()
  await writable.write(new Uint8Array(bytesOf(8_000_000, 7)))
  await writable.close()
}

/** An image in memory. */
async function source(): Promise<Dir> {
  const dir = await OciDir.ensure(memory())
  let image = draft(here)
  for (const seed of [5, 6]) image = pushLayer(image, await dir.writeLayer(bytesOf(300_000, seed)))
  await dir.writeImage(image, { tag: 'tried' })
  return dir
}

/** As one who thinks that a name is free to be given before the bytes are there. */
async function putStraight(name: string): Promise<void> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(name)
  const folder = await (await root.getDirectoryHandle('blobs')).getDirectoryHandle('sha256')
  const handle = await folder.getFileHandle('1'.repeat(64), { create: true })
  const writable = await handle.createWritable()
  await writable.write(new Uint8Array(bytesOf(operations.blob, 3)))
  await writable.close()
}

async function wrongIn(storage: StorageAdapter): Promise<string[]> {
  const { findings } = await fsck(storage)
  const wrong = findings
    .filter(({ severity }) => severity === 'error')
    .map(finding => JSON.stringify(finding))
  for (const { path, kind, size } of await entriesIn(storage)) {
    if (kind !== 'file' || size === 0) wrong.push(`${kind} ${path}`)
  }
  const swept = await storage.sweep({ olderThan: 0 })
  if (swept > 0) wrong.push(`${swept} leftovers`)
  return wrong
}

async function usageNow(): Promise<number> {
  return (await navigator.storage.estimate()).usage ?? 0
}
