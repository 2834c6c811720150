/** The headers of a tar that lies in a file: what is in it and where, without reading the bodies. */

import { pace } from '../codec/pace.ts'
import { limitsWith } from '../limits.ts'
import type { StoredFile } from '../storage.ts'
import { tarFault } from './fault.ts'
import { FileCursor } from './file-cursor.ts'
import { defaultTarLimits } from './limits.ts'
import { type Member, MemberReader } from './member.ts'
import type { ReadTarOptions } from './read.ts'

/** An entry as its headers tell it, and where its `stored` bytes begin in the file. */
export interface ScannedMember extends Member {
  readonly bodyOffset: number
}

/**
 * Reads all headers of a tar, by ranges. Every body that it tells of lies wholly in the file.
 *
 * Throws what `readTar` throws.
 */
export async function* scanTar(
  file: StoredFile,
  options: ReadTarOptions = {},
): AsyncGenerator<ScannedMember, void, undefined> {
  const { signal } = options
  const cursor = new FileCursor(file, { signal })
  const turn = pace({ signal })
  const members = new MemberReader(cursor, limitsWith(defaultTarLimits, options.limits))
  for (let member = await members.next(); member !== undefined; member = await members.next()) {
    const bodyOffset = cursor.offset
    if (cursor.skip(member.stored) < member.stored) {
      throw tarFault('cut short in a body', cursor.offset, member.path)
    }
    await turn()
    yield { ...member, bodyOffset }
    // Some writers don't fill up the very last block.
    cursor.skip(member.padding)
  }
}
