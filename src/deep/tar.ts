/** A layer's tar from its first byte to its last: read on behind a fault, and behind its end. */

import { pace } from '../codec/pace.ts'
import { isOciError } from '../errors.ts'
import type { AbortOptions } from '../storage.ts'
import { Cursor } from '../tar/cursor.ts'
import { tarFault } from '../tar/fault.ts'
import { blockSize, isHeader, paddingOf } from '../tar/header.ts'
import type { HeaderLimits } from '../tar/limits.ts'
import { type Member, MemberReader } from '../tar/member.ts'
import type { Names } from './names.ts'
import type { Notes } from './notes.ts'

/** What is told of a tar, and its bounds. */
export interface TarCheckOptions extends AbortOptions {
  readonly notes: Notes
  readonly names: Names
  readonly limits: HeaderLimits
}

/**
 * Reads a tar and notes what is wrong with it. Behind a fault it goes on at the next block that is a header, as GNU
 * tar does. Throws what the source throws, and what the reader can't go on from: `LIMIT_EXCEEDED`, `UNSUPPORTED`.
 */
export async function checkTar(source: AsyncIterator<Uint8Array>, options: TarCheckOptions): Promise<void> {
  const { notes, names, limits, signal } = options
  const cursor = new Cursor(source)
  const members = new MemberReader(cursor, limits)
  const turn = pace({ signal })
  for (let isSound = true; ; ) {
    await turn()
    const { offset } = cursor
    try {
      const member = await members.next()
      if (member === undefined) {
        if (isSound) noteEnd(cursor.offset, offset, notes)
        return await checkRest(cursor, notes)
      }
      names.add(member)
      await passBody(cursor, member)
    } catch (error) {
      if (!isOciError(error, 'TAR_INVALID')) throw error
      notes.fault(error)
      names.lose()
      isSound = false
      await nextHeader(cursor)
    }
  }
}

async function passBody(cursor: Cursor, { stored, padding, path }: Member): Promise<void> {
  if ((await cursor.skip(stored)) < stored) throw tarFault('cut short in a body', cursor.offset, path)
  // Some writers don't fill up the very last block.
  await cursor.skip(padding)
}

async function nextHeader(cursor: Cursor): Promise<void> {
  await cursor.skip(paddingOf(cursor.offset))
  for (;;) {
    const block = await cursor.peek(blockSize)
    if (isHeader(block)) return
    if ((await cursor.skip(blockSize)) < blockSize) return
  }
}

/** How the end looks; that a tar may end without its two blocks of zeros is so by the custom of all readers. */
function noteEnd(end: number, start: number, notes: Notes): void {
  if (end === 0) notes.add('warning', 'LAYER_EMPTY', { offset: 0, message: 'no tar: there are no bytes' })
  else if (end - start < 2 * blockSize) {
    const message = 'the tar ends without two blocks of zeros: it may have been longer'
    notes.add('info', 'TAR_END_ABSENT', { offset: end, message })
  }
}

async function checkRest(cursor: Cursor, notes: Notes): Promise<void> {
  for (let isNoted = false; ; ) {
    const { offset } = cursor
    const piece = await cursor.piece(Number.POSITIVE_INFINITY)
    if (piece === undefined) return
    const junk = isNoted ? -1 : piece.findIndex(byte => byte !== 0)
    if (junk === -1) continue
    isNoted = true
    const message = 'bytes behind the end of the tar, which most readers do not see'
    notes.add('warning', 'TAR_TRAILING', { offset: offset + junk, message })
  }
}
