/** A layout among the files that a page was given: `<input type="file" webkitdirectory>`, a drop. */

import { layoutFolders } from '../../src/layout-names.ts'
import {
  type AbortOptions,
  checkLayoutPath,
  type LayoutPath,
  type ReadableStorage,
  readOnlyTraits,
  type StorageEntry,
  type StorageTraits,
  type StoredFile,
} from '../../src/storage.ts'
import { storedBlob } from '../../src/stored-blob.ts'
import { privateFolder } from './directory.ts'

/** The storage behind `fileList`. */
export class FileListStorage implements ReadableStorage {
  readonly name: string
  readonly traits: StorageTraits = { ...readOnlyTraits, modifiedTimes: true }
  readonly #files: ReadonlyMap<string, File>

  constructor(files: Iterable<File>) {
    const all = Array.from(files, (file): [string, File] => [file.webkitRelativePath || file.name, file])
    const paths = all.map(([path]) => path)
    const chosen = commonFolder(paths)
    const [folder = chosen] = layoutFolders(paths)
    const inside = all.filter(([path]) => path.startsWith(folder))
    this.#files = new Map(inside.map(([path, file]) => [path.slice(folder.length), file]))
    this.name = `files:${folder.slice(0, -1) || 'chosen'}`
  }

  async open(path: LayoutPath, options: AbortOptions = {}): Promise<StoredFile | undefined> {
    checkLayoutPath(path)
    options.signal?.throwIfAborted()
    const file = this.#files.get(path)
    return file && storedBlob(file, { storage: this.name, path })
  }

  async *list(options: AbortOptions = {}): AsyncGenerator<StorageEntry, void, undefined> {
    for (const [path, { size }] of this.#files) {
      options.signal?.throwIfAborted()
      if (path.startsWith(`${privateFolder}/`)) yield { path, kind: 'staged' }
      else yield { path, kind: 'file', size }
    }
  }
}

/** `folder/` where all paths lie in one folder: the one that was chosen. */
function commonFolder(paths: readonly string[]): string {
  const [first = ''] = paths
  const folder = first.slice(0, first.indexOf('/') + 1)
  return paths.every(path => path.startsWith(folder)) ? folder : ''
}
