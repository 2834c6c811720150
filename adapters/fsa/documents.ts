/**
 * A document's next version: a private file, written whole, that is then moved over the present one. Firefox first drops
 * the present one's bytes, then its name, and moves then: who dies in between leaves a layout without the document, or
 * with an empty one. So the private file's name says what it is to become, and of which bytes, and whoever misses the
 * document finishes the move.
 *
 * All of this is done by a holder of the layout's lock: who looks without it may look into the midst of a move.
 */

import type { DocumentPath, LayoutPath, StoredFile } from '../../src/storage.ts'
import {
  findFile,
  type LayoutDirectory,
  makePrivateFile,
  privateFolder,
  publishFile,
  removeReleased,
} from './directory.ts'
import { absent, unless } from './faults.ts'
import { childrenOf } from './listing.ts'
import { openFile } from './stored.ts'
import { checkKept } from './writer.ts'

/** The documents that a layout has. */
export const documentPaths: readonly DocumentPath[] = ['oci-layout', 'index.json']

/** Tells whether a path is that of a document. */
export function isDocument(path: LayoutPath): path is DocumentPath {
  return !path.startsWith('blobs/')
}

/** Tells whether a private file is a document's next version. */
export function isNextVersion({ name }: FileSystemFileHandle): boolean {
  return name.startsWith('next-')
}

/** Tells whether there is no document, or an empty one, which may be what a move has left. */
export function isMissing(file: { readonly size: number } | undefined): boolean {
  return file === undefined || file.size === 0
}

/** Opens a document, whose move is finished first where another one died in the midst of it. */
export async function openDocument(
  layout: LayoutDirectory,
  path: DocumentPath,
): Promise<StoredFile | undefined> {
  const file = await openFile(layout, path)
  if (!isMissing(file)) return file
  await finishDocument(layout, path)
  return openFile(layout, path)
}

/**
 * Finishes a move that took the present version away and did no more. Only in the private file system: of a folder of the
 * disk a move is one step, others write there, and what lies in its private folder may be a stranger's.
 */
export async function finishDocument(layout: LayoutDirectory, path: DocumentPath): Promise<void> {
  if (!layout.quota || !isMissing(await findNow(layout, path))) return
  const folder = await findPrivateFolder(layout)
  if (folder === undefined) return
  const handle = await newest(await nextVersions(folder, path))
  if (handle === undefined) return
  await publishFile(layout, { folder, handle }, { folder: layout.root, name: path })
}

/** Replaces a document. */
export async function writeDocument(
  layout: LayoutDirectory,
  next: { readonly path: DocumentPath; readonly bytes: Uint8Array; readonly replaces: boolean },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { path, replaces } = next
  const bytes = new Uint8Array(next.bytes)
  await dropOlder(layout, path)
  const name = `${prefixOf(path)}${await hexDigest(bytes)}-${crypto.randomUUID()}`
  const { folder, handle } = await makePrivateFile(layout, name)
  try {
    await writeWhole(handle, bytes)
    checkKept((await handle.getFile()).size, bytes.length)
    signal?.throwIfAborted()
    await publishFile(layout, { folder, handle }, { folder: layout.root, name: path })
  } catch (error) {
    await dropFailed().catch(() => {})
    throw error
  }

  async function dropFailed(): Promise<void> {
    // The move has failed and taken the present version away: these bytes are all that is left.
    if (replaces && isMissing(await findNow(layout, path))) return
    await removeReleased(folder, name)
  }
}

/** A write that failed must let go of the file, or nobody could take it away. */
async function writeWhole(handle: FileSystemFileHandle, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const writable = await handle.createWritable()
  try {
    await writable.write(bytes)
    await writable.close()
  } catch (error) {
    await writable.abort().catch(() => {})
    throw error
  }
}

/** A version that came to nothing while the document was there must not be taken for the one of a later move. */
async function dropOlder(layout: LayoutDirectory, path: DocumentPath): Promise<void> {
  const folder = await findPrivateFolder(layout)
  if (folder === undefined) return
  for (const { name } of await nextVersions(folder, path)) await removeReleased(folder, name)
}

async function findNow(layout: LayoutDirectory, path: DocumentPath): Promise<File | undefined> {
  const handle = await findFile(layout, path)
  return handle && unless(absent, handle.getFile())
}

function findPrivateFolder({ root }: LayoutDirectory): Promise<FileSystemDirectoryHandle | undefined> {
  return unless(absent, root.getDirectoryHandle(privateFolder))
}

async function nextVersions(
  folder: FileSystemDirectoryHandle,
  path: DocumentPath,
): Promise<readonly FileSystemFileHandle[]> {
  const files = (await childrenOf(folder)).filter(handle => handle instanceof FileSystemFileHandle)
  return files.filter(({ name }) => name.startsWith(prefixOf(path)) && wholeName.test(name))
}

/** Of the versions that have all of their bytes the one written last. */
async function newest(handles: readonly FileSystemFileHandle[]): Promise<FileSystemFileHandle | undefined> {
  let last: { readonly handle: FileSystemFileHandle; readonly modified: number } | undefined
  for (const handle of handles) {
    const file = await unless(absent, handle.getFile())
    if (file === undefined || (last !== undefined && file.lastModified < last.modified)) continue
    const [, digest] = wholeName.exec(handle.name) ?? []
    if (digest === (await hexDigest(await file.arrayBuffer()))) last = { handle, modified: file.lastModified }
  }
  return last?.handle
}

// Not the file that Chromium writes beside it, and drops when it is whole.
const wholeName = /-([0-9a-f]{64})-[0-9a-f-]{36}$/

function prefixOf(path: DocumentPath): string {
  return `next-${path}-`
}

async function hexDigest(bytes: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}
