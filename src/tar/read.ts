/** A tar read as it streams by: v7, ustar, pax, GNU's and star's dialects, in any mixture. */

import { pace } from '../codec/pace.ts'
import { limitsWith } from '../limits.ts'
import type { AbortOptions } from '../storage.ts'
import { type ByteSource, chunksOf } from '../streams.ts'
import { Body } from './body.ts'
import { Cursor } from './cursor.ts'
import type { TarEntry } from './entry.ts'
import { textOf } from './fault.ts'
import { defaultTarLimits, type TarLimits } from './limits.ts'
import { type Member, MemberReader } from './member.ts'

export type { TarLimits } from './limits.ts'

/** Options of `readTar`. */
export interface ReadTarOptions extends AbortOptions {
  /** Bounds that differ from `defaultTarLimits`. */
  readonly limits?: Partial<TarLimits> | undefined
}

/**
 * Reads a tar in one pass. Each entry's `body` can be read before the next entry is asked for, else it is skipped.
 *
 * The source is read to its very end, so that whoever hashes it on the way has seen all of it: what follows the
 * tar's end (two zero blocks, or nothing) is ignored, as GNU tar, Python and Go do. pax records of an entry go over
 * global ones, GNU long names over both. Sparse files are expanded. Whatever reaches out of a folder is data here.
 *
 * Throws `TAR_INVALID` with the offset for what is cut short or isn't a tar, `LIMIT_EXCEEDED`, and `UNSUPPORTED` for
 * sparse formats that nobody has described.
 *
 * @example
 * for await (const entry of readTar(file.stream())) {
 *   if (entry.path === 'etc/os-release') console.log(await new Response(entry.body.stream()).text())
 * }
 */
export async function* readTar(
  source: ByteSource,
  options: ReadTarOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const { signal } = options
  const limits = limitsWith(defaultTarLimits, options.limits)
  const cursor = new Cursor(chunksOf(source, { signal }))
  const members = new MemberReader(cursor, limits)
  const turn = pace({ signal })
  try {
    for (let member = await members.next(); member !== undefined; member = await members.next()) {
      const bodyOffset = cursor.offset
      const body = new Body({ ...member, cursor, limits, signal, turn })
      yield entryOf(member, bodyOffset, body)
      await body.finish()
      // A million empty entries in one chunk: without it nobody could abort, and a page would stand still.
      await turn()
    }
    await cursor.skip(Number.POSITIVE_INFINITY)
  } finally {
    await cursor.close()
  }
}

const none = new Uint8Array()
const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()

function entryOf(member: Member, bodyOffset: number, body: Body): TarEntry {
  const { header, records, path, type, sparse } = member
  const mtime = records.time('mtime') ?? { seconds: header.mtime, nanoseconds: 0 }
  const isLink = type === 'symlink' || type === 'hardlink'
  const isDevice = type === 'char' || type === 'block'
  const rawLinkname = isLink ? member.linkname : none
  return {
    path: textOf(path),
    rawPath: path,
    type,
    typeflag: header.typeflag,
    mode: header.mode,
    uid: records.number('uid') ?? header.uid,
    gid: records.number('gid') ?? header.gid,
    uname: textOf(records.name('uname') ?? header.uname),
    gname: textOf(records.name('gname') ?? header.gname),
    size: sparse?.size ?? member.stored,
    mtime: mtime.seconds,
    mtimeNs: mtime.nanoseconds,
    linkname: isLink ? textOf(rawLinkname) : '',
    rawLinkname,
    devMajor: isDevice ? (records.number('SCHILY.devmajor') ?? header.devMajor) : 0,
    devMinor: isDevice ? (records.number('SCHILY.devminor') ?? header.devMinor) : 0,
    xattrs: records.all.size === 0 ? noXattrs : records.below('SCHILY.xattr.'),
    pax: records.all,
    offset: member.offset,
    bodyOffset,
    sparse: sparse?.parts,
    body,
  }
}
