/** Staged bytes in a browser: a private file, moved to its name when all of its bytes are there. */

import type { StagingMedium } from '../../src/staging.ts'
import type { BlobPath } from '../../src/storage.ts'
import {
  blobLock,
  findFile,
  type LayoutDirectory,
  makeBlobFolder,
  makePrivateFile,
  makePrivateFolder,
  privateFolder,
  publishFile,
  refusing,
  removeFile,
  removeReleased,
} from './directory.ts'
import { absent, faulty, unless } from './faults.ts'
import type { LargeFiles } from './large-files.ts'
import { type PrivateWriter, StreamWriter } from './writer.ts'

// Each write of a browser is a message to another process: small chunks are gathered.
const gatherSize = 1024 * 1024

/** A private file to be written and published. It is made when its first bytes are at hand, and their number tells how. */
export class StagedInBrowser implements StagingMedium {
  readonly #layout: LayoutDirectory
  readonly #expectedSize: number | undefined
  #name = `staged-${crypto.randomUUID()}`
  #file: { readonly folder: FileSystemDirectoryHandle; readonly handle: FileSystemFileHandle } | undefined
  #writer: PrivateWriter | undefined
  #gathered = new Uint8Array(gatherSize)
  #gatheredSize = 0
  #size = 0

  private constructor(layout: LayoutDirectory, expectedSize: number | undefined) {
    this.#layout = layout
    this.#expectedSize = expectedSize
  }

  static async create(layout: LayoutDirectory, expectedSize: number | undefined): Promise<StagedInBrowser> {
    // Where nothing can be written, this says so before the first byte.
    await makePrivateFolder(layout)
    return new StagedInBrowser(layout, expectedSize)
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
      if (this.#gatheredSize > 0) await this.#flush()
      await (this.#writer ?? (await this.#open())).close()
    })
  }

  publish(path: BlobPath): Promise<'written' | 'existed'> {
    const lock = blobLock(this.#layout, path)
    // Two writers of one blob in turn: the second must not move its bytes over those that are read already.
    return navigator.locks.request(lock, () =>
      this.#faulty('commit', () => refusing(this.#layout, path, () => this.#publishLocked(path))),
    )
  }

  drop(): Promise<void> {
    return this.#faulty('discard', async () => {
      await this.#writer?.release()
      if (this.#file !== undefined) await removeReleased(this.#file.folder, this.#name)
    })
  }

  async #publishLocked(path: BlobPath): Promise<'written' | 'existed'> {
    if (this.#file === undefined) throw new Error('published before it was closed')
    const present = await findFile(this.#layout, path)
    const size = present && (await unless(absent, present.getFile()))?.size
    if (size === this.#size) {
      await removeReleased(this.#file.folder, this.#name)
      return 'existed'
    }
    const [, algorithm = '', name = ''] = path.split('/')
    const folder = await makeBlobFolder(this.#layout, algorithm)
    await publishFile(this.#layout, this.#file, { folder, name })
    return 'written'
  }

  async #flush(): Promise<void> {
    this.#writer ??= await this.#open()
    const size = this.#gatheredSize
    this.#gathered = await this.#writer.write(this.#gathered, size)
    this.#gatheredSize = 0
    this.#size += size
  }

  async #open(): Promise<PrivateWriter> {
    this.#file = await makePrivateFile(this.#layout, this.#name)
    const large = this.#large()
    const faster = await large?.open(this.#file.handle, [privateFolder, this.#name])
    if (large !== undefined && faster === undefined) await this.#renew()
    this.#writer = faster ?? (await StreamWriter.open(this.#file.handle))
    return this.#writer
  }

  /** Another file: where a sync access handle was refused, WebKit keeps the file locked. */
  async #renew(): Promise<void> {
    if (this.#file !== undefined) await removeFile(this.#file.folder, this.#name).catch(() => {})
    this.#name = `staged-${crypto.randomUUID()}`
    this.#file = await makePrivateFile(this.#layout, this.#name)
  }

  /** Large is what the caller says is large; where he says nothing, what fills a buffer. */
  #large(): LargeFiles | undefined {
    const { large } = this.#layout
    if (large === undefined) return undefined
    const presumed = this.#gatheredSize < gatherSize ? this.#gatheredSize : large.least
    return (this.#expectedSize ?? presumed) < large.least ? undefined : large
  }

  #faulty<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return faulty({ storage: this.#layout.storage, operation }, call)
  }
}
