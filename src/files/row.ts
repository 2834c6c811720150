/** A file of an image as plain JSON: what `ocidir ls --format json` prints. */

import type { FileType, TreeFile } from './file.ts'
import { keyOf } from './path.ts'

/** A file as a row of JSON; what a file of its type doesn't have is left out. */
export interface FileRow {
  readonly path: string
  /** The path's bytes in base64, where they aren't UTF-8. */
  readonly pathBase64?: string
  readonly type: FileType
  /** Four octal digits. */
  readonly mode: string
  readonly uid: number
  readonly gid: number
  readonly size: number
  /** Seconds since 1970 with their fraction, as near as a number comes. */
  readonly mtime: number
  readonly linkname?: string
  /** In hex; of files and of what hard links name, where the tree was made with `digests`. */
  readonly sha256?: string
  /** Values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>
  /** Major and minor number of a device. */
  readonly dev?: readonly [number, number]
  /** A folder without an entry of its own: its attributes are made up. */
  readonly implicit?: true
}

/**
 * Gives a file as plain JSON.
 *
 * @example
 * const rows = Array.from(tree.entries(), rowOf)
 */
export function rowOf(file: TreeFile): FileRow {
  const { path, rawPath, type, uid, gid, size, sha256, xattrs } = file
  const isLink = type === 'symlink' || type === 'hardlink'
  const isDevice = type === 'char' || type === 'block'
  return {
    path,
    ...(rawPath && { pathBase64: base64(rawPath) }),
    type,
    mode: file.mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size,
    mtime: secondsOf(file),
    ...(isLink && { linkname: file.linkname }),
    ...(sha256 !== undefined && { sha256 }),
    ...(xattrs.size > 0 && { xattrs: encoded(xattrs) }),
    ...(isDevice && { dev: [file.devMajor, file.devMinor] }),
    ...(file.implicit && { implicit: true }),
  }
}

/** The number nearest to seconds and nanoseconds: a sum of two numbers would round twice. */
function secondsOf({ mtime, mtimeNs }: TreeFile): number {
  if (mtimeNs === 0) return mtime
  const total = BigInt(mtime) * 1_000_000_000n + BigInt(mtimeNs)
  const digits = (total < 0n ? -total : total).toString().padStart(10, '0')
  return Number(`${total < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`)
}

function encoded(xattrs: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries(Array.from(xattrs, ([name, value]) => [name, base64(value)]))
}

function base64(bytes: Uint8Array): string {
  return btoa(keyOf(bytes))
}
