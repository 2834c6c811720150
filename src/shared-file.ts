/** Stored files that workers read by themselves, so that no byte of them goes through the calling thread. */

import type { StoredFile } from './storage.ts'

/** One version of a file, open for workers. */
export interface SharedFile {
  readonly way: SharedWay
  /** Throws `STORAGE_CHANGED` where it isn't the version any more that was opened. */
  check(): Promise<void>
  /** No worker reads it any more. `isRefused`: none could, so it needn't be tried again. */
  close(isRefused: boolean): Promise<void>
}

/** How a worker comes to the bytes. */
export type SharedWay =
  /** A number that all threads of the process have, and what tells whether it is of this file. */
  | { readonly descriptor: number; readonly version: string }
  /** A file of the private file system, and the lock that keeps others from taking it away. */
  | { readonly handle: FileSystemFileHandle; readonly lock: string; readonly size: number }

/** A part of it, which a worker reads at once. */
export interface SharedPart {
  readonly way: SharedWay
  readonly start: number
  readonly end: number
}

/** Opens a file for workers; `undefined` where they can't read it. */
export type ShareFile = () => Promise<SharedFile | undefined>

const ways = new WeakMap<StoredFile, ShareFile>()

/** Tells how a file can be opened for workers. An object that only wraps the file isn't the file. */
export function letShare(file: StoredFile, share: ShareFile): StoredFile {
  ways.set(file, share)
  return file
}

/** Opens a file for workers, where its medium can. */
export async function sharedFile(file: StoredFile): Promise<SharedFile | undefined> {
  return ways.get(file)?.()
}
