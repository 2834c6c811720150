/** Staged bytes in a browser: a private file, moved to its name when all of its bytes are there. */

import { domNameOf } from '../../src/faults.ts'
import type { LeftBytes, StagingMedium } from '../../src/staging.ts'
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
// What a stream has taken is in its file when it is closed. A part is closed now and then, each time when it has doubled, for
// the browser copies what was there.
const leastSettled = 64 * 1024 * 1024
// Milliseconds: the tick of a disk's clock.
const tick = 20

/** A blob that is half-written, and named by what it is of. */
export interface Part {
  /** The file that is there, or is to be made. */
  readonly name: string
  /** Where the bytes go if that file can't be gone on with. */
  readonly newName: string
  /** What is in the file. */
  readonly kept: File | undefined
  /** Nobody else is at that file, so what is dropped goes whole. */
  readonly isOwn: boolean
}

/** What is known of a file that is to be written. */
export interface StagedOptions {
  /** Bytes that will come, if known. */
  readonly size?: number | undefined
  readonly part?: Part | undefined
  /** Ends what may take long: the copy of what is kept. */
  readonly signal?: AbortSignal | undefined
}

/** A private file to be written and published. It is made when its first bytes are at hand, and their number tells how. */
export class StagedInBrowser implements StagingMedium {
  readonly #layout: LayoutDirectory
  readonly #expectedSize: number | undefined
  readonly #part: Part | undefined
  readonly #signal: AbortSignal | undefined
  #name: string
  #file: { readonly folder: FileSystemDirectoryHandle; readonly handle: FileSystemFileHandle } | undefined
  #writer: PrivateWriter | undefined
  #gathered = new Uint8Array(gatherSize)
  #gatheredSize = 0
  #size: number
  /** Bytes that are in the file whatever becomes of this page. */
  #settledSize = 0
  #isClosed = false
  /** What was kept couldn't be taken over; what of it stays has been decided. */
  #isGivenUp = false

  private constructor(layout: LayoutDirectory, { size, part, signal }: StagedOptions) {
    this.#layout = layout
    this.#expectedSize = size
    this.#part = part
    this.#signal = signal
    this.#name = part?.name ?? newName()
    this.#size = part?.kept?.size ?? 0
  }

  static async create(layout: LayoutDirectory, options: StagedOptions): Promise<StagedInBrowser> {
    // Where nothing can be written, this says so before the first byte.
    await makePrivateFolder(layout)
    return new StagedInBrowser(layout, options)
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#faulty(
      'write',
      async () => {
        for (let at = 0; at < chunk.length; ) {
          const part = chunk.subarray(at, at + gatherSize - this.#gatheredSize)
          this.#gathered.set(part, this.#gatheredSize)
          this.#gatheredSize += part.length
          at += part.length
          if (this.#gatheredSize === gatherSize) await this.#flush()
        }
      },
      this.#signal,
    )
  }

  close(): Promise<void> {
    return this.#faulty(
      'write',
      async () => {
        if (this.#gatheredSize > 0) await this.#flush()
        this.#writer ??= await this.#open()
        await this.#writer.close()
        this.#isClosed = true
      },
      this.#signal,
    )
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
      if (this.#isGivenUp) return
      await this.#writer?.release()
      const isOurs = this.#part?.kept !== undefined && this.#part.isOwn
      // Of which nothing was opened, the file may be another's still.
      const folder = this.#file?.folder ?? (isOurs ? await makePrivateFolder(this.#layout) : undefined)
      if (folder !== undefined) await removeReleased(folder, this.#name)
      // With all of its bytes it is dropped for one reason, that they are wrong: as those may be that were taken over.
      if (this.#isClosed || isOurs) await this.#removeTakenOver()
    })
  }

  /** Lets go of the file, which stays: with what was written, but for what is still gathered for the very first write. */
  leave(): Promise<LeftBytes | undefined> {
    return this.#faulty('leave', async () => {
      if (this.#isGivenUp) return undefined
      if (this.#writer !== undefined && !this.#isClosed) {
        if (this.#gatheredSize > 0) await this.#flush()
        await this.#writer.close()
      }
      const { folder } = this.#file ?? { folder: await makePrivateFolder(this.#layout) }
      if (this.#size === 0) {
        await removeReleased(folder, this.#name)
        return undefined
      }
      // On a folder of the disk its writer may be at work still.
      if (this.#layout.quota) await this.#removeTakenOver()
      const handle = await folder.getFileHandle(this.#name)
      return { name: this.#name, size: this.#size, version: await this.#restingVersion(handle) }
    })
  }

  async #publishLocked(path: BlobPath): Promise<'written' | 'existed'> {
    if (this.#file === undefined) throw new Error('published before it was closed')
    const present = await findFile(this.#layout, path)
    const size = present && (await unless(absent, present.getFile()))?.size
    if (size === this.#size) {
      await removeReleased(this.#file.folder, this.#name)
      await this.#removeTakenOver()
      return 'existed'
    }
    const [, algorithm = '', name = ''] = path.split('/')
    const folder = await makeBlobFolder(this.#layout, algorithm)
    await publishFile(this.#layout, this.#file, { folder, name })
    await this.#removeTakenOver()
    return 'written'
  }

  async #flush(): Promise<void> {
    this.#writer ??= await this.#open()
    const size = this.#gatheredSize
    this.#gathered = await this.#writer.write(this.#gathered, size)
    this.#gatheredSize = 0
    this.#size += size
    if (this.#part !== undefined) await this.#settle(this.#writer)
  }

  async #settle(writer: PrivateWriter): Promise<void> {
    if (this.#size - this.#settledSize < Math.max(leastSettled, this.#settledSize)) return
    await writer.settle?.()
    this.#settledSize = this.#size
  }

  async #open(): Promise<PrivateWriter> {
    this.#file = await makePrivateFile(this.#layout, this.#name)
    const large = this.#large()
    const kept = this.#part?.kept
    const faster = await large?.open(this.#file.handle, {
      path: [privateFolder, this.#name],
      at: kept?.size ?? 0,
    })
    if (faster !== undefined) return faster
    if (kept !== undefined) return this.#takeOver(kept)
    if (large !== undefined) await this.#renew()
    return StreamWriter.open(this.#file.handle)
  }

  /** Another file, into which the bytes of this one go: a stream would copy them, too. */
  async #takeOver(kept: File): Promise<PrivateWriter> {
    this.#name = this.#part?.newName ?? newName()
    this.#file = await makePrivateFile(this.#layout, this.#name)
    const writer = await StreamWriter.open(this.#file.handle)
    try {
      await writeAll(writer, kept, this.#signal)
      return writer
    } catch (error) {
      this.#isGivenUp = true
      await writer.release()
      await removeReleased(this.#file.folder, this.#name)
      // There is no room for both of them: from the beginning it may fit.
      if (this.#layout.quota && domNameOf(error) === 'QuotaExceededError') await this.#removeTakenOver()
      throw error
    }
  }

  /** The file whose bytes are in another one by now. */
  async #removeTakenOver(): Promise<void> {
    const name = this.#part?.name
    if (name === undefined || name === this.#name || this.#file === undefined) return
    await removeFile(this.#file.folder, name).catch(() => {})
  }

  /** Once the clock is past the time of the last write: one within the same tick would leave all as it was. */
  async #restingVersion(handle: FileSystemFileHandle): Promise<string | undefined> {
    // On a folder of the disk nobody knows who else writes.
    if (!this.#layout.quota) return undefined
    const before = await handle.getFile()
    if (versionOf(before) === undefined || before.size !== this.#size) return undefined
    while (Date.now() < before.lastModified + tick) await new Promise(resolve => setTimeout(resolve, 1))
    const version = versionOf(await handle.getFile())
    return version === versionOf(before) ? version : undefined
  }

  /** Another file: where a sync access handle was refused, WebKit keeps the file locked. */
  async #renew(): Promise<void> {
    if (this.#file !== undefined) await removeFile(this.#file.folder, this.#name).catch(() => {})
    this.#name = this.#part?.newName ?? newName()
    this.#file = await makePrivateFile(this.#layout, this.#name)
  }

  /** Large is what the caller says is large; where he says nothing, what fills a buffer. */
  #large(): LargeFiles | undefined {
    const { large } = this.#layout
    if (large === undefined) return undefined
    const presumed = this.#gatheredSize < gatherSize ? this.#gatheredSize : large.least
    return (this.#expectedSize ?? presumed) < large.least ? undefined : large
  }

  #faulty<T>(operation: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return faulty({ storage: this.#layout.storage, operation }, call, signal)
  }
}

/** Another one as soon as anybody writes into a file. `undefined` where a browser tells whole seconds, too long a time. */
export function versionOf({ size, lastModified }: File): string | undefined {
  return lastModified % 1000 === 0 ? undefined : `${size} ${lastModified}`
}

function newName(): string {
  return `staged-${crypto.randomUUID()}`
}

async function writeAll(writer: PrivateWriter, file: File, signal: AbortSignal | undefined): Promise<void> {
  for (let at = 0; at < file.size; at += gatherSize) {
    signal?.throwIfAborted()
    // With a buffer of its own: see `StreamWriter`.
    const bytes = new Uint8Array(await file.slice(at, at + gatherSize).arrayBuffer())
    await writer.write(bytes, bytes.length)
  }
}
