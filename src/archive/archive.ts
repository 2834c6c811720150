/** A layout in a tar, read in place. */

import { OciError } from '../errors.ts'
import { foreignKind, layoutFolders } from '../layout-names.ts'
import { limitsWith } from '../limits.ts'
import {
  type AbortOptions,
  checkLayoutPath,
  type LayoutPath,
  type NamedFile,
  type NativeTools,
  type ReadableStorage,
  readOnlyTraits,
  type StorageEntry,
  type StorageTraits,
  type StoredFile,
} from '../storage.ts'
import { storedBlob } from '../stored-blob.ts'
import { storedBytes } from '../stored-bytes.ts'
import { blockSize } from '../tar/header.ts'
import { foreignKindOfHead, unsupported } from './kind.ts'
import { type ArchiveLimits, defaultArchiveLimits } from './limits.ts'
import { OffsetTable } from './offsets.ts'
import { partOf } from './part.ts'

/** What an archive is read from: a `File` or other `Blob`, bytes, or `file(path)` of `ocidir/node`. */
export type ArchiveSource = Blob | Uint8Array | StoredFile | NamedFile

/** Options of `archive`. */
export interface ArchiveOptions extends AbortOptions {
  /** For messages; that of the file unless given. */
  readonly name?: string | undefined
  /** Bounds that differ from `defaultArchiveLimits`. */
  readonly limits?: Partial<ArchiveLimits> | undefined
}

/**
 * Opens a layout in an oci-archive (a tar, not compressed) without unpacking it: only headers are read, and then what
 * is asked for. Also a tar that `docker save` makes today, which holds a layout, and a tar of a layout's folder: it
 * may lie in a folder of the tar.
 *
 * Of several entries of a name the last counts, as when it is unpacked; the others are listed as `shadowed`. Hard links
 * give the bytes of their target; a folder that is a symlink isn't followed. Sparse files can't be read
 * (`UNSUPPORTED`). What lies outside of the layout's folder isn't listed. The source must not change: then it is
 * `STORAGE_CHANGED`.
 *
 * Throws `ARCHIVE_UNSUPPORTED` with the kind of a file that is something else (a docker-archive without a layout, a
 * tar.gz, a zip …), `TAR_INVALID` for a tar that is damaged or cut short, `LIMIT_EXCEEDED`.
 *
 * @example
 * const dir = await OciDir.open(await archive(input.files[0]))
 */
export async function archive(source: ArchiveSource, options: ArchiveOptions = {}): Promise<ReadableStorage> {
  const { signal, name = nameOf(source) } = options
  const file = fileOf(source, name)
  const head = await file.bytes({ end: Math.min(file.size, blockSize), signal })
  const kind = foreignKindOfHead(head)
  if (kind !== undefined) throw unsupported(name, kind)
  const table = await OffsetTable.read(file, {
    limits: limitsWith(defaultArchiveLimits, options.limits),
    signal,
  })
  const [folder, another] = layoutFolders(table.names())
  if (folder === undefined) throw unsupported(name, foreignKind([...table.names()]) ?? 'tar')
  if (another !== undefined) throw unsupported(name, 'several-layouts')
  return new ArchiveStorage({
    name,
    file,
    table,
    folder,
    native: 'native' in source ? source.native : undefined,
  })
}

interface OpenedArchive {
  readonly name: string
  readonly file: StoredFile
  readonly table: OffsetTable
  readonly folder: string
  readonly native: NativeTools | undefined
}

class ArchiveStorage implements ReadableStorage {
  readonly name: string
  readonly traits: StorageTraits = readOnlyTraits
  readonly native: NativeTools | undefined
  readonly #opened: OpenedArchive

  constructor(opened: OpenedArchive) {
    this.name = opened.name
    this.native = opened.native
    this.#opened = opened
  }

  async open(path: LayoutPath, options: AbortOptions = {}): Promise<StoredFile | undefined> {
    checkLayoutPath(path)
    options.signal?.throwIfAborted()
    const { file, table, folder } = this.#opened
    const slot = table.follow(folder + path, folder)
    if (slot === undefined) return undefined
    if (slot.kind === 'file') return partOf(file, slot)
    if (slot.kind === 'nowhere') throw new OciError('LINK_OUTSIDE', { path })
    if (slot.kind === 'sparse') {
      throw new OciError('UNSUPPORTED', { feature: 'a sparse file in an archive', where: path })
    }
    const cause = new Error('not a regular file')
    throw new OciError('STORAGE_FAILED', { storage: this.name, operation: 'open', path }, { cause })
  }

  async *list(options: AbortOptions = {}): AsyncGenerator<StorageEntry, void, undefined> {
    const { table, folder } = this.#opened
    for (const name of table.names()) {
      options.signal?.throwIfAborted()
      if (!name.startsWith(folder)) continue
      const path = name.slice(folder.length)
      yield entryOf(path, this.#opened)
      if (table.shadowed.has(name)) yield { path, kind: 'shadowed' }
    }
  }
}

function entryOf(path: string, { table, folder }: OpenedArchive): StorageEntry {
  // What a writer of ours left in a folder that was then put into a tar.
  if (path.startsWith('.ocidir/')) return { path, kind: 'staged' }
  const isLink = table.slot(folder + path)?.kind === 'symlink'
  const slot = table.follow(folder + path, folder)
  if (slot?.kind === 'file' || slot?.kind === 'sparse') {
    return { path, kind: isLink ? 'link' : 'file', size: slot.size }
  }
  return { path, kind: slot?.kind === 'nowhere' ? 'link-outside' : 'other' }
}

function fileOf(source: ArchiveSource, name: string): StoredFile {
  if (source instanceof Uint8Array) return storedBytes(source)
  if (isBlob(source)) return storedBlob(source, { storage: name, path: name })
  if (typeof source?.bytes === 'function' && typeof source.stream === 'function') return source
  throw new TypeError('archive() takes a Blob, bytes, or a stored file')
}

/** A `Blob` of newer browsers has `bytes`, too. */
function isBlob(source: Blob | StoredFile): source is Blob {
  return typeof source === 'object' && source !== null && 'slice' in source && 'arrayBuffer' in source
}

function nameOf(source: ArchiveSource): string {
  return typeof source === 'object' && source !== null && 'name' in source && typeof source.name === 'string'
    ? source.name
    : 'archive'
}
