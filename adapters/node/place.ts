/** Names of a layout as paths of the disk: none leads out of the layout's folder, whatever links stand there. */

import type { Stats } from 'node:fs'
import { lstat, mkdir, open, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { OciError } from '../../src/errors.ts'
import type { LayoutPath } from '../../src/storage.ts'
import { isThereNow, realNow, unlessNow } from './at-once.ts'
import { absent, errnoOf, unless } from './faults.ts'

/** The folder of private files, at the layout's root: the same disk, so a rename publishes. */
export const privateFolder = '.ocidir'

/** The folder of one layout. */
export class LayoutFolder {
  readonly storage: string
  /** What is written outlives a power loss. */
  readonly strict: boolean
  readonly #given: string
  /** Folders whose own names the disk has. */
  readonly #settled = new Set<string>()
  #real: string | undefined

  constructor(path: string, options: { readonly storage: string; readonly strict: boolean }) {
    this.#given = path
    this.storage = options.storage
    this.strict = options.strict
  }

  /** The folder without links, or `undefined` while there is none. */
  async find(): Promise<string | undefined> {
    if (this.#real !== undefined) return this.#real
    const real = await unless(absent, realpath(this.#given))
    // A late "there is none" takes nothing from who has made it meanwhile.
    this.#real ??= real
    return real
  }

  /** The folder without links; made where there is none. */
  async make(): Promise<string> {
    const found = await this.find()
    if (found !== undefined) return found
    const made = await makeFolder(this.#given)
    const real = await realpath(this.#given)
    this.#real = real
    if (this.strict) for (const folder of made) await settle(dirname(folder))
    return real
  }

  /** Where a name's bytes really are. `undefined` where there is no file; `LINK_OUTSIDE` for a link that leads out. */
  async resolve(path: LayoutPath): Promise<string | undefined> {
    const root = await this.find()
    if (root === undefined) return undefined
    const name = join(root, ...path.split('/'))
    const real = realOf(name)
    if (real !== undefined && inside(root, real)) return real
    // No file. But a link that leads nowhere is a link that leads out, and isn't "no file".
    if (real === undefined && !(await unless(absent, lstat(name)))?.isSymbolicLink()) return undefined
    throw new OciError('LINK_OUTSIDE', { path })
  }

  /** Tells whether a link leads to something of the layout. */
  async leadsInside(path: string): Promise<boolean> {
    const real = await unless([...absent, 'ELOOP'], realpath(path))
    return real !== undefined && inside(await this.make(), real)
  }

  /** The private folder, made where there is none. Throws where it is a link: nothing is written through one. */
  async private(): Promise<string> {
    const root = await this.make()
    await this.#folder(root, privateFolder)
    return join(root, privateFolder)
  }

  /** The folder of one algorithm's blobs, made where there is none. Throws where it is a link. */
  async blobs(algorithm: string): Promise<string> {
    const root = await this.make()
    await this.#folder(root, 'blobs')
    await this.#folder(join(root, 'blobs'), algorithm)
    return join(root, 'blobs', algorithm)
  }

  /** Throws where a name that is about to be written is a link. A missing one is fine. */
  async refuseLink(path: string): Promise<Stats | undefined> {
    const root = await this.make()
    const stats = await unless(absent, lstat(join(root, path)))
    if (!stats?.isSymbolicLink()) return stats
    if (!(await this.leadsInside(join(root, path)))) throw new OciError('LINK_OUTSIDE', { path })
    throw new OciError('STORAGE_DENIED', { storage: this.storage, operation: 'writing to a link', path })
  }

  /**
   * Makes what stands in a folder of the layout outlive a power loss, and the folder itself: whoever made it may not have
   * come to that.
   */
  async settle(folder: string): Promise<void> {
    await settle(folder)
    const top = dirname(await this.make())
    for (let at = folder; at !== top; at = dirname(at)) {
      if (this.#settled.has(at)) continue
      await settle(dirname(at))
      this.#settled.add(at)
    }
  }

  async #folder(parent: string, name: string): Promise<void> {
    const root = await this.make()
    const path = join(parent, name)
    const stats = await this.refuseLink(path.slice(root.length + 1).replaceAll(sep, '/'))
    if (stats !== undefined) return
    await unless(['EEXIST'], mkdir(path, 0o755))
  }
}

// Windows syncs what may be written only.
const flags = process.platform === 'win32' ? 'r+' : 'r'

/** Makes a file's bytes, or a folder's entries, outlive a power loss. */
export async function settle(path: string): Promise<void> {
  const handle = await open(path, flags).catch(unsyncable)
  try {
    await handle?.sync().catch(unsyncable)
  } finally {
    await handle?.close()
  }
}

/**
 * Makes a folder, and those that it stands in; gives those that it made.
 *
 * Not `recursive` of `mkdir`: in Node that never ends where a folder that is there takes no new one (`/proc`).
 */
async function makeFolder(path: string): Promise<readonly string[]> {
  const made = await unless(
    ['ENOENT'],
    unless(['EEXIST'], mkdir(path)).then(() => true),
  )
  if (made) return [path]
  const parent = dirname(path)
  const parents = parent !== path && !(await isThere(parent)) ? await makeFolder(parent) : []
  // Once more, also where the parent is there by now: another writer may just have made it.
  await unless(['EEXIST'], mkdir(path))
  return [...parents, path]
}

async function isThere(path: string): Promise<boolean> {
  return (await unless(absent, lstat(path))) !== undefined
}

/** The path without links; `undefined` where there is nothing, or a link that leads nowhere. */
function realOf(name: string): string | undefined {
  for (let attempt = 0; ; attempt++) {
    const real = unlessNow([...absent, 'ELOOP'], () => realNow(name))
    // Bun finds nothing where a file is just being replaced by another.
    if (real !== undefined || attempt === attempts || !unlessNow(absent, () => isThereNow(name))) return real
  }
}

const attempts = 5

/** Tells whether a path without links stands in a folder, and not among its private files. */
export function inside(root: string, real: string): boolean {
  const within = root.endsWith(sep) ? root : root + sep
  return real.startsWith(within) && !real.startsWith(within + privateFolder + sep)
}

/** Windows and some network disks have no sync of folders; there is nothing that could be done instead. */
function unsyncable(error: unknown): undefined {
  if (['EPERM', 'EISDIR', 'EINVAL', 'ENOTSUP', 'EACCES'].includes(errnoOf(error) ?? '')) return undefined
  throw error
}
