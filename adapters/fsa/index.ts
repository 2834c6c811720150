/** The browser's entry: layouts in the origin's private file system, and in folders that the user chose. */

import { OciError } from '../../src/errors.ts'
import { privateRoot, rootToWrite } from '../../src/private-root.ts'
import type { ReadableStorage, StorageAdapter } from '../../src/storage.ts'
import { DirectoryStorage } from './directory-storage.ts'
import { faultOf } from './faults.ts'
import { FileListStorage } from './file-list.ts'
import { largeFiles } from './large-files.ts'
import { hasMove, missingFeature } from './platform.ts'

/** Options of `opfs` and `folder`. */
export interface OpfsOptions {
  /**
   * Starts the worker that writes large blobs of the private file system, where the bundler or the page's policy
   * forbids `new Worker(new URL(…))`: its module is `ocidir/fsa/worker`. Give the same function each time, for the
   * worker is shared by it. Where none starts, large blobs are written without one, just slower.
   */
  readonly worker?: (() => Worker) | undefined
}

/**
 * A layout in the origin's private file system, the best place a browser has: `name` is a folder's name there, or
 * several with `/` between. It is made if it isn't there. Works in windows and workers. Large blobs are written by a
 * dedicated worker: the one that this is called in, or one that is started for the first of them.
 *
 * Rejects with `STORAGE_UNAVAILABLE` where the browser or the context has none.
 *
 * @example
 * const storage = await opfs('builds')
 */
export async function opfs(name: string, options: OpfsOptions = {}): Promise<StorageAdapter> {
  const names = checkName(name)
  const storage = `opfs:${name}`
  refuseWithout(storage)
  try {
    let root = await rootToWrite()
    for (const part of names) root = await root.getDirectoryHandle(part, { create: true })
    const large = largeFiles(names, options)
    return new DirectoryStorage({
      storage,
      root,
      lockName: lockOf(names),
      moves: hasMove(),
      quota: true,
      large,
    })
  } catch (error) {
    throw faultOf(error, { storage, operation: 'open' })
  }
}

/**
 * A layout in a folder that a handle leads to: one that the user chose (`showDirectoryPicker`, a drop), or one of
 * the private file system. Writing needs the permission `readwrite`, which the page asks for.
 *
 * Writers of one origin keep each other out. A handle of the disk has no identity but its name, so folders of one
 * name wait for each other; a folder that is renamed while it is open loses this protection. No other program is
 * kept out. Where the browser has no `move`, files get their names by a copy that is verified after, and the trait
 * `atomicPublish` is false.
 *
 * @example
 * const storage = await folder(await showDirectoryPicker({ mode: 'readwrite' }))
 */
export async function folder(
  handle: FileSystemDirectoryHandle,
  options: OpfsOptions = {},
): Promise<StorageAdapter> {
  if (handle?.kind !== 'directory') throw new TypeError('folder() takes the handle of a folder')
  const storage = `folder:${handle.name}`
  refuseWithout(storage)
  const names = await privateNames(handle)
  if (names !== undefined) await rootToWrite()
  const lockName = names === undefined ? `ocidir:folder:${handle.name}` : lockOf(names)
  return new DirectoryStorage({
    storage,
    root: handle,
    lockName,
    moves: hasMove(),
    quota: names !== undefined,
    large: names && largeFiles(names, options),
  })
}

/**
 * A layout among chosen files, to be read: those of `<input type="file" webkitdirectory>`, where a browser gives no
 * handle of a folder. The layout may be the chosen folder or lie in it. A file that is replaced later fails with
 * `STORAGE_CHANGED`: the user has to choose again.
 *
 * @example
 * const dir = await OciDir.open(fileList(input.files))
 */
export function fileList(files: Iterable<File>): ReadableStorage {
  return new FileListStorage(files)
}

/** The same folder has the same lock, however it was opened. */
function lockOf(names: readonly string[]): string {
  return `ocidir:opfs:${names.join('/')}`
}

/** The path of a handle in the private file system, or `undefined` for one of the disk. */
async function privateNames(handle: FileSystemDirectoryHandle): Promise<readonly string[] | undefined> {
  // A context may have folders of the disk and no private file system.
  const root = await privateRoot().catch(() => undefined)
  return (await root?.resolve(handle)) ?? undefined
}

function checkName(name: string): readonly string[] {
  const names = typeof name === 'string' ? name.split('/') : []
  const isName = (part: string): boolean =>
    part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part)
  if (names.length > 0 && names.every(isName)) return names
  throw new TypeError(`not a name of a folder: ${JSON.stringify(String(name).slice(0, 300))}`)
}

function refuseWithout(storage: string): void {
  const reason = missingFeature()
  if (reason !== undefined) throw new OciError('STORAGE_UNAVAILABLE', { storage, reason })
}
