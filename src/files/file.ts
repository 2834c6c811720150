/** One name in an image's tree: what its tar entry said, and where its bytes are. */

import type { SparsePart, TarEntry } from '../tar/entry.ts'
import { keyOf, keyOfText, namesOf, type PathKey, textOf } from './path.ts'

/** What a name stands for. An entry of a type that tar doesn't know counts as a file, as POSIX has it. */
export type FileType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo'

/** A file, folder, link or device of an image, as its layer's tar describes it. Its bytes stay in the layer. */
export interface TreeFile {
  /** From the image's root: no leading slash, `''` for the root itself. Bytes that aren't UTF-8 read as U+FFFD. */
  readonly path: string
  /** The path's own bytes, where it isn't UTF-8. */
  readonly rawPath?: Uint8Array
  readonly type: FileType
  /** Permission bits with setuid, setgid and sticky: up to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes; of a hard link those of the file that it is another name of. */
  readonly size: number
  /** Whole seconds since 1970, rounded down. */
  readonly mtime: number
  /** Nanoseconds after `mtime`. */
  readonly mtimeNs: number
  /** Of a symlink as it stands there; of a hard link from the image's root. `''` for all else. */
  readonly linkname: string
  /** The linkname's own bytes, where it isn't UTF-8. */
  readonly rawLinkname?: Uint8Array
  readonly devMajor: number
  readonly devMinor: number
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  /** SHA-256 in hex of a file's bytes, or of what a hard link names; with `digests: true`. */
  readonly sha256?: string
  /** The layer it comes from; 0 is the base. */
  readonly layer: number
  /** Where its tar entry begins in the layer's uncompressed tar; -1 for an implicit folder. */
  readonly offset: number
  /** Where its bytes begin in the layer's uncompressed tar; -1 for an implicit folder. */
  readonly bodyOffset: number
  /** The parts of a sparse file that are stored from `bodyOffset` on, with zeros between; absent for all else. */
  readonly sparse?: readonly SparsePart[]
  /** A folder that no tar has an entry for, only for what is below it: its attributes are made up. */
  readonly implicit: boolean
  /**
   * Of a hard link: the file that it names, as that was when the link was made, so it stays when its first name is
   * removed in a layer above. Never a hard link itself; absent where the link leads nowhere.
   */
  readonly original?: TreeFile
}

/** The file of a tar entry in a layer. Hard links get their `original` where links are resolved. */
export function fileOf(entry: TarEntry, key: PathKey, layer: number): TreeFile {
  const { text, raw } = textOf(key)
  const link = linkOf(entry)
  const type = entry.type === 'other' ? 'file' : entry.type
  return {
    path: text,
    ...(raw && { rawPath: raw }),
    type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: type === 'file' ? entry.size : 0,
    mtime: entry.mtime,
    mtimeNs: entry.mtimeNs,
    linkname: link.text,
    ...(link.raw && { rawLinkname: link.raw }),
    devMajor: entry.devMajor,
    devMinor: entry.devMinor,
    xattrs: entry.xattrs.size === 0 ? noXattrs : ownCopy(entry.xattrs),
    layer,
    offset: entry.offset,
    bodyOffset: entry.bodyOffset,
    ...(entry.sparse && { sparse: entry.sparse }),
    implicit: false,
  }
}

/** A folder that only what is below it speaks for: root's, mode 0755, of 1970. */
export function implicitFolder(key: PathKey, layer: number): TreeFile {
  const { text, raw } = textOf(key)
  return {
    path: text,
    ...(raw && { rawPath: raw }),
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0,
    mtimeNs: 0,
    linkname: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: noXattrs,
    layer,
    offset: -1,
    bodyOffset: -1,
    implicit: true,
  }
}

/** A hard link that names this file. */
export function linkedTo(link: TreeFile, original: TreeFile): TreeFile {
  const { size, sha256 } = original
  return { ...link, size, original, ...(sha256 !== undefined && { sha256 }) }
}

/** Where a file's bytes are: the file itself, or what a hard link names. */
export function originalOf(file: TreeFile): TreeFile | undefined {
  return file.type === 'hardlink' ? file.original : file
}

/** The bytes of a link's target. */
export function linkKeyOf(link: TreeFile): PathKey {
  return link.rawLinkname === undefined ? keyOfText(link.linkname) : keyOf(link.rawLinkname)
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()

/** A value may be a view of a whole header of a megabyte: that isn't to stay in memory. */
function ownCopy(xattrs: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  return new Map(Array.from(xattrs, ([name, value]): [string, Uint8Array] => [name, value.slice()]))
}

function linkOf(entry: TarEntry): { readonly text: string; readonly raw?: Uint8Array } {
  if (entry.type === 'symlink') return textOf(keyOf(entry.rawLinkname))
  if (entry.type !== 'hardlink') return { text: '' }
  const key = keyOf(entry.rawLinkname)
  // A link that leads out stays as it is written: it names nothing.
  return textOf(namesOf(key)?.join('/') ?? key)
}
