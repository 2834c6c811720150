/** Names of a layout as handles of the browser. Handles are asked for anew each time: a kept one goes stale. */

import { OciError } from '../../src/errors.ts'
import type { BlobPath, LayoutPath } from '../../src/storage.ts'
import { absent, unless } from './faults.ts'
import type { LargeFiles } from './large-files.ts'
import { isMovable } from './platform.ts'

/** The folder of private files, at the layout's root. */
export const privateFolder = '.ocidir'

// Milliseconds to wait, once more at the most, for a file that is still in use.
const longestRest = 2000

/** The folder of one layout. */
export interface LayoutDirectory {
  readonly storage: string
  readonly root: FileSystemDirectoryHandle
  /** Of all locks on the layout: the same for everyone who opens it. */
  readonly lockName: string
  /** Whether it is in the private file system, which counts towards the quota of the origin. */
  readonly quota: boolean
  /** Whether a file gets its name by a move, whole; else by a copy under a lock. */
  readonly moves: boolean
  /** The faster way to write large files, where the medium has one. */
  readonly large?: LargeFiles | undefined
}

/** The lock of one blob's name: whoever puts a file there or takes it away holds it. It is the inner one: its holder asks for no other. */
export function blobLock({ lockName }: LayoutDirectory, path: BlobPath): string {
  return `${lockName}/${path}`
}

/** A file's handle, or `undefined` where there is none. */
export function findFile(
  layout: LayoutDirectory,
  path: LayoutPath,
): Promise<FileSystemFileHandle | undefined> {
  return refusing(layout, path, async () => {
    const names = path.split('/')
    const last = names.pop() ?? ''
    let directory: FileSystemDirectoryHandle | undefined = layout.root
    for (const name of names) {
      // TypeMismatchError: a file stands where a folder should be, so there is nothing below.
      const parent: FileSystemDirectoryHandle = directory
      directory = await unless([...absent, 'TypeMismatchError'], parent.getDirectoryHandle(name))
      if (directory === undefined) return undefined
    }
    return unless(absent, directory.getFileHandle(last))
  })
}

/**
 * Runs calls that name a file of the layout. On the disk a browser takes fewer names than digests have (not `con`, nor
 * `a.lnk`), and says so by a `TypeError`, as if the caller of this library had made a mistake.
 */
export async function refusing<T>(
  { storage }: LayoutDirectory,
  path: LayoutPath,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new OciError('STORAGE_DENIED', { storage, operation: 'that name', path }, { cause: error })
  }
}

/** The folder of a blob, made where there is none. */
export async function makeBlobFolder(
  { root }: LayoutDirectory,
  algorithm: string,
): Promise<FileSystemDirectoryHandle> {
  const blobs = await root.getDirectoryHandle('blobs', { create: true })
  return blobs.getDirectoryHandle(algorithm, { create: true })
}

/** The folder of private files, made where there is none. */
export function makePrivateFolder({ root }: LayoutDirectory): Promise<FileSystemDirectoryHandle> {
  return root.getDirectoryHandle(privateFolder, { create: true })
}

/** A new private file, and the folder it is in. */
export async function makePrivateFile(
  layout: LayoutDirectory,
  name: string,
): Promise<{ folder: FileSystemDirectoryHandle; handle: FileSystemFileHandle }> {
  for (let attempt = 1; ; attempt++) {
    const folder = await makePrivateFolder(layout)
    // Not found: another storage removed the empty private folder as it closed.
    const handle = await unless(attempt < 5 ? absent : [], folder.getFileHandle(name, { create: true }))
    if (handle !== undefined) return { folder, handle }
  }
}

/** Gives a written private file its name; what stood there is replaced. */
export async function publishFile(
  layout: LayoutDirectory,
  from: { readonly folder: FileSystemDirectoryHandle; readonly handle: FileSystemFileHandle },
  to: { readonly folder: FileSystemDirectoryHandle; readonly name: string },
): Promise<void> {
  if (layout.moves && isMovable(from.handle)) return from.handle.move(to.folder, to.name)
  const staged = await from.handle.getFile()
  await copyTo(to, staged)
  await from.folder.removeEntry(staged.name)
}

/** Removes a file; `false` where there was none. */
export async function removeFile(folder: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  return (
    (await unless(
      absent,
      folder.removeEntry(name).then(() => true),
    )) ?? false
  )
}

/** Removes a file that was just written: Chromium frees it a moment after the writer's end is told. */
export async function removeReleased(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  for (let rest = 1; ; rest *= 2) {
    const inUse = rest < longestRest ? ['NoModificationAllowedError'] : []
    if ((await unless(inUse, removeFile(folder, name))) !== undefined) return
    await new Promise(resolve => setTimeout(resolve, rest))
  }
}

async function copyTo(
  to: { readonly folder: FileSystemDirectoryHandle; readonly name: string },
  bytes: File,
): Promise<void> {
  const isNew = (await unless(absent, to.folder.getFileHandle(to.name))) === undefined
  const handle = await to.folder.getFileHandle(to.name, { create: true })
  try {
    const writable = await handle.createWritable()
    await bytes.stream().pipeTo(writable)
    const { size } = await handle.getFile()
    if (size !== bytes.size)
      throw new DOMException(`${size} of ${bytes.size} bytes were kept`, 'UnknownError')
  } catch (error) {
    // The name would show an empty file, or one without its end.
    if (isNew) await removeFile(to.folder, to.name).catch(() => {})
    throw error
  }
}
