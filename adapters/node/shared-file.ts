/** A thread's way to the bytes of a file that is open in its process: a descriptor is the process's and not a thread's. */

import { type BigIntStats, fstatSync, readSync } from 'node:fs'
import type { SharedPart } from '../../src/shared-file.ts'

/** What another file, or another version, has not. */
export function versionOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(' ')
}

/** Gives a part in views of one buffer. Throws where the number isn't of that file, or it has become shorter. */
export function* readShared(
  { way, start, end }: SharedPart,
  chunkSize: number,
): Generator<Uint8Array, void, undefined> {
  if (!('descriptor' in way)) throw new Error('no file of this process')
  const { descriptor, version } = way
  // Not every runtime has the same numbers in all threads.
  if (versionOf(fstatSync(descriptor, { bigint: true })) !== version) throw new Error('another file')
  if (buffer === undefined || buffer.length < chunkSize) buffer = new Uint8Array(chunkSize)
  for (let at = start; at < end; ) {
    const read = readSync(descriptor, buffer, 0, Math.min(chunkSize, end - at), at)
    if (read === 0) throw new Error('the file has become shorter')
    at += read
    yield buffer.subarray(0, read)
  }
}

let buffer: Uint8Array | undefined
