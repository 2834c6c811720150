/**
 * Half-written blobs: private files whose names say which blob they are of, for whoever writes it next.
 *
 * A process that seems dead may only have been stopped, and what it then writes goes into its file, under whatever name that
 * lies by now. So nobody ever writes into the file of another process: a later one takes its bytes over into a file of its
 * own, by a clone of the blocks or a copy. A storage goes on with its own file, which nobody else has open.
 */

import { randomUUID } from 'node:crypto'
import { lstat, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isOciError } from '../../src/errors.ts'
import { type LeftBytes, type ResumableMedium, unlessRefused } from '../../src/staging.ts'
import type { AbortOptions, BlobPath, StoredFile } from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import type { Clone } from './adopt.ts'
import { readFlags } from './at-once.ts'
import { absent, unless } from './faults.ts'
import { ageOf } from './lock.ts'
import type { LayoutFolder } from './place.ts'
import { refuseWhenFull, StagedOnDisk } from './staged.ts'
import { openStaged } from './stored.ts'

/** What the names of such files begin with. */
export const partPrefix = 'part-'

// Whoever has written nothing for so long is taken for dead, once his bytes are taken over. If he isn't, his copy fails.
const surelyLeft = 10 * 60 * 1000
const longestName = 255
const copySize = 1024 * 1024

/** What is to be gone on with. */
export interface PartOptions extends AbortOptions {
  /** Bytes of the whole blob. */
  readonly size: number
  /** What this very storage left. */
  readonly left: LeftBytes | undefined
}

/** The half-written blobs of one layout. */
export class Parts {
  readonly #layout: LayoutFolder
  readonly #clone: Clone

  constructor(layout: LayoutFolder, clone: Clone) {
    this.#layout = layout
    this.#clone = clone
  }

  /** A private file of one blob, with what there is of it. `undefined` where its name would be too long. */
  async open(path: BlobPath, options: PartOptions): Promise<PartOnDisk | undefined> {
    const prefix = `${partPrefix}${path.slice('blobs/'.length).replace('/', '-')}-`
    const name = prefix + randomUUID()
    if (name.length > longestName) return undefined
    return (await this.#again(options)) ?? this.#takeOver({ prefix, name }, options)
  }

  /** The file that this storage left, if nobody has touched it since; one that was altered goes. */
  async #again({ left, size }: PartOptions): Promise<PartOnDisk | undefined> {
    // Of which nobody could tell whether it was touched, it is as good as another's.
    if (left?.version === undefined) return undefined
    const staged = left.size > size ? undefined : await StagedOnDisk.reopen(this.#layout, left)
    if (staged === undefined) {
      await removeAll([{ path: join(await this.#layout.private(), left.name) }])
      return undefined
    }
    const kept = await this.#keptIn(staged).catch(async error => {
      await staged.leave()
      throw error
    })
    const part = new PartOnDisk(staged, [], { kept, isUntouched: true })
    return unlessRefused(part, () => refuseWhenFull(this.#layout, size - left.size))
  }

  /** A new file, with the bytes of the longest that others left. */
  async #takeOver(
    { prefix, name }: { readonly prefix: string; readonly name: string },
    { size, signal }: PartOptions,
  ): Promise<PartOnDisk> {
    const others = await this.#othersOf(prefix, size)
    const cloned = await this.#cloned(name, others[0], size)
    if (cloned === undefined) await this.#makeRoom(size, others)
    const staged = cloned ?? (await StagedOnDisk.create(this.#layout, name))
    try {
      if (cloned !== undefined) await refuseWhenFull(this.#layout, size - (await staged.flush()))
      else await copyInto(staged, others[0], { size, signal })
      const part = new PartOnDisk(staged, others, { kept: await this.#keptIn(staged), isUntouched: false })
      await removeAll(others.filter(({ age }) => age > surelyLeft))
      return part
    } catch (error) {
      await staged.drop()
      throw error
    }
  }

  async #keptIn(staged: StagedOnDisk): Promise<StoredFile> {
    const place = { storage: this.#layout.storage, operation: 'resume' }
    const size = await staged.flush()
    return size === 0 ? storedBytes(new Uint8Array()) : openStaged(staged.path, place)
  }

  /** The longest first; those that are longer than the blob are nobody's. */
  async #othersOf(prefix: string, size: number): Promise<readonly Other[]> {
    const home = await this.#layout.private()
    const others: Other[] = []
    for (const name of (await unless(absent, readdir(home))) ?? []) {
      if (!name.startsWith(prefix) || !isId.test(name.slice(prefix.length))) continue
      const path = join(home, name)
      const stats = await unless(absent, lstat(path))
      if (stats?.isFile() && stats.size <= size)
        others.push({ path, size: stats.size, modified: stats.mtimeMs, age: ageOf(stats) })
    }
    return others.sort((a, b) => b.size - a.size)
  }

  async #cloned(name: string, other: Other | undefined, size: number): Promise<StagedOnDisk | undefined> {
    if (other === undefined || other.size === 0) return undefined
    const staged = await StagedOnDisk.create(this.#layout, name)
    try {
      await staged.fill({ real: other.path }, this.#clone)
      if ((await staged.flush()) <= size) return staged
    } catch {
      // Most disks can't; and where something else is wrong, the copy will say so.
    }
    await staged.drop()
    return undefined
  }

  /** What is left of others gives way where there is no room for it and the whole blob. */
  async #makeRoom(size: number, others: readonly Other[]): Promise<void> {
    try {
      await refuseWhenFull(this.#layout, size)
    } catch (error) {
      if (others.length === 0 || !isOciError(error, 'STORAGE_FULL')) throw error
      await removeAll(others)
      await refuseWhenFull(this.#layout, size)
    }
  }
}

/** A private file that is left when its writer is ended. */
export class PartOnDisk implements ResumableMedium {
  readonly kept: StoredFile
  readonly isUntouched: boolean
  readonly #staged: StagedOnDisk
  /** Files of the same blob, that which was taken over first. They are of no use once the blob is there. */
  readonly #others: readonly Other[]
  #isClosed = false

  constructor(
    staged: StagedOnDisk,
    others: readonly Other[],
    { kept, isUntouched }: Pick<ResumableMedium, 'kept' | 'isUntouched'>,
  ) {
    this.kept = kept
    this.isUntouched = isUntouched
    this.#staged = staged
    this.#others = others
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#staged.write(chunk)
  }

  async close(): Promise<void> {
    await this.#staged.close()
    this.#isClosed = true
  }

  async publish(path: BlobPath): Promise<'written' | 'existed'> {
    const outcome = await this.#staged.publish(path)
    await removeAll(this.#others)
    return outcome
  }

  leave(): Promise<LeftBytes | undefined> {
    return this.#staged.leave()
  }

  async drop(): Promise<void> {
    await this.#staged.drop()
    // With all of its bytes it is dropped for one reason, that they are wrong: as those may be that were taken over.
    // Those of a writer who has gone on since are his own.
    const [other] = this.#others
    if (this.#isClosed && other !== undefined && (await isStill(other))) await removeAll([other])
  }
}

/** A file that another writer of the same blob left, or is at. */
interface Other {
  readonly path: string
  readonly size: number
  readonly modified: number
  /** Milliseconds since it was last written. */
  readonly age: number
}

const isId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

async function isStill({ path, size, modified }: Other): Promise<boolean> {
  const now = await unless(absent, lstat(path))
  return now?.size === size && now.mtimeMs === modified
}

/** As far as it can be read: what is missing comes from the source. */
async function copyInto(
  staged: StagedOnDisk,
  other: Other | undefined,
  { size, signal }: { readonly size: number } & AbortOptions,
): Promise<void> {
  const handle = other && (await open(other.path, readFlags).catch(() => undefined))
  // One for all: a new one for each piece takes several times as long as the copy.
  const buffer = new Uint8Array(Math.min(copySize, other?.size ?? 0))
  try {
    for (let at = 0; handle !== undefined && at < size; ) {
      signal?.throwIfAborted()
      const length = Math.min(buffer.length, size - at)
      const read = await handle.read(buffer, 0, length, at).catch(() => undefined)
      if (read === undefined || read.bytesRead === 0) return
      await staged.write(buffer.subarray(0, read.bytesRead))
      at += read.bytesRead
    }
  } finally {
    await handle?.close()
  }
}

/** What can't be removed is left for `sweep`. */
async function removeAll(files: readonly Pick<Other, 'path'>[]): Promise<void> {
  for (const { path } of files) await unlink(path).catch(() => {})
}
