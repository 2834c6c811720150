/** Large blobs of the private file system: written by sync access handles, here or in a worker, where there are any. */

import { hasSyncAccess } from './platform.ts'
import { SyncWriter } from './sync-writer.ts'
import { WorkerClient } from './worker-client.ts'
import type { PrivateWriter } from './writer.ts'

// Measured in Chromium and Firefox: below, `createWritable` is as fast, and needs no worker.
const leastLarge = 4 * 1024 * 1024

/** A private file to be opened. */
export interface PrivateFile {
  readonly handle: FileSystemFileHandle
  /** From the root of the private file system: not every browser lets a handle go to a worker. */
  readonly path: readonly string[]
  /** Bytes that it has, behind which the next ones go. */
  readonly at: number
}

/** Opens a private file in a faster way, or gives `undefined` where it can't. */
export type OpenFaster = (file: PrivateFile) => Promise<PrivateWriter | undefined>

/** How to find the faster way, and for what. */
export interface LargeFilesOptions {
  /** Starts a worker where one is needed. */
  readonly worker?: (() => Worker) | undefined
  /** Bytes from which on a file is large. */
  readonly least?: number | undefined
}

/** The faster way to write the large files of one layout; where it can't be had, `createWritable` is always there. */
export class LargeFiles {
  readonly least: number
  /** Files that were written so, and those that could not be: nothing else tells, for their bytes are the same. */
  readonly tally: { opened: number; refused: number } = { opened: 0, refused: 0 }
  readonly #root: readonly string[]
  readonly #open: OpenFaster

  constructor(root: readonly string[], open: OpenFaster, least: number = leastLarge) {
    this.#root = root
    this.#open = open
    this.least = least
  }

  /** `path` leads to the handle from the layout's root. */
  async open(
    handle: FileSystemFileHandle,
    { path, at }: Omit<PrivateFile, 'handle'>,
  ): Promise<PrivateWriter | undefined> {
    const writer = await this.#open({ handle, path: [...this.#root, ...path], at })
    this.tally[writer === undefined ? 'refused' : 'opened']++
    return writer
  }
}

/** The faster way of this context, for a layout whose root is there in the private file system. */
export function largeFiles(root: readonly string[], options: LargeFilesOptions = {}): LargeFiles {
  const { worker = startWorker, least } = options
  if (hasSyncAccess())
    return new LargeFiles(root, ({ handle, at }) => orNothing(SyncWriter.open(handle, at)), least)
  const client = clients.get(worker) ?? new WorkerClient(worker)
  clients.set(worker, client)
  return new LargeFiles(root, ({ path, at }) => client.open(path, at), least)
}

function orNothing<T>(opening: Promise<T>): Promise<T | undefined> {
  return opening.catch(() => undefined)
}

// All storages of a page share one worker, unless the page starts others.
const clients = new WeakMap<() => Worker, WorkerClient>()

function startWorker(): Worker {
  // This very form is what bundlers look for.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'ocidir opfs' })
}
