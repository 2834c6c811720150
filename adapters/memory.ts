/** A layout in memory: for tests, for previews, and as the shortest adapter to read. */

import { OciError } from '../src/errors.ts'
import { type LeftBytes, type ResumableMedium, type StagingMedium, Stagings } from '../src/staging.ts'
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
} from '../src/storage.ts'
import { storedBytes } from '../src/stored-bytes.ts'
import { concat, equalBytes } from '../src/streams.ts'

/**
 * A writable layout in memory, empty at first. It is gone with the object: a second `memory()` is another place.
 *
 * @example
 * const storage = memory()
 */
export function memory(name = 'memory'): StorageAdapter {
  return new MemoryStorage(name)
}

/** The bytes behind what `open` gave, so that another memory can hold the same ones. */
const bytesBehind = new WeakMap<StoredFile, Uint8Array>()

interface MemoryFile {
  readonly bytes: Uint8Array
  readonly modified: number
}

interface MemoryStaged {
  chunks: Uint8Array[]
  size: number
  modified: number
}

// Every step between two reads of the maps is synchronous: JavaScript itself is the exclusive section.
class MemoryStorage implements StorageAdapter {
  readonly name: string
  readonly traits: StorageTraits = {
    writable: true,
    lists: true,
    persistent: false,
    durable: false,
    exclusion: 'instance',
    optimistic: false,
    atomicPublish: true,
    modifiedTimes: true,
  }
  readonly #files = new Map<LayoutPath, MemoryFile>()
  readonly #staged = new Map<string, MemoryStaged>()
  readonly #stagings: Stagings
  #stagedCount = 0
  #closed = false

  constructor(name: string) {
    this.name = name
    this.#stagings = new Stagings(name)
  }

  async open(path: LayoutPath, options: AbortOptions = {}): Promise<StoredFile | undefined> {
    checkLayoutPath(path)
    this.#enter(options.signal)
    const file = this.#files.get(path)
    return file && stored(file)
  }

  async *list(options: AbortOptions = {}): AsyncGenerator<StorageEntry, void, undefined> {
    this.#enter(options.signal)
    const entries: StorageEntry[] = []
    for (const [path, file] of this.#files) entries.push({ path, kind: 'file', size: file.bytes.length })
    for (const path of this.#staged.keys()) entries.push({ path, kind: 'staged' })
    for (const entry of entries) {
      this.#enter(options.signal)
      yield entry
    }
  }

  async stage(options: StageOptions = {}): Promise<StagedFile> {
    this.#enter(options.signal)
    return this.#stagings.begin(this.#stagingMedium(this.#newName(), newStaged()), options)
  }

  async adopt(file: StoredFile, options: AbortOptions = {}): Promise<AdoptedFile | undefined> {
    this.#enter(options.signal)
    const bytes = bytesBehind.get(file)
    if (bytes === undefined) return undefined
    const staged = async (): Promise<StoredFile> => stored({ bytes, modified: Date.now() })
    return this.#stagings.adopt(this.#stagingMedium(this.#newName(), newStaged(bytes)), staged, options)
  }

  async resume(path: BlobPath, options: ResumeOptions): Promise<ResumableFile | undefined> {
    checkBlobPath(path)
    checkSize(options.size)
    this.#enter(options.signal)
    return this.#stagings.resume(path, async left => this.#resumableMedium(path, left, options), options)
  }

  async update(path: DocumentPath, edit: DocumentEdit, options: UpdateOptions = {}): Promise<void> {
    checkDocumentPath(path)
    for (const required of options.requires ?? []) checkBlobPath(required)
    this.#enter(options.signal)
    for (const required of options.requires ?? []) {
      if (!this.#files.has(required)) throw new OciError('BLOB_MISSING', { digest: digestOfPath(required) })
    }
    const now = this.#files.get(path)?.bytes
    const next = edit(now?.slice())
    if (next === undefined || (now !== undefined && equalBytes(now, next))) return
    this.#files.set(path, { bytes: new Uint8Array(next), modified: Date.now() })
  }

  async remove(
    choose: (index: Uint8Array | undefined) => readonly BlobPath[],
    options: RemoveOptions = {},
  ): Promise<number> {
    this.#enter(options.signal)
    const { seen = [] } = options
    for (const { path } of seen) checkBlobPath(path)
    for (const blob of seen) checkAsSeen(this.name, blob, this.#files.get(blob.path)?.bytes.length)
    const chosen = choose(this.#files.get('index.json')?.bytes.slice())
    for (const path of chosen) checkBlobPath(path)
    let removed = 0
    for (const path of chosen) if (this.#files.delete(path)) removed++
    return removed
  }

  async sweep(options: { readonly olderThan: number }): Promise<number> {
    checkAge(options.olderThan)
    this.#enter(undefined)
    const before = Date.now() - options.olderThan
    let removed = 0
    for (const [id, staged] of this.#staged) {
      if (staged.modified <= before && this.#staged.delete(id)) removed++
    }
    return removed
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#stagings.close()
    this.#files.clear()
    this.#staged.clear()
  }

  #enter(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new OciError('STORAGE_CLOSED', { storage: this.name })
    signal?.throwIfAborted()
  }

  #newName(): string {
    return `.ocidir/staged-${this.#stagedCount++}`
  }

  #stagingMedium(id: string, staged: MemoryStaged): StagingMedium {
    this.#staged.set(id, staged)
    const held = (): void => {
      if (this.#staged.has(id)) return
      throw new OciError('STORAGE_FAILED', { storage: this.name, operation: 'stage', path: id })
    }
    return {
      write: async chunk => {
        held()
        // Not slice(): a Buffer's is a view.
        staged.chunks.push(new Uint8Array(chunk))
        staged.size += chunk.length
        staged.modified = Date.now()
      },
      close: async () => {},
      publish: async path => {
        held()
        const existed = this.#files.get(path)?.bytes.length === staged.size
        if (!existed) this.#files.set(path, { bytes: concat(staged.chunks), modified: staged.modified })
        this.#staged.delete(id)
        return existed ? 'existed' : 'written'
      },
      drop: async () => {
        this.#staged.delete(id)
      },
    }
  }

  /** What lies under the name was left: whoever writes there keeps all others out. */
  #resumableMedium(path: BlobPath, left: LeftBytes | undefined, { size }: ResumeOptions): ResumableMedium {
    const id = `.ocidir/part-${path.slice('blobs/'.length).replace('/', '-')}`
    const found = this.#staged.get(id)
    const staged = found !== undefined && found.size <= size ? found : newStaged()
    // One array: it is read now, and given away as it is when nothing comes after.
    if (staged.size > 0) staged.chunks = [concat(staged.chunks)]
    return {
      ...this.#stagingMedium(id, staged),
      kept: storedBytes(concat(staged.chunks), staged.modified),
      isUntouched: staged === found && left?.name === id && left.size === staged.size,
      leave: async () => {
        if (staged.size > 0 && this.#staged.get(id) === staged) return { name: id, size: staged.size }
        this.#staged.delete(id)
        return undefined
      },
    }
  }
}

function newStaged(bytes?: Uint8Array): MemoryStaged {
  return { chunks: bytes === undefined ? [] : [bytes], size: bytes?.length ?? 0, modified: Date.now() }
}

function stored({ bytes, modified }: MemoryFile): StoredFile {
  const file = storedBytes(bytes, modified)
  bytesBehind.set(file, bytes)
  return file
}
