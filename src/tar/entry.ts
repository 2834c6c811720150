/** What a tar says of one name, and its bytes. */

/** What an entry is. `other` is a type that isn't known here: its body is passed through as it is. */
export type TarType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'other'

/** One entry of a tar. Names and links are data only: nothing says that they stay inside of anything. */
export interface TarEntry {
  /** As it stands in the archive, in UTF-8; bytes that aren't UTF-8 read as U+FFFD. */
  readonly path: string
  /** The path's own bytes. */
  readonly rawPath: Uint8Array
  readonly type: TarType
  /** The one character of the header: `0` for a file, `\0` for one of before POSIX. */
  readonly typeflag: string
  /** Permission bits with setuid, setgid and sticky: up to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly uname: string
  readonly gname: string
  /** Bytes that `body` gives: of a sparse file the expanded size. */
  readonly size: number
  /** Whole seconds since 1970, rounded down; negative before. */
  readonly mtime: number
  /** Nanoseconds after `mtime`: 0 to 999,999,999. */
  readonly mtimeNs: number
  /** Where a link leads, as it stands there; `''` for what isn't one. */
  readonly linkname: string
  readonly rawLinkname: Uint8Array
  /** Of a device; 0 for all else. */
  readonly devMajor: number
  readonly devMinor: number
  /** Values of the `SCHILY.xattr.` records, by the attribute's name; the ones that container tools read. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  /** Every pax record that holds for this entry, known or not, its own before those of global headers. */
  readonly pax: ReadonlyMap<string, Uint8Array>
  /** Where the entry begins in the tar: its first header, also if that is a pax or long-name header. */
  readonly offset: number
  /** Where its stored bytes begin in the tar: `size` bytes, unless the file is sparse. */
  readonly bodyOffset: number
  /** The parts that are stored, one after the other from `bodyOffset`; zeros between. Absent for an ordinary file. */
  readonly sparse?: readonly SparsePart[] | undefined
  /** The bytes: to be read, once, before the next entry is asked for. What isn't read is skipped. */
  readonly body: TarBody
}

/** A part of a sparse file that isn't a hole, in bytes of the file. */
export interface SparsePart {
  readonly offset: number
  readonly size: number
}

/** The bytes of an entry while the tar streams by. Fails with `TAR_INVALID` where the tar is cut short. */
export interface TarBody extends AsyncIterable<Uint8Array> {
  /** The same as a Web Stream. */
  stream(): ReadableStream<Uint8Array>
}

/** The type that a header's character stands for. A folder of before POSIX is known by its slash alone. */
export function typeOf(typeflag: string, path: Uint8Array): TarType {
  if (typeflag === oldFile) return path.at(-1) === slash ? 'directory' : 'file'
  return types.get(typeflag) ?? 'other'
}

/** The character of a header for a type; `other` has none. */
export function typeflagOf(type: TarType): string | undefined {
  return flags.get(type)
}

const oldFile = '\0'
const slash = 0x2f
const flags: ReadonlyMap<TarType, string> = new Map<TarType, string>([
  ['file', '0'],
  ['hardlink', '1'],
  ['symlink', '2'],
  ['char', '3'],
  ['block', '4'],
  ['directory', '5'],
  ['fifo', '6'],
])
// `7` is a file that wants to lie in one piece, `S` one of GNU with holes: files all the same.
const types: ReadonlyMap<string, TarType> = new Map<string, TarType>([
  ...Array.from(flags, ([type, flag]): [string, TarType] => [flag, type]),
  ['7', 'file'],
  ['S', 'file'],
])
