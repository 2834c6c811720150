/** What browsers have and the TypeScript library doesn't, declared in one file. */

/** `move` of file handles: in OPFS of all three engines, and for folders of the disk in Chromium, the one that has them. */
export interface MovableFileHandle extends FileSystemFileHandle {
  /** Renames, over an existing file; the form with one argument throws in WebKit. */
  move(parent: FileSystemDirectoryHandle, name: string): Promise<void>
}

/** Tells whether a handle can be moved. */
export function isMovable(handle: FileSystemFileHandle): handle is MovableFileHandle {
  return 'move' in handle && typeof handle.move === 'function'
}

/** Tells whether this browser's file handles can be moved, before there is one. */
export function hasMove(): boolean {
  return typeof FileSystemFileHandle === 'function' && 'move' in FileSystemFileHandle.prototype
}

/** What is missing here that the adapter can't do without, or `undefined`. */
export function missingFeature(): string | undefined {
  if (typeof navigator === 'undefined') return 'there is no navigator: not a browser'
  // Of a page that isn't served by https or from this machine a browser hides all of these.
  if (navigator.locks === undefined) return 'no Web Locks: the page is not a secure context'
  if (typeof FileSystemFileHandle !== 'function') return 'no File System API'
  if (!('createWritable' in FileSystemFileHandle.prototype)) return 'no createWritable in this browser'
  return undefined
}

/** A file of the private file system, locked and open for writes that are done when they return. */
export interface SyncAccessHandle {
  write(bytes: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number
  truncate(size: number): void
  getSize(): number
  flush(): void
  close(): void
}

/** `createSyncAccessHandle` of file handles: dedicated workers have it, and the TypeScript library only for them. */
export interface SyncFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<SyncAccessHandle>
}

/** Tells whether a handle can be opened for synchronous writes here. */
export function isSyncable(handle: FileSystemFileHandle): handle is SyncFileHandle {
  return 'createSyncAccessHandle' in handle && typeof handle.createSyncAccessHandle === 'function'
}

/** Tells whether this context has synchronous writes, before there is a handle. */
export function hasSyncAccess(): boolean {
  return (
    typeof FileSystemFileHandle === 'function' && 'createSyncAccessHandle' in FileSystemFileHandle.prototype
  )
}
