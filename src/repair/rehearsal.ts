/** A storage over another one on which a repair can be tried: nothing of it is written, and no bytes are held. */

import { OciError } from '../errors.ts'
import {
  type AbortOptions,
  type AdoptedFile,
  type BlobPath,
  type DocumentEdit,
  type DocumentPath,
  digestOfPath,
  type LayoutPath,
  type ReadableStorage,
  type StagedFile,
  type StorageAdapter,
  type StorageEntry,
  type StorageTraits,
  type StoredFile,
  type UpdateOptions,
} from '../storage.ts'
import { storedBytes } from '../stored-bytes.ts'

/** Forgets all that is done to it. */
export class Rehearsal implements StorageAdapter {
  readonly name: string
  readonly traits: StorageTraits
  readonly native: ReadableStorage['native']
  readonly lostSince: number | undefined
  readonly #under: StorageAdapter
  /** What would be otherwise: other files, and `undefined` for those that would be gone. */
  readonly #changed = new Map<string, StoredFile | undefined>()

  constructor(under: StorageAdapter) {
    this.#under = under
    this.name = under.name
    this.traits = under.traits
    this.native = under.native
    this.lostSince = under.lostSince
  }

  async open(path: LayoutPath, options?: AbortOptions): Promise<StoredFile | undefined> {
    return this.#changed.has(path) ? this.#changed.get(path) : this.#under.open(path, options)
  }

  async *list(options?: AbortOptions): AsyncGenerator<StorageEntry> {
    for await (const entry of this.#under.list(options)) if (!this.#changed.has(entry.path)) yield entry
    for (const [path, file] of this.#changed) if (file) yield { path, kind: 'file', size: file.size }
  }

  /** Takes any file: that it is here now is all that has to be remembered. */
  async adopt(file: StoredFile): Promise<AdoptedFile> {
    return {
      file,
      commit: async path => {
        if ((await this.open(path))?.size === file.size) return 'existed'
        this.#changed.set(path, file)
        return 'written'
      },
      discard: async () => {},
    }
  }

  async stage(): Promise<StagedFile> {
    throw new TypeError('a rehearsal adopts')
  }

  async update(path: DocumentPath, edit: DocumentEdit, options: UpdateOptions = {}): Promise<void> {
    for (const required of options.requires ?? []) {
      if ((await this.open(required, options)) === undefined)
        throw new OciError('BLOB_MISSING', { digest: digestOfPath(required) })
    }
    const next = edit(await (await this.open(path, options))?.bytes(options))
    if (next !== undefined) this.#changed.set(path, storedBytes(next))
  }

  async remove(choose: (index: Uint8Array | undefined) => readonly BlobPath[]): Promise<number> {
    const chosen = choose(await (await this.open('index.json'))?.bytes())
    for (const path of chosen) this.#changed.set(path, undefined)
    return chosen.length
  }

  async sweep(): Promise<number> {
    return 0
  }

  async close(): Promise<void> {}
}
