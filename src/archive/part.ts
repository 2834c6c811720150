/** A file that is a part of another one. */

import { checkRange, type RangeOptions, type StoredFile } from '../storage.ts'

/** Where a part lies, in bytes. */
export interface Extent {
  readonly offset: number
  readonly size: number
}

/** The same version as the file that it is a part of; its `blob` is a slice of that one's, no copy. */
export function partOf(file: StoredFile, { offset, size }: Extent): StoredFile {
  const within = (range: RangeOptions = {}): RangeOptions => {
    const { start, end } = checkRange(range, size)
    return { start: offset + start, end: offset + end, signal: range.signal }
  }
  const blob = file.blob?.slice(offset, offset + size)
  return {
    size,
    ...(blob !== undefined && { blob }),
    stream: range => file.stream(within(range)),
    bytes: async range => file.bytes(within(range)),
  }
}
