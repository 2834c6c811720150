/** A layout in a folder of the disk. */

import { randomUUID } from 'node:crypto'
import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OciError } from '../../src/errors.ts'
import { guarded } from '../../src/faults.ts'
import { type LeftBytes, type ResumableMedium, Stagings } from '../../src/staging.ts'
import {
  type AbortOptions,
  type AdoptedFile,
  type BlobPath,
  checkAge,
  checkAsSeen,
  checkBlobPath,
  checkDocumentPath,
  checkLayoutPath,
  checkSize,
  type DocumentEdit,
  type DocumentPath,
  digestOfPath,
  type LayoutPath,
  type NativeTools,
  type RemoveOptions,
  type ResumableFile,
  type ResumeOptions,
  type StagedFile,
  type StageOptions,
  type StorageAdapter,
  type StorageEntry,
  type StorageTraits,
  type StoredFile,
  type UpdateOptions,
} from '../../src/storage.ts'
import { equalBytes } from '../../src/streams.ts'
import { type Clone, cloneBlocks, Sharing } from './adopt.ts'
import { absent, faulty, unless } from './faults.ts'
import { listFolder } from './listing.ts'
import { ageOf, LayoutLock, type LockTimes, type Turn, TurnLost } from './lock.ts'
import { native } from './native.ts'
import { Parts, partPrefix } from './parts.ts'
import { LayoutFolder, privateFolder } from './place.ts'
import { SettledBlobs } from './settled.ts'
import { refuseWhenFull, StagedOnDisk } from './staged.ts'
import { openBlob, openDocument, openStaged, sourceOf } from './stored.ts'

/** How `folder` writes. */
export interface FolderOptions {
  /**
   * `strict` (the default) waits until the disk has each file and its name: what was acknowledged outlives a power loss.
   * `relaxed` waits for blobs only when index.json is about to name them: it is faster for many blobs, and as safe when a
   * process is killed. After a power loss index.json is the new one or an old one, and what it reaches is whole; but the
   * last updates may be gone, and blobs that nothing names yet may lack their bytes, which fsck finds.
   */
  readonly durability?: 'strict' | 'relaxed' | undefined
  /**
   * A blob that is copied from another folder of this disk may become a hard link, where the disk can't clone blocks.
   * No byte moves and no room is taken, but it is one file under two names: a program that writes into a blob in
   * place, or changes its rights, changes it in both layouts. This library never does; `false` unless given.
   */
  readonly hardLinks?: boolean | undefined
}

/** What tests reach into: the lock's times, and a call at each point of an exclusive section. */
export interface FolderInternals {
  readonly times?: LockTimes
  /** In place of the system's call. */
  readonly clone?: Clone
  reached?(point: SectionPoint): Promise<void>
}

/** The points of an exclusive section, in their order. */
export type SectionPoint =
  | 'taken'
  | 'edited'
  | 'written'
  | 'publishing'
  | 'published'
  | 'removing'
  | 'removed'

// A program that ignores the lock and writes all the time; each round meets one of its writes.
const foreignRounds = 50

/** The storage behind `folder`. */
export class FolderStorage implements StorageAdapter {
  readonly name: string
  readonly native: NativeTools = native
  readonly traits: StorageTraits = {
    writable: true,
    lists: true,
    persistent: true,
    durable: true,
    exclusion: 'host',
    optimistic: false,
    atomicPublish: true,
    modifiedTimes: true,
  }
  readonly #layout: LayoutFolder
  readonly #lock: LayoutLock
  readonly #stagings: Stagings
  readonly #settled: SettledBlobs
  readonly #sharing: Sharing
  readonly #parts: Parts
  readonly #reached: (point: SectionPoint) => Promise<void>
  #closed = false

  constructor(path: string | URL, options: FolderOptions = {}, internals: FolderInternals = {}) {
    const { durability = 'strict', hardLinks = false } = options
    const given = path instanceof URL ? fileURLToPath(path) : path
    if (typeof given !== 'string' || given === '') throw new TypeError('folder() takes the path of a folder')
    if (durability !== 'strict' && durability !== 'relaxed') {
      throw new TypeError(`durability is strict or relaxed: ${String(durability)}`)
    }
    this.name = given
    this.#layout = new LayoutFolder(resolve(given), { storage: given, strict: durability === 'strict' })
    this.#lock = new LayoutLock(this.#layout, internals.times)
    this.#stagings = new Stagings(given)
    this.#settled = new SettledBlobs(this.#layout)
    this.#sharing = new Sharing(this.#layout, { hardLinks, clone: internals.clone })
    this.#parts = new Parts(this.#layout, internals.clone ?? cloneBlocks)
    this.#reached = async point => internals.reached?.(point)
  }

  async open(path: LayoutPath, options: AbortOptions = {}): Promise<StoredFile | undefined> {
    checkLayoutPath(path)
    this.#enter(options.signal)
    return this.#open(path)
  }

  async *list(options: AbortOptions = {}): AsyncGenerator<StorageEntry, void, undefined> {
    this.#enter(options.signal)
    for await (const entry of listFolder(this.#layout, options.signal)) {
      this.#enter(options.signal)
      yield entry
    }
  }

  async stage(options: StageOptions = {}): Promise<StagedFile> {
    this.#enter(options.signal)
    return this.#faulty('stage', async () => {
      await refuseWhenFull(this.#layout, options.size)
      const medium = await StagedOnDisk.create(this.#layout, `staged-${randomUUID()}`)
      return this.#stagings.begin(medium, options)
    })
  }

  async adopt(file: StoredFile, options: AbortOptions = {}): Promise<AdoptedFile | undefined> {
    this.#enter(options.signal)
    const source = sourceOf(file)
    if (source === undefined) return undefined
    return this.#faulty('adopt', async () => {
      const medium = await this.#sharing.take(source)
      const place = { storage: this.name, operation: 'adopt' }
      return medium && this.#stagings.adopt(medium, () => openStaged(medium.path, place), options)
    })
  }

  async resume(path: BlobPath, options: ResumeOptions): Promise<ResumableFile | undefined> {
    checkBlobPath(path)
    const { size, signal } = options
    checkSize(size)
    this.#enter(signal)
    const open = (left: LeftBytes | undefined): Promise<ResumableMedium | undefined> =>
      this.#parts.open(path, { size, left, signal })
    return this.#faulty('resume', () => this.#stagings.resume(path, open, options), signal)
  }

  async update(path: DocumentPath, edit: DocumentEdit, options: UpdateOptions = {}): Promise<void> {
    checkDocumentPath(path)
    for (const required of options.requires ?? []) checkBlobPath(required)
    this.#enter(options.signal)
    const section = async (turn: Turn): Promise<void> => {
      for (let round = 0; round < foreignRounds; round++) {
        if (await this.#updateOnce({ turn, path, edit }, options)) return
      }
      throw new OciError('STORAGE_CHANGED', { storage: this.name, path })
    }
    await this.#faulty(
      'update',
      async () => {
        // Most of the waiting for the disk, while others may have the lock.
        if (options.requires !== undefined) await this.#settled.blobs(options.requires, options.signal)
        await this.#lock.run(section, options)
      },
      options.signal,
    )
  }

  async remove(
    choose: (index: Uint8Array | undefined) => readonly BlobPath[],
    options: RemoveOptions = {},
  ): Promise<number> {
    const { seen = [] } = options
    for (const { path } of seen) checkBlobPath(path)
    this.#enter(options.signal)
    const removed = new Set<BlobPath>()
    const section = async (turn: Turn): Promise<void> => {
      const root = await this.#layout.make()
      await this.#reached('taken')
      for (const blob of seen) checkAsSeen(this.name, blob, await this.#sizeOf(blob.path))
      const index = await this.#read('index.json')
      const chosen = guarded(() => choose(index))
      for (const path of chosen) checkBlobPath(path)
      // Else a power loss may bring back the index.json that still named them.
      if (chosen.length > 0) await this.#layout.settle(root)
      await this.#reached('removing')
      for (const path of chosen) {
        options.signal?.throwIfAborted()
        await this.#refuseLinkedFolders(path)
        const grave = join(turn.folder, `removed-${removed.size}`)
        if (!(await turn.move(join(root, ...path.split('/')), grave))) continue
        removed.add(path)
        await rm(grave, { recursive: true, force: true })
      }
      await this.#reached('removed')
    }
    await this.#faulty('remove', () => this.#lock.run(section, options), options.signal)
    return removed.size
  }

  async sweep(options: { readonly olderThan: number }): Promise<number> {
    checkAge(options.olderThan)
    this.#enter(undefined)
    return this.#faulty('sweep', async () => {
      const root = await this.#layout.find()
      if (root === undefined) return 0
      await this.#layout.refuseLink(privateFolder)
      const home = join(root, privateFolder)
      return (await sweepStaged(home, options.olderThan)) + (await this.#lock.sweep(home, options.olderThan))
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#stagings.close()
    const root = await this.#layout.find()
    if (root === undefined) return
    // Empty private folders go; one that isn't empty is in use, and the system refuses.
    await rmdir(join(root, privateFolder, 'lock')).catch(() => {})
    await rmdir(join(root, privateFolder)).catch(() => {})
  }

  /** Reads, edits, publishes. `false` when a program that ignores the lock came between: then again. */
  async #updateOnce(
    { turn, path, edit }: { turn: Turn; path: DocumentPath; edit: DocumentEdit },
    { requires = [], signal }: UpdateOptions,
  ): Promise<boolean> {
    const root = await this.#layout.make()
    await this.#layout.refuseLink(path)
    await this.#reached('taken')
    for (const required of requires) {
      if ((await this.#sizeOf(required)) !== undefined) continue
      throw new OciError('BLOB_MISSING', { digest: digestOfPath(required) })
    }
    const now = await this.#read(path)
    signal?.throwIfAborted()
    const next = guarded(() => edit(now?.slice()))
    await this.#reached('edited')
    if (next === undefined || same(now, next)) {
      // What is there already may be the work of one who was killed before the disk had it.
      if (this.#layout.strict) await this.#layout.settle(root)
      return true
    }
    if (path === 'oci-layout') await this.#layout.blobs('sha256')
    await this.#settled.blobs(requires, signal)
    const written = await turn.write(path, next)
    await this.#reached('written')
    if (!same(now, await this.#read(path))) return false
    signal?.throwIfAborted()
    await this.#reached('publishing')
    if (!(await turn.move(written, join(root, path)))) throw new TurnLost()
    await this.#reached('published')
    if (this.#layout.strict) await this.#layout.settle(root)
    // Other bytes are a successor's, who has read ours, if the turn is over; else a foreign program's over ours.
    return same(next, await this.#read(path)) || !(await turn.isHeld())
  }

  async #open(path: LayoutPath): Promise<StoredFile | undefined> {
    const place = { storage: this.name, operation: 'open', path }
    return faulty(place, async () => {
      const real = await this.#layout.resolve(path)
      if (real === undefined) return undefined
      return path === 'index.json' || path === 'oci-layout'
        ? openDocument(real, place)
        : openBlob(real, place)
    })
  }

  async #read(path: DocumentPath): Promise<Uint8Array | undefined> {
    const file = await this.#open(path)
    return file?.bytes()
  }

  /** Bytes of a blob; `undefined` where there is no file. */
  async #sizeOf(path: BlobPath): Promise<number | undefined> {
    const real = await this.#layout.resolve(path)
    const stats = real === undefined ? undefined : await unless(absent, stat(real))
    return stats?.isFile() ? stats.size : undefined
  }

  async #refuseLinkedFolders(path: BlobPath): Promise<void> {
    await this.#layout.refuseLink('blobs')
    await this.#layout.refuseLink(path.slice(0, path.lastIndexOf('/')))
  }

  #enter(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new OciError('STORAGE_CLOSED', { storage: this.name })
    signal?.throwIfAborted()
  }

  #faulty<T>(operation: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return faulty({ storage: this.name, operation }, call, signal)
  }
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}

async function sweepStaged(home: string, olderThan: number): Promise<number> {
  let removed = 0
  for (const name of (await unless(absent, readdir(home))) ?? []) {
    if (!name.startsWith('staged-') && !name.startsWith(partPrefix)) continue
    const stats = await unless(absent, stat(join(home, name)))
    if (stats === undefined) continue
    // Taken over as a link, a file is as old as its bytes; its new name changed its ctime.
    const { nlink, mtimeMs, ctimeMs } = stats
    if (ageOf({ mtimeMs: nlink > 1 ? ctimeMs : mtimeMs }) < olderThan) continue
    await rm(join(home, name), { force: true })
    removed++
  }
  return removed
}
