/** Where entries come from in a browser: a folder's handle, chosen files, a drop. */

import { isOciError, OciError } from '../errors.ts'
import type { AbortOptions, SourceNode } from '../storage.ts'
import { streamOfBlob } from '../streams.ts'

/** What `entriesOf` takes: nodes (of `readFolder`, `sourceOfDrop`), a folder's handle, or an input's files. */
export type EntriesSource =
  | Iterable<SourceNode | ChosenFile>
  | AsyncIterable<SourceNode | ChosenFile>
  | DirectoryHandle

/** A `File`, as far as it is needed here. */
export interface ChosenFile {
  readonly name: string
  readonly size: number
  readonly lastModified: number
  /** From the chosen folder on, its own name first; empty for a file chosen by itself. */
  readonly webkitRelativePath?: string
  stream(): ReadableStream<Uint8Array>
}

/** A `FileSystemFileHandle`, as far as it is needed here. */
export interface FileHandle {
  readonly kind: 'file'
  readonly name: string
  getFile(): Promise<ChosenFile>
}

/** A `FileSystemDirectoryHandle`, as far as it is needed here. */
export interface DirectoryHandle {
  readonly kind: 'directory'
  readonly name: string
  values(): AsyncIterable<FileHandle | DirectoryHandle>
}

/** The nodes of any source. */
export function nodesOf(source: EntriesSource, options: AbortOptions = {}): AsyncIterable<SourceNode> {
  return isDirectoryHandle(source) ? handleNodes(source, { ...options, path: '' }) : listNodes(source)
}

/** What is below a folder's handle; `path` is the folder's own in the source, with a slash behind. */
export async function* handleNodes(
  folder: DirectoryHandle,
  options: AbortOptions & { readonly path: string },
): AsyncGenerator<SourceNode, void, undefined> {
  const { path, signal } = options
  for await (const handle of readable(folder.values(), path)) {
    signal?.throwIfAborted()
    const below = `${path}${handle.name}`
    yield* handleNode(handle, { path: below, signal })
  }
}

/** A handle itself and, of a folder, what is below it. */
export async function* handleNode(
  handle: FileHandle | DirectoryHandle,
  options: AbortOptions & { readonly path: string },
): AsyncGenerator<SourceNode, void, undefined> {
  const { path, signal } = options
  if (handle.kind === 'file') {
    // A symlink in a folder of the disk is listed as a file that can't be had.
    yield fileNode(path, await orUnreadable(handle.getFile(), path))
    return
  }
  yield { path, kind: 'directory' }
  yield* handleNodes(handle, { path: `${path}/`, signal })
}

/** A file as a node. Browsers can't tell whether it is executable. */
export function fileNode(path: string, file: ChosenFile): SourceNode {
  const { size, lastModified: modified } = file
  return { path, kind: 'file', size, modified, stream: options => streamOfBlob(file, options) }
}

/** Awaits what a platform reads; its own errors become `ENTRY_UNREADABLE`. */
export async function orUnreadable<T>(reading: Promise<T>, path: string): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw unreadable(error, path)
  }
}

function isDirectoryHandle(source: EntriesSource): source is DirectoryHandle {
  return 'kind' in source && source.kind === 'directory' && 'values' in source
}

async function* listNodes(
  source: Iterable<SourceNode | ChosenFile> | AsyncIterable<SourceNode | ChosenFile>,
): AsyncGenerator<SourceNode, void, undefined> {
  const files: ChosenFile[] = []
  for await (const item of source) {
    if ('kind' in item) yield item
    else files.push(item)
  }
  const paths = files.map(file => file.webkitRelativePath || file.name)
  const top = commonTop(paths)
  for (const [index, file] of files.entries()) yield fileNode((paths[index] ?? '').slice(top.length), file)
}

/** `folder/` where all paths lie in one folder: the chosen folder itself, which a handle doesn't name either. */
function commonTop(paths: readonly string[]): string {
  const [first = ''] = paths
  const top = first.slice(0, first.indexOf('/') + 1)
  return paths.every(path => path.startsWith(top)) ? top : ''
}

async function* readable<T>(items: AsyncIterable<T>, path: string): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  for (;;) {
    const next = await orUnreadable(iterator.next(), path)
    if (next.done) return
    yield next.value
  }
}

function unreadable(error: unknown, path: string): unknown {
  if (isOciError(error)) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new OciError('ENTRY_UNREADABLE', { path, reason }, { cause: error })
}
