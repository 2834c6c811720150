/** Every name in a layout's folder of a browser. */

import { domNameOf } from '../../src/faults.ts'
import type { StorageEntry } from '../../src/storage.ts'
import { type LayoutDirectory, privateFolder } from './directory.ts'
import { absent, faulty, unless } from './faults.ts'

/**
 * Walks the folder; what vanishes meanwhile is left out. Of what may be `missing` it strikes off what is there;
 * what is empty counts as missing, and is left out, too.
 */
export async function* listDirectory(
  layout: LayoutDirectory,
  missing: Set<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<StorageEntry, void, undefined> {
  const place = { storage: layout.storage, operation: 'list' }
  const folders: { readonly path: string; readonly handle: FileSystemDirectoryHandle }[] = [
    { path: '', handle: layout.root },
  ]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const { handle: current, path: parent } = folder
    for (const handle of await faulty(place, () => childrenOf(current))) {
      signal?.throwIfAborted()
      const path = parent === '' ? handle.name : `${parent}/${handle.name}`
      if (handle instanceof FileSystemFileHandle) {
        const entry = await faulty(place, () => entryOf(path, handle, layout))
        if (entry === undefined || (entry.size === 0 && missing.has(path))) continue
        missing.delete(path)
        yield entry
      } else if (handle instanceof FileSystemDirectoryHandle) {
        missing.delete(path)
        if (isBlobName(path)) yield { path, kind: 'other' }
        else folders.push({ path, handle })
      }
    }
  }
}

/**
 * Collected first: an iterator over a folder that changes meanwhile may end early or name things twice. Nothing where
 * the folder is gone, as the private one is when another storage closes.
 */
export async function childrenOf(folder: FileSystemDirectoryHandle): Promise<FileSystemHandle[]> {
  const children: FileSystemHandle[] = []
  try {
    for await (const child of folder.values()) children.push(child)
  } catch (error) {
    if (domNameOf(error) !== 'NotFoundError') throw error
  }
  return children
}

async function entryOf(
  path: string,
  handle: FileSystemFileHandle,
  { quota: isPrivate }: LayoutDirectory,
): Promise<StorageEntry | undefined> {
  // Chromium shows the file beside a name that is being written.
  if (path.startsWith(`${privateFolder}/`) || path.endsWith('.crswap')) return { path, kind: 'staged' }
  try {
    const file = await unless(absent, handle.getFile())
    return file && { path, kind: 'file', size: file.size }
  } catch (error) {
    // A symbolic link on the disk: a browser that shows its name refuses to follow it. Without leave it says NotAllowedError.
    if (!isPrivate && domNameOf(error) === 'SecurityError') return { path, kind: 'other' }
    throw error
  }
}

function isBlobName(path: string): boolean {
  return path.startsWith('blobs/') && path.split('/').length === 3
}
