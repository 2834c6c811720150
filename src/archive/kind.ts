/** What a file is, by its first bytes or the names in it. */

import { OciError, type UnsupportedKind } from '../errors.ts'
import { blockSize, isHeader, isZero } from '../tar/header.ts'

/** What the head of a file says that it is, if that isn't a tar. */
export function foreignKindOfHead(head: Uint8Array): UnsupportedKind | undefined {
  if (head.length === 0) return 'empty'
  if (isTar(head)) return undefined
  const magic = magics.find(({ bytes }) => bytes.every((byte, i) => head[i] === byte))
  if (magic !== undefined) return magic.kind
  return /^\ufeff?\s*[{[]/.test(new TextDecoder('utf-8', { ignoreBOM: true }).decode(head))
    ? 'json'
    : 'unknown'
}

/** The error of a file that isn't an archive of a layout. */
export function unsupported(storage: string, kind: UnsupportedKind): OciError<'ARCHIVE_UNSUPPORTED'> {
  const hint = compressed.has(kind) ? " (unpack it first: what is compressed can't be read in place)" : ''
  return new OciError('ARCHIVE_UNSUPPORTED', { storage, kind, expected: `an oci-archive${hint}` })
}

/** A damaged tar is told by its magic: what is wrong with it is for the reader to say. */
function isTar(head: Uint8Array): boolean {
  if (head.length < blockSize) return false
  return isHeader(head) || isZero(head) || ustar.every((byte, i) => head[257 + i] === byte)
}

const ustar = [0x75, 0x73, 0x74, 0x61, 0x72]
const compressed: ReadonlySet<UnsupportedKind> = new Set(['gzip', 'zstd', 'xz', 'bzip2'])
const magics: readonly { readonly kind: UnsupportedKind; readonly bytes: readonly number[] }[] = [
  { kind: 'gzip', bytes: [0x1f, 0x8b] },
  { kind: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { kind: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { kind: 'bzip2', bytes: [0x42, 0x5a, 0x68] },
  { kind: 'zip', bytes: [0x50, 0x4b, 0x03, 0x04] },
  { kind: 'zip', bytes: [0x50, 0x4b, 0x05, 0x06] },
]
