/** A layout in a folder that a browser gives a handle of: of its private file system, or of the disk. */

import { OciError } from '../../src/errors.ts'
import { domNameOf, guarded } from '../../src/faults.ts'
import { type LeftBytes, type ResumableMedium, Stagings, unlessRefused } from '../../src/staging.ts'
import {
  type AbortOptions,
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
import {
  blobLock,
  findFile,
  type LayoutDirectory,
  makeBlobFolder,
  privateFolder,
  refusing,
  removeFile,
} from './directory.ts'
import {
  documentPaths,
  finishDocument,
  isDocument,
  isMissing,
  isNextVersion,
  openDocument,
  writeDocument,
} from './documents.ts'
import { absent, faulty, unless } from './faults.ts'
import { childrenOf, listDirectory } from './listing.ts'
import { openPart } from './parts.ts'
import { StagedInBrowser } from './staged.ts'
import { openFile } from './stored.ts'

/** The storage behind `opfs` and `folder`. */
export class DirectoryStorage implements StorageAdapter {
  readonly name: string
  readonly traits: StorageTraits
  readonly #layout: LayoutDirectory
  readonly #stagings: Stagings
  #closed = false

  constructor(layout: LayoutDirectory) {
    this.name = layout.storage
    this.#layout = layout
    this.#stagings = new Stagings(layout.storage)
    this.traits = {
      writable: true,
      lists: true,
      persistent: true,
      durable: true,
      // Web Locks end at the origin; on a folder of the disk they keep out no other program.
      exclusion: 'origin',
      optimistic: false,
      atomicPublish: layout.moves,
      modifiedTimes: true,
    }
  }

  async open(path: LayoutPath, options: AbortOptions = {}): Promise<StoredFile | undefined> {
    checkLayoutPath(path)
    this.#enter(options.signal)
    const file = await this.#open(path)
    if (!isDocument(path) || !isMissing(file)) return file
    // Missing, or in the midst of a move that is still going on, or was cut: that is seen by who holds the lock.
    return this.#exclusively('open', options.signal, () => this.#openLocked(path))
  }

  async *list(options: AbortOptions = {}): AsyncGenerator<StorageEntry, void, undefined> {
    this.#enter(options.signal)
    const missing = new Set<string>(documentPaths)
    for await (const entry of listDirectory(this.#layout, missing, options.signal)) {
      this.#enter(options.signal)
      yield entry
    }
    for (const path of documentPaths) {
      const file = missing.has(path) ? await this.open(path, options) : undefined
      if (file !== undefined) yield { path, kind: 'file', size: file.size }
    }
  }

  async stage(options: StageOptions = {}): Promise<StagedFile> {
    this.#enter(options.signal)
    return this.#faulty('stage', async () => {
      await this.#refuseWhenFull(options.size)
      return this.#stagings.begin(await StagedInBrowser.create(this.#layout, options), options)
    })
  }

  async resume(path: BlobPath, options: ResumeOptions): Promise<ResumableFile | undefined> {
    checkBlobPath(path)
    const { size, signal } = options
    checkSize(size)
    this.#enter(signal)
    const open = async (left: LeftBytes | undefined): Promise<ResumableMedium | undefined> => {
      const part = await openPart(this.#layout, path, { size, left, signal })
      return part && unlessRefused(part, () => this.#refuseWhenFull(size - part.kept.size))
    }
    return this.#faulty('resume', () => this.#stagings.resume(path, open, options), signal)
  }

  async update(path: DocumentPath, edit: DocumentEdit, options: UpdateOptions = {}): Promise<void> {
    checkDocumentPath(path)
    const { requires = [], signal } = options
    for (const required of requires) checkBlobPath(required)
    await this.#exclusively('update', signal, async () => {
      for (const required of requires) {
        if ((await findFile(this.#layout, required)) !== undefined) continue
        throw new OciError('BLOB_MISSING', { digest: digestOfPath(required) })
      }
      const now = await this.#read(path)
      signal?.throwIfAborted()
      const next = guarded(() => edit(now?.slice()))
      if (next === undefined || (now !== undefined && equalBytes(now, next))) return
      if (path === 'oci-layout') await makeBlobFolder(this.#layout, 'sha256')
      await writeDocument(
        this.#layout,
        { path, bytes: next, replaces: now !== undefined && now.length > 0 },
        signal,
      )
    })
  }

  async remove(
    choose: (index: Uint8Array | undefined) => readonly BlobPath[],
    options: RemoveOptions = {},
  ): Promise<number> {
    const { seen = [] } = options
    for (const { path } of seen) checkBlobPath(path)
    let removed = 0
    await this.#exclusively('remove', options.signal, async () => {
      for (const blob of seen) checkAsSeen(this.name, blob, (await this.#open(blob.path))?.size)
      const index = await this.#read('index.json')
      const chosen = guarded(() => choose(index))
      for (const path of chosen) checkBlobPath(path)
      for (const path of chosen) {
        options.signal?.throwIfAborted()
        if (await this.#removeBlob(path)) removed++
      }
    })
    return removed
  }

  async sweep(options: { readonly olderThan: number }): Promise<number> {
    checkAge(options.olderThan)
    this.#enter(undefined)
    return this.#faulty('sweep', async () => {
      const folder = await unless(absent, this.#layout.root.getDirectoryHandle(privateFolder))
      if (folder === undefined) return 0
      const files = (await childrenOf(folder)).filter(handle => handle instanceof FileSystemFileHandle)
      const pending = files.filter(isNextVersion)
      let removed = 0
      for (const file of files)
        if (!pending.includes(file)) removed += await removeLeft(folder, file, options)
      if (pending.length === 0) return removed
      await this.#exclusively('sweep', undefined, async () => {
        for (const path of documentPaths) await finishDocument(this.#layout, path)
        for (const file of pending) removed += await removeLeft(folder, file, options)
      })
      return removed
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#stagings.close()
    // Only where it is empty: one that another storage uses stays.
    await this.#layout.root.removeEntry(privateFolder).catch(() => {})
  }

  /** Runs a section while nobody else of the origin runs one on this layout. */
  async #exclusively<T>(
    operation: string,
    signal: AbortSignal | undefined,
    section: () => Promise<T>,
  ): Promise<T> {
    this.#enter(signal)
    const asked = new AbortController()
    const give = (): void => asked.abort(signal?.reason)
    signal?.addEventListener('abort', give, { once: true })
    try {
      return await navigator.locks.request(this.#layout.lockName, { signal: asked.signal }, () =>
        this.#faulty(operation, section, signal),
      )
    } catch (error) {
      // The browser may tell of an abort in its own words.
      throw signal?.aborted && domNameOf(error) === 'AbortError' ? signal.reason : error
    } finally {
      signal?.removeEventListener('abort', give)
    }
  }

  #removeBlob(path: BlobPath): Promise<boolean> {
    return refusing(this.#layout, path, async () => {
      const [, algorithm = '', name = ''] = path.split('/')
      const blobs = await unless(absent, this.#layout.root.getDirectoryHandle('blobs'))
      const folder = blobs && (await unless(absent, blobs.getDirectoryHandle(algorithm)))
      if (folder === undefined) return false
      // Not while a writer moves bytes to this very name: the browser refuses that.
      return navigator.locks.request(blobLock(this.#layout, path), () => removeFile(folder, name))
    })
  }

  #open(path: LayoutPath): Promise<StoredFile | undefined> {
    return faulty({ storage: this.name, operation: 'open', path }, () => openFile(this.#layout, path))
  }

  /** Opens a document while no writer is in the midst of it. */
  #openLocked(path: DocumentPath): Promise<StoredFile | undefined> {
    return faulty({ storage: this.name, operation: 'open', path }, () => openDocument(this.#layout, path))
  }

  async #read(path: DocumentPath): Promise<Uint8Array | undefined> {
    return (await this.#openLocked(path))?.bytes()
  }

  async #refuseWhenFull(size: number | undefined): Promise<void> {
    if (size === undefined || size === 0 || !this.#layout.quota) return
    const { quota, usage = 0 } = await navigator.storage.estimate()
    if (quota === undefined || quota - usage >= size) return
    throw new OciError('STORAGE_FULL', { storage: this.name, needed: size })
  }

  #enter(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new OciError('STORAGE_CLOSED', { storage: this.name })
    signal?.throwIfAborted()
  }

  #faulty<T>(operation: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return faulty({ storage: this.name, operation }, call, signal)
  }
}

/** Removes a file that is old enough. One that a tab is still writing can't be removed, and isn't a leftover. */
async function removeLeft(
  folder: FileSystemDirectoryHandle,
  handle: FileSystemFileHandle,
  { olderThan }: { readonly olderThan: number },
): Promise<number> {
  const file = await unless(absent, handle.getFile())
  if (file === undefined || Math.max(0, Date.now() - file.lastModified) < olderThan) return 0
  return (await unless(['NoModificationAllowedError'], removeFile(folder, handle.name))) ? 1 : 0
}
