/** Staged bytes on disk: a private file, published by a link, so that an existing blob always wins. */

import { type BigIntStats, constants, type Stats } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, stat, statfs, unlink, utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { OciError } from '../../src/errors.ts'
import type { LeftBytes, StagingMedium } from '../../src/staging.ts'
import type { BlobPath } from '../../src/storage.ts'
import { sameVersion } from './at-once.ts'
import { absent, errnoOf, faulty, unless } from './faults.ts'
import { type LayoutFolder, settle } from './place.ts'
import { openRead, type Source } from './stored.ts'

// Small chunks (tar headers) are gathered: each call to the disk costs a hop to another thread.
const gatherSize = 128 * 1024
// A disk without hard links (FAT, some network and phone storages) says so by one of these.
const unlinkable = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'])

// Seconds: more than the ticks of any disk's clock.
const setBack = 10
const goOnFlags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** A private file to be written and published. */
export class StagedOnDisk implements StagingMedium {
  readonly #layout: LayoutFolder
  readonly #path: string
  readonly #handle: FileHandle
  readonly #gathered = new Uint8Array(gatherSize)
  #gatheredSize = 0
  #isLinked = false
  #size = 0

  private constructor(file: { layout: LayoutFolder; path: string; handle: FileHandle }) {
    this.#layout = file.layout
    this.#path = file.path
    this.#handle = file.handle
  }

  /** Where the bytes are until they are published. */
  get path(): string {
    return this.#path
  }

  static async create(layout: LayoutFolder, name: string): Promise<StagedOnDisk> {
    for (let attempt = 1; ; attempt++) {
      const path = join(await layout.private(), name)
      // ENOENT: another storage removed the empty private folder as it closed.
      const handle = await unless(attempt < 5 ? ['ENOENT'] : [], open(path, 'wx', 0o644))
      if (handle !== undefined) return new StagedOnDisk({ layout, path, handle })
    }
  }

  /** A file that was left, to be gone on with. `undefined` where there is none, or it isn't as it was left. */
  static async reopen(layout: LayoutFolder, left: LeftBytes): Promise<StagedOnDisk | undefined> {
    const path = join(await layout.private(), left.name)
    const handle = await open(path, goOnFlags).catch(() => undefined)
    if (handle === undefined) return undefined
    const found = await handle.stat({ bigint: true }).catch(() => undefined)
    if (found !== undefined && left.version === versionOf(found)) {
      const staged = new StagedOnDisk({ layout, path, handle })
      staged.#size = left.size
      return staged
    }
    await handle.close()
    return undefined
  }

  /** A second name of a file, as the private one; `undefined` where this disk, or the system, won't have it. */
  static async link(layout: LayoutFolder, name: string, source: Source): Promise<StagedOnDisk | undefined> {
    const path = join(await layout.private(), name)
    const handle = await link(source.real, path)
      .then(() => openRead(path))
      .catch(() => undefined)
    if (handle !== undefined) {
      const found = await handle.stat({ bigint: true }).catch(() => undefined)
      if (found !== undefined && sameVersion(source.version, found)) {
        const staged = new StagedOnDisk({ layout, path, handle })
        staged.#isLinked = true
        staged.#size = Number(source.version.size)
        return staged
      }
      await handle.close()
    }
    // Linked was something else by now: a later version, or a link.
    await unless(absent, unlink(path))
    return undefined
  }

  /** Fills the empty file by a call that clones another's blocks into it. Rejects as that call does. */
  async fill(
    source: Pick<Source, 'real'>,
    clone: (from: string, to: string) => Promise<void>,
  ): Promise<void> {
    const { mode } = await this.#handle.stat()
    await clone(source.real, this.#path)
    // The copying call gives it the mode of the source, too.
    await this.#handle.chmod(mode)
    this.#size = (await this.#handle.stat()).size
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#faulty('write', async () => {
      // What was gathered came first, so it goes first, also before a chunk that is written at once.
      const isLarge = chunk.length >= gatherSize / 2
      const isFlushed = this.#gatheredSize > 0 && (isLarge || this.#gatheredSize + chunk.length > gatherSize)
      // Without an await where there is nothing to flush: the disk is at work before the caller goes on.
      if (isFlushed) await this.#flush()
      if (isLarge) return await this.#append(chunk)
      this.#gathered.set(chunk, this.#gatheredSize)
      this.#gatheredSize += chunk.length
    })
  }

  /** Gives all that was gathered to the system. Gives the number of bytes that it has. */
  flush(): Promise<number> {
    return this.#faulty('write', async () => {
      await this.#flush()
      return this.#size
    })
  }

  close(): Promise<void> {
    return this.#faulty('write', async () => {
      await this.#flush()
      // Before the name is there: a name without its bytes is what a power loss would leave.
      if (this.#layout.strict) await (this.#isLinked ? settle(this.#path) : this.#handle.datasync())
      await this.#handle.close()
    })
  }

  publish(path: BlobPath): Promise<'written' | 'existed'> {
    return this.#faulty('commit', async () => {
      const [, algorithm = '', encoded = ''] = path.split('/')
      const folder = await this.#layout.blobs(algorithm)
      const target = join(folder, encoded)
      const outcome = await this.#publishAs(target)
      if (!this.#layout.strict) return outcome
      // Whoever wrote it may not have waited for the disk. Gone by now, it is missed when index.json is to name it.
      if (outcome === 'existed') await unless(absent, settle(target))
      await this.#layout.settle(folder)
      return outcome
    })
  }

  drop(): Promise<void> {
    return this.#faulty('discard', async () => {
      await this.#handle.close().catch(() => {})
      await unless(absent, unlink(this.#path))
    })
  }

  /**
   * Lets go of the file, which stays. Its time is set back, or a write within the same tick of the disk's clock would leave
   * all as it was.
   */
  leave(): Promise<LeftBytes | undefined> {
    return this.#faulty('leave', async () => {
      if (this.#gatheredSize > 0) await this.#flush()
      await this.#handle.close().catch(() => {})
      const time = Date.now() / 1000 - setBack
      const isSet = await utimes(this.#path, time, time).then(
        () => true,
        () => false,
      )
      const found = await stat(this.#path, { bigint: true })
      const size = this.#size
      if (size > 0 && found.size === BigInt(size))
        return { name: basename(this.#path), size, version: isSet ? versionOf(found) : undefined }
      await unlink(this.#path)
      return undefined
    })
  }

  async #publishAs(target: string): Promise<'written' | 'existed'> {
    for (;;) {
      const present = await unless(absent, lstat(target))
      if (present !== undefined && (await this.#fits(target, present))) {
        await unless(absent, unlink(this.#path))
        return 'existed'
      }
      if (present !== undefined) {
        await rename(this.#path, target)
        return 'written'
      }
      // A link to a name that came up between is refused: then look again, for the existing one wins.
      if (await this.#linkAs(target)) return 'written'
    }
  }

  async #linkAs(target: string): Promise<boolean> {
    try {
      await link(this.#path, target)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false
      if (!unlinkable.has(errnoOf(error) ?? '')) throw error
      // Without links a rename: should it meet a blob of this instant, both hold the same verified bytes.
      await rename(this.#path, target)
      return true
    }
    await unless(absent, unlink(this.#path))
    return true
  }

  /** A file of the right size wins; a link does so only if it leads to one in the layout. */
  async #fits(target: string, present: Stats): Promise<boolean> {
    if (!present.isSymbolicLink()) return present.isFile() && present.size === this.#size
    if (!(await this.#layout.leadsInside(target))) return false
    const led = await stat(target)
    return led.isFile() && led.size === this.#size
  }

  async #flush(): Promise<void> {
    const size = this.#gatheredSize
    this.#gatheredSize = 0
    if (size > 0) await this.#append(this.#gathered.subarray(0, size))
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#size)
      // Else it would be tried for ever: no system says what is the matter then.
      if (bytesWritten === 0) throw this.#failed('the system wrote nothing')
      at += bytesWritten
      this.#size += bytesWritten
    }
  }

  #failed(why: string): OciError {
    const place = { storage: this.#layout.storage, operation: 'write' }
    return new OciError('STORAGE_FAILED', place, { cause: new Error(why) })
  }

  #faulty<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return faulty({ storage: this.#layout.storage, operation }, call)
  }
}

/** Another one as soon as anybody writes into a file, or gives it another name or another's times. */
function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/** Rejects with `STORAGE_FULL` when so many bytes can't find room, before the first of them is written. */
export async function refuseWhenFull(layout: LayoutFolder, size: number | undefined): Promise<void> {
  if (size === undefined || size === 0) return
  const { bavail, bsize } = await statfs(await layout.make())
  // Some network disks say that they have no blocks at all.
  if (bsize === 0 || bavail * bsize >= size) return
  throw new OciError('STORAGE_FULL', { storage: layout.storage, needed: size })
}
