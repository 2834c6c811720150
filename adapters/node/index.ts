/** The Node entry: a layout in a folder of the disk. */

import type { NamedFile, StorageAdapter } from '../../src/storage.ts'
import { openFile } from './file.ts'
import { type FolderOptions, FolderStorage } from './folder.ts'

export type { FolderOptions } from './folder.ts'

/**
 * A layout in a folder of the disk. The folder is made on the first write.
 *
 * Writers of all processes of one machine keep each other out. A program that doesn't know the lock (`.ocidir/lock`)
 * is noticed when it changes `index.json` during an update, and the update runs again; there remains the instant
 * between the last look and the rename.
 *
 * @example
 * const storage = folder('images', { durability: 'relaxed' })
 */
export function folder(path: string | URL, options: FolderOptions = {}): StorageAdapter {
  return new FolderStorage(path, options)
}

/**
 * A file of the disk as it is now, for `archive()`. Nothing is read yet and nothing has to be closed; once the file
 * has changed, reading it fails with `STORAGE_CHANGED`.
 *
 * Rejects with `STORAGE_FAILED` where there is no file, `STORAGE_DENIED`.
 *
 * @example
 * const dir = await OciDir.open(await archive(await file('app.tar')))
 */
export function file(path: string | URL): Promise<NamedFile> {
  return openFile(path)
}

export { hostPlatform } from './platform.ts'
export { readFolder } from './source.ts'
