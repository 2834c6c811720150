/** What a tar is made of, as a caller gives it. A `TarEntry` that was read can be given, too. */

import type { ByteSource } from '../streams.ts'
import type { TarType } from './entry.ts'

/** One entry to be written. Only `path` has to be there. */
export interface TarInput {
  /** Relative, with `/`; as bytes where it isn't UTF-8. A folder's may end with a slash and needn't. */
  readonly path: string | Uint8Array
  /** Stands for `path` where it is given, as in a `TarEntry`. */
  readonly rawPath?: Uint8Array | undefined
  /** `file` unless given. */
  readonly type?: TarType | undefined
  /** The header's character, for `other` alone. */
  readonly typeflag?: string | undefined
  /** Permission bits with setuid, setgid and sticky; 0644 unless given, folders 0755, symlinks 0777. */
  readonly mode?: number | undefined
  /** 0 unless given. */
  readonly uid?: number | undefined
  /** 0 unless given. */
  readonly gid?: number | undefined
  /** Empty unless given. */
  readonly uname?: string | undefined
  /** Empty unless given. */
  readonly gname?: string | undefined
  /** Whole seconds since 1970, rounded down; 0 unless given. */
  readonly mtime?: number | undefined
  /** Nanoseconds after `mtime`; 0 unless given. */
  readonly mtimeNs?: number | undefined
  /** Where a link leads: of a hard link the path of an earlier entry. */
  readonly linkname?: string | Uint8Array | undefined
  /** Stands for `linkname` where it is given, as in a `TarEntry`. */
  readonly rawLinkname?: Uint8Array | undefined
  /** Of a device: 0 to 2,097,151. */
  readonly devMajor?: number | undefined
  readonly devMinor?: number | undefined
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined
  /** More pax records. Those that other fields stand for (`path`, `size`, `SCHILY.xattr.` …) are passed over. */
  readonly pax?: ReadonlyMap<string, Uint8Array> | undefined
  /** Bytes of `body`: needed only where `body` can't say it itself. */
  readonly size?: number | undefined
  /** The bytes of a file, or a way to get them. Folders, links, devices and fifos have none. */
  readonly body?: ByteSource | (() => ByteSource) | undefined
}
