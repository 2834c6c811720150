/** What is said of a tar that isn't one. */

import { OciError } from '../errors.ts'

/** A fault of a tar: `offset` counts bytes of the tar. */
export function tarFault(reason: string, offset: number, entry?: Uint8Array): OciError<'TAR_INVALID'> {
  const named = entry !== undefined && entry.length > 0
  return new OciError('TAR_INVALID', { reason, offset, ...(named && { entry: textOf(entry) }) })
}

/** A name's bytes as text; what isn't UTF-8 reads as U+FFFD, and a byte order mark stays. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
