/** What a user drops on a page, as a source of entries. */

import { OciError } from '../errors.ts'
import type { AbortOptions, SourceNode } from '../storage.ts'
import {
  type ChosenFile,
  type DirectoryHandle,
  type FileHandle,
  fileNode,
  handleNode,
  handleNodes,
  orUnreadable,
} from './folder.ts'

/** A `DataTransfer`, as far as it is needed here. */
export interface DroppedItems {
  readonly items: ArrayLike<DroppedItem>
}

/** A `DataTransferItem`, as far as it is needed here. */
export interface DroppedItem {
  readonly kind: string
  getAsFileSystemHandle?(): Promise<FileHandle | DirectoryHandle | null>
  webkitGetAsEntry?(): DroppedEntry | null
  getAsFile?(): ChosenFile | null
}

/** A `FileSystemEntry`, as far as it is needed here. */
export interface DroppedEntry {
  readonly isDirectory: boolean
  readonly name: string
  /** Of a file. */
  file?(done: (file: ChosenFile) => void, failed: (error: unknown) => void): void
  /** Of a folder. */
  createReader?(): EntryReader
}

/** A `FileSystemDirectoryReader`, as far as it is needed here. */
export interface EntryReader {
  readEntries(done: (entries: readonly DroppedEntry[]) => void, failed: (error: unknown) => void): void
}

/**
 * Takes what was dropped, for `entriesOf`. Call it in the `drop` event itself, before the first `await`: afterwards a
 * browser has forgotten the items.
 *
 * One folder stands for its content; of anything else each goes by its own name.
 *
 * @example
 * target.ondrop = async event => {
 *   event.preventDefault()
 *   const layer = await dir.writeLayer(entriesOf(sourceOfDrop(event.dataTransfer), { prefix: 'app/' }))
 * }
 */
export function sourceOfDrop(dropped: DroppedItems, options: AbortOptions = {}): AsyncIterable<SourceNode> {
  const items = Array.from(dropped.items).filter(({ kind }) => kind === 'file')
  const taken = items.map(take)
  return { [Symbol.asyncIterator]: () => nodesOfDrop(taken, options) }
}

type Taken = FileHandle | DirectoryHandle | DroppedEntry | ChosenFile

/** Must not wait: it asks for everything that the item may be. A handle tells of symlinks, so it is the best. */
function take(item: DroppedItem): Promise<Taken> {
  const entry = item.webkitGetAsEntry?.() ?? item.getAsFile?.()
  const handle = item.getAsFileSystemHandle?.().catch(() => undefined)
  const taken = Promise.resolve(handle).then(found => found ?? entry ?? Promise.reject(unknownItem()))
  // It is looked at later; until then a failure must not count as unhandled.
  taken.catch(() => {})
  return taken
}

async function* nodesOfDrop(
  taken: readonly Promise<Taken>[],
  { signal }: AbortOptions,
): AsyncGenerator<SourceNode, void, undefined> {
  const items = await Promise.all(taken)
  const [only] = items
  const inside = items.length === 1 && only !== undefined && isFolder(only)
  for (const item of items) {
    signal?.throwIfAborted()
    if ('kind' in item) {
      if (inside && item.kind === 'directory') yield* handleNodes(item, { path: '', signal })
      else yield* handleNode(item, { path: item.name, signal })
    } else if (!('isDirectory' in item)) yield fileNode(item.name, item)
    else if (inside) yield* entryNodes(item, { path: '', signal })
    else yield* entryNode(item, { path: item.name, signal })
  }
}

function isFolder(item: Taken): boolean {
  return 'kind' in item ? item.kind === 'directory' : 'isDirectory' in item && item.isDirectory
}

async function* entryNode(
  entry: DroppedEntry,
  options: AbortOptions & { readonly path: string },
): AsyncGenerator<SourceNode, void, undefined> {
  const { path, signal } = options
  if (entry.isDirectory) {
    yield { path, kind: 'directory' }
    yield* entryNodes(entry, { path: `${path}/`, signal })
    return
  }
  const file = new Promise<ChosenFile>((resolve, reject) => entry.file?.(resolve, reject))
  yield fileNode(path, await orUnreadable(file, path))
}

async function* entryNodes(
  folder: DroppedEntry,
  options: AbortOptions & { readonly path: string },
): AsyncGenerator<SourceNode, void, undefined> {
  const { path, signal } = options
  const reader = folder.createReader?.()
  for (;;) {
    signal?.throwIfAborted()
    const reading = new Promise<readonly DroppedEntry[]>((resolve, reject) =>
      reader?.readEntries(resolve, reject),
    )
    const entries = await orUnreadable(reading, path)
    // A browser gives a hundred at a time; none is the end.
    if (entries.length === 0) return
    for (const entry of entries) yield* entryNode(entry, { path: `${path}${entry.name}`, signal })
  }
}

function unknownItem(): OciError {
  return new OciError('ENTRY_UNREADABLE', {
    path: '',
    reason: 'the browser gives neither a handle nor a file',
  })
}
