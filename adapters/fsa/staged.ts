/** Staged bytes in a browser: a private file, moved to its name when all of its bytes are there. */

import type { StagingMedium } from '../../src/staging.ts'
import type { BlobPath } from '../../src/storage.ts'
import {
  blobLock,
  findFile,
  type LayoutDirectory,
  makeBlobFolder,
  makePrivateFile,
  publishFile,
  removeFile,
  removeReleased,
} from './directory.ts'
import { absent, faulty, unless } from './faults.ts'

// Each write of a browser is a message to another process: small chunks are gathered.
const gatherSize = 1024 * 1024

/** A private file to be written and published. */
export class StagedInBrowser implements StagingMedium {
  readonly #layout: LayoutDirectory
  readonly #folder: FileSystemDirectoryHandle
  readonly #handle: FileSystemFileHandle
  readonly #name: string
  readonly #writable: FileSystemWritableFileStream
  #gathered = new Uint8Array(gatherSize)
  #gatheredSize = 0
  #size = 0

  private constructor(
    layout: LayoutDirectory,
    file: { folder: FileSystemDirectoryHandle; handle: FileSystemFileHandle; name: string },
    writable: FileSystemWritableFileStream,
  ) {
    this.#layout = layout
    this.#folder = file.folder
    this.#handle = file.handle
    this.#name = file.name
    this.#writable = writable
  }

  static async create(layout: LayoutDirectory): Promise<StagedInBrowser> {
    const name = `staged-${crypto.randomUUID()}`
    const { folder, handle } = await makePrivateFile(layout, name)
    try {
      return new StagedInBrowser(layout, { folder, handle, name }, await handle.createWritable())
    } catch (error) {
      await removeFile(folder, name).catch(() => {})
      throw error
    }
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#faulty('write', async () => {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + gatherSize - this.#gatheredSize)
        this.#gathered.set(part, this.#gatheredSize)
        this.#gatheredSize += part.length
        at += part.length
        if (this.#gatheredSize === gatherSize) await this.#flush()
      }
    })
  }

  close(): Promise<void> {
    return this.#faulty('write', async () => {
      await this.#flush()
      await this.#writable.close()
      // At the end of its quota a browser may keep less than it was given, without an error.
      const { size } = await this.#handle.getFile()
      if (size === this.#size) return
      throw new DOMException(`${size} of ${this.#size} bytes were kept`, 'QuotaExceededError')
    })
  }

  publish(path: BlobPath): Promise<'written' | 'existed'> {
    const lock = blobLock(this.#layout, path)
    // Two writers of one blob in turn: the second must not move its bytes over those that are read already.
    return navigator.locks.request(lock, () => this.#faulty('commit', () => this.#publishLocked(path)))
  }

  drop(): Promise<void> {
    return this.#faulty('discard', async () => {
      // Closed or failed already, it has nothing to abort.
      await this.#writable.abort().catch(() => {})
      await removeReleased(this.#folder, this.#name)
    })
  }

  async #publishLocked(path: BlobPath): Promise<'written' | 'existed'> {
    const present = await findFile(this.#layout, path)
    const size = present && (await unless(absent, present.getFile()))?.size
    if (size === this.#size) {
      await removeFile(this.#folder, this.#name)
      return 'existed'
    }
    const [, algorithm = '', name = ''] = path.split('/')
    const folder = await makeBlobFolder(this.#layout, algorithm)
    await publishFile(this.#layout, { folder: this.#folder, handle: this.#handle }, { folder, name })
    return 'written'
  }

  async #flush(): Promise<void> {
    if (this.#gatheredSize === 0) return
    // WebKit writes all of a view's buffer, whatever part of it the view shows: a part goes as a copy.
    const isPart = this.#gatheredSize < gatherSize
    const bytes = isPart ? this.#gathered.slice(0, this.#gatheredSize) : this.#gathered
    this.#gatheredSize = 0
    await this.#writable.write(bytes)
    this.#size += bytes.length
  }

  #faulty<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return faulty({ storage: this.#layout.storage, operation }, call)
  }
}
