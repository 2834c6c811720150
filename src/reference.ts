/** What may stand for an entry of a layout: a tag, a digest, or a descriptor. */

import { isWellFormed } from './canonical-json.ts'
import { isDigest } from './digest.ts'
import { quote } from './errors.ts'
import type { Descriptor, Digest } from './spec.ts'

/** A tag, a digest as a string, `{ tag }` for a tag that looks like a digest, or a descriptor. */
export type Ref = string | { readonly tag: string } | Descriptor

/** A reference, sorted by what it is. */
export type ParsedRef =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'digest'; readonly digest: Digest }
  | { readonly kind: 'descriptor'; readonly descriptor: Descriptor }

/** Sorts a reference. Throws `TypeError` for an empty one. */
export function parseRef(ref: Ref): ParsedRef {
  if (typeof ref === 'string') {
    if (ref === '') throw new TypeError('a reference is a tag or a digest, not an empty string')
    return looksLikeDigest(ref) ? { kind: 'digest', digest: ref } : { kind: 'tag', tag: ref }
  }
  return 'tag' in ref ? { kind: 'tag', tag: ref.tag } : { kind: 'descriptor', descriptor: ref }
}

// `app:1` is in the grammar of digests too (descriptor.md); no digest in use has fewer than 128 bits, which is 32 hex digits.
function looksLikeDigest(ref: string): ref is Digest {
  return isDigest(ref) && ref.length - ref.indexOf(':') > 32
}

/**
 * Checks a name before it is written: any text without control characters (A4: index.json names are free).
 *
 * Throws `RangeError` for an empty name, control characters, or more than 1,024 characters.
 */
export function checkTag(tag: string): string {
  if (tag === '' || tag.length > 1024 || /\p{Cc}/u.test(tag) || !isWellFormed(tag)) {
    throw new RangeError(`not a tag: ${quote(tag, 100)}`)
  }
  return tag
}
