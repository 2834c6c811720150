/** Every name in a layout's folder, links not followed but judged. */

import type { Dirent } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Place } from '../../src/faults.ts'
import type { StorageEntry } from '../../src/storage.ts'
import { absent, faulty, unless } from './faults.ts'
import { type LayoutFolder, privateFolder } from './place.ts'

/** Walks the folder, one folder after the other; what vanishes meanwhile is left out. */
export async function* listFolder(
  layout: LayoutFolder,
  signal: AbortSignal | undefined,
): AsyncGenerator<StorageEntry, void, undefined> {
  const place: Place = { storage: layout.storage, operation: 'list' }
  const root = await faulty(place, () => layout.find())
  if (root === undefined) return
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const current = folder
    const children = await faulty(place, () =>
      unless(absent, readdir(join(root, current), { withFileTypes: true })),
    )
    for (const child of children ?? []) {
      signal?.throwIfAborted()
      const path = folder === '' ? child.name : `${folder}/${child.name}`
      if (child.isDirectory() && !isBlobName(path)) folders.push(path)
      else {
        const entry = await faulty(place, () => entryOf(layout, { root, path, child }))
        if (entry !== undefined) yield entry
      }
    }
  }
}

async function entryOf(
  layout: LayoutFolder,
  { root, path, child }: { root: string; path: string; child: Dirent },
): Promise<StorageEntry | undefined> {
  const name = join(root, path)
  if (isPrivate(path)) return { path, kind: 'staged' }
  if (child.isSymbolicLink()) {
    if (!(await layout.leadsInside(name))) return { path, kind: 'link-outside' }
    const led = await unless(absent, stat(name))
    return led?.isFile() ? { path, kind: 'link', size: led.size } : { path, kind: 'other' }
  }
  if (!child.isFile()) return { path, kind: 'other' }
  const stats = await unless(absent, lstat(name))
  return stats && { path, kind: 'file', size: stats.size }
}

/** Ours, or what a browser keeps beside a file that it is writing. */
function isPrivate(path: string): boolean {
  return path.startsWith(`${privateFolder}/`) || path.endsWith('.crswap')
}

function isBlobName(path: string): boolean {
  return path.startsWith('blobs/') && path.split('/').length === 3
}
