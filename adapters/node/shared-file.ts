/** Files that threads read by themselves: a descriptor is the process's and not a thread's. */

import { type BigIntStats, fstatSync, readSync } from 'node:fs'
import type { SharedFile, SharedPart, StoredFile } from '../../src/storage.ts'
import { openVersion, sourceOf } from './stored.ts'

/** Opens a stored file of this disk for all threads. */
export async function shareFile(file: StoredFile): Promise<SharedFile | undefined> {
  const source = sourceOf(file)
  if (source === undefined) return undefined
  const { handle, check } = await openVersion(source)
  return {
    descriptor: handle.fd,
    version: versionOf(source.version),
    check,
    close: () => handle.close(),
  }
}

/** A thread's side. The chunks are views of one buffer. */
export function* readShared({ file, start, end }: SharedPart): Generator<Uint8Array, void, undefined> {
  const { descriptor, version } = file
  // Not every runtime has the same numbers in all threads.
  if (versionOf(fstatSync(descriptor, { bigint: true })) !== version) throw new Error('another file')
  buffer ??= new Uint8Array(chunkSize)
  for (let at = start; at < end; ) {
    const read = readSync(descriptor, buffer, 0, Math.min(chunkSize, end - at), at)
    if (read === 0) throw new Error('the file has become shorter')
    at += read
    yield buffer.subarray(0, read)
  }
}

const chunkSize = 256 << 10
let buffer: Uint8Array | undefined

function versionOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(' ')
}
