/** The one error of this library: a closed list of codes, each with its own typed data. */

import type { ForeignKind } from './layout-names.ts'
import type { Descriptor, Platform } from './spec.ts'

/**
 * What a file is that can't be read as an archive: another form of image, something compressed, a `tar` without a
 * layout in it or one with `several-layouts`, or nothing known here.
 */
export type UnsupportedKind =
  | ForeignKind
  | 'several-layouts'
  | 'tar'
  | 'gzip'
  | 'zstd'
  | 'xz'
  | 'bzip2'
  | 'zip'
  | 'json'
  | 'empty'
  | 'unknown'

/** What each error code carries. A new fault gets a new code here, never a message to parse. */
export interface OciErrorData {
  /** Bytes don't hash to their digest. */
  DIGEST_MISMATCH: { expected: string; found: string; where?: string }
  /** More or fewer bytes than the descriptor says. */
  SIZE_MISMATCH: { expected: number; found: number; where?: string }
  /** A digest that isn't in the specification's grammar (D4). */
  DIGEST_INVALID: { digest: string; where?: string }
  /** A well-formed digest of an algorithm that can't be verified here. */
  DIGEST_UNSUPPORTED: { digest: string; algorithm: string }
  /** A referenced blob that isn't in the layout. */
  BLOB_MISSING: { digest: string; where?: string }
  /** A blob or document that is a link to a place outside the layout. */
  LINK_OUTSIDE: { path: string }
  /** A document that isn't what the specification says; `at` is a JSON pointer. */
  DOCUMENT_INVALID: { where: string; at?: string; expected: string; found?: string }
  /** A document's `mediaType` isn't one that fits its place. */
  MEDIA_TYPE_UNEXPECTED: { mediaType: string; expected: string; where?: string }
  /** A named bound was passed; bounds are options. */
  LIMIT_EXCEEDED: { limit: string; max: number; found?: number; where?: string }
  /** No `oci-layout` file: the place isn't a layout. `kind` is what it is, where its names tell. */
  LAYOUT_MISSING: { storage: string; kind?: ForeignKind }
  /** A file that isn't an archive of a kind that is read here; `expected` says what would be. */
  ARCHIVE_UNSUPPORTED: { storage: string; kind: UnsupportedKind; expected: string }
  /** `oci-layout` is there, but it isn't version 1.0.0 or not a marker at all. */
  LAYOUT_INVALID: { storage: string; expected: string; found: string }
  /** The place of a new layout holds one that lists something. */
  LAYOUT_EXISTS: { storage: string }
  /** No `index.json`. */
  INDEX_MISSING: { storage: string }
  /** `index.json` lists no image. */
  INDEX_EMPTY: { storage: string }
  TAG_NOT_FOUND: { tag: string; available: readonly string[] }
  /** A digest that neither index.json nor a nested index names. */
  REFERENCE_NOT_FOUND: { digest: string }
  /** No reference was given and several images could be meant. */
  REFERENCE_AMBIGUOUS: { available: readonly string[] }
  /** No image for the platform asked; at most 10 of those found. */
  NO_MATCHING_PLATFORM: { wanted: Platform; available: readonly string[] }
  /** The reference names an artifact or another thing that isn't an image. */
  NOT_AN_IMAGE: { descriptor: Descriptor; expected: string }
  /** A layer's compression has no codec here. */
  CODEC_MISSING: { mediaType: string; available: readonly string[] }
  /** An uncompressed layer doesn't hash to its diffID. */
  DIFF_ID_MISMATCH: { expected: string; found: string; layer: string }
  GZIP_INVALID: { reason: string; offset?: number; where?: string }
  /** `offset` counts compressed bytes. */
  ZSTD_INVALID: { reason: string; offset?: number; where?: string }
  /** A compressed block didn't inflate to its input: nothing was committed. */
  DEFLATE_UNVERIFIED: { block: number }
  /** `offset` counts bytes of the tar stream. */
  TAR_INVALID: { reason: string; offset: number; entry?: string }
  /** Something well-formed that this library deliberately doesn't do. */
  UNSUPPORTED: { feature: string; where?: string }
  /** A source file or folder can't be read (a symlink in a browser's folder, say). */
  ENTRY_UNREADABLE: { path: string; reason: string }
  /** Two sources want the same path, or a path can't stand in a layer. */
  ENTRY_INVALID: { path: string; reason: string }
  /** A path that the image doesn't have, or that isn't a file. */
  FILE_NOT_FOUND: { path: string; found?: string }
  /** The medium failed; `cause` is its own error. */
  STORAGE_FAILED: { storage: string; operation: string; path?: string }
  /** The file was replaced while it was read. */
  STORAGE_CHANGED: { storage: string; path: string }
  /** Disk or quota full. */
  STORAGE_FULL: { storage: string; needed?: number }
  /** The medium said no: rights, or a read-only place. */
  STORAGE_DENIED: { storage: string; operation: string; path?: string }
  /** The medium held the layout and has lost it; `since` is when it was noticed, in milliseconds since 1970. */
  STORAGE_LOST: { storage: string; since: number }
  /** Used after `close`. */
  STORAGE_CLOSED: { storage: string }
  /** This medium can't do it at all, in this browser or context. */
  STORAGE_UNAVAILABLE: { storage: string; reason: string }
  /** The layout's lock couldn't be had. */
  STORAGE_LOCKED: { storage: string; holder?: string }
}

/** Every code that an `OciError` can have. */
export type OciErrorCode = keyof OciErrorData

/** What went wrong, where and what was expected: `code` to branch on, `data` typed by the code. */
export class OciError<Code extends OciErrorCode = OciErrorCode> extends Error {
  readonly code: Code
  readonly data: Readonly<OciErrorData[Code]>

  constructor(code: Code, data: OciErrorData[Code], options?: { cause?: unknown; message?: string }) {
    super(
      options?.message ?? describe(code, data),
      options?.cause === undefined ? undefined : { cause: options.cause },
    )
    this.name = 'OciError'
    this.code = code
    this.data = data
  }
}

/**
 * Tells whether a caught value is an `OciError`, of one code if one is given, and narrows its `data`.
 *
 * It goes by shape and not by class, so it also holds for errors that came over from a worker.
 *
 * @example
 * if (isOciError(error, 'TAG_NOT_FOUND')) console.error(error.data.available)
 */
export function isOciError<Code extends OciErrorCode = OciErrorCode>(
  error: unknown,
  code?: Code,
): error is OciError<Code> {
  if (!(error instanceof Error) || error.name !== 'OciError' || !('code' in error)) return false
  return code === undefined || error.code === code
}

/** Tells whether a layout's content is at fault, and not the medium that holds it. */
export function isContentFault(error: unknown): error is OciError {
  return isOciError(error) && !error.code.startsWith('STORAGE_')
}

function describe<Code extends OciErrorCode>(code: Code, data: OciErrorData[Code]): string {
  return messages[code](data)
}

const messages: { readonly [Code in OciErrorCode]: (data: OciErrorData[Code]) => string } = {
  DIGEST_MISMATCH: d => `expected digest ${d.expected} but found ${d.found}${at(d.where)}`,
  SIZE_MISMATCH: d => `expected ${d.expected} bytes but found ${d.found}${at(d.where)}`,
  DIGEST_INVALID: d => `${quote(d.digest)} is not a digest${at(d.where)}; expected algorithm:encoded`,
  DIGEST_UNSUPPORTED: d => `digests of ${quote(d.algorithm)} can't be verified here: ${d.digest}`,
  BLOB_MISSING: d => `the layout has no blob ${d.digest}${at(d.where)}`,
  LINK_OUTSIDE: d => `${plain(d.path)} is a link that leads out of the layout`,
  DOCUMENT_INVALID: d =>
    `${d.where}${d.at ? `#${d.at}` : ''} is not valid: expected ${d.expected}${d.found === undefined ? '' : `, found ${d.found}`}`,
  MEDIA_TYPE_UNEXPECTED: d =>
    `expected ${d.expected} but found media type ${quote(d.mediaType)}${at(d.where)}`,
  LIMIT_EXCEEDED: d =>
    `more than ${d.max} for ${d.limit}${d.found === undefined ? '' : ` (${d.found})`}${at(d.where)}; the limit is an option`,
  LAYOUT_MISSING: d =>
    `${d.storage} is not an OCI image layout: it has no oci-layout file${d.kind ? ` (it looks like a ${d.kind})` : ''}`,
  ARCHIVE_UNSUPPORTED: d =>
    `${d.storage} can't be opened: expected ${d.expected}, found ${foundKinds[d.kind]}`,
  LAYOUT_INVALID: d => `oci-layout of ${d.storage}: expected ${d.expected}, found ${d.found}`,
  LAYOUT_EXISTS: d => `${d.storage} is a layout that lists something already`,
  INDEX_MISSING: d => `${d.storage} has no index.json`,
  INDEX_EMPTY: d => `index.json of ${d.storage} lists no image`,
  TAG_NOT_FOUND: d => `no tag ${quote(d.tag)}${list('; there are', d.available)}`,
  REFERENCE_NOT_FOUND: d => `no index of the layout names ${d.digest}`,
  REFERENCE_AMBIGUOUS: d => `several images could be meant${list(':', d.available)}`,
  NO_MATCHING_PLATFORM: d =>
    `no image for ${plain([d.wanted.os, d.wanted.architecture, d.wanted.variant].filter(Boolean).join('/'))}${list('; there are', d.available)}`,
  NOT_AN_IMAGE: d =>
    `${d.descriptor.digest} (${plain(d.descriptor.mediaType)}) is not an image: expected ${d.expected}`,
  CODEC_MISSING: d => `no codec for layers of type ${quote(d.mediaType)}${list('; given were', d.available)}`,
  DIFF_ID_MISMATCH: d => `layer ${d.layer} unpacks to ${d.found}, its diffID is ${d.expected}`,
  GZIP_INVALID: d =>
    `not valid gzip: ${d.reason}${d.offset === undefined ? '' : ` (at byte ${d.offset})`}${at(d.where)}`,
  ZSTD_INVALID: d =>
    `not valid zstd: ${d.reason}${d.offset === undefined ? '' : ` (at byte ${d.offset})`}${at(d.where)}`,
  DEFLATE_UNVERIFIED: d => `block ${d.block} didn't inflate to its input; nothing was committed`,
  TAR_INVALID: d =>
    `not a valid tar: ${d.reason} (at byte ${d.offset}${d.entry ? `, entry ${quote(d.entry)}` : ''})`,
  UNSUPPORTED: d => `not supported: ${d.feature}${at(d.where)}`,
  ENTRY_UNREADABLE: d => `can't read ${quote(d.path)}: ${d.reason}`,
  ENTRY_INVALID: d => `${quote(d.path)} can't go into a layer: ${d.reason}`,
  FILE_NOT_FOUND: d => `the image has no file ${quote(d.path)}${d.found ? ` (it is a ${d.found})` : ''}`,
  STORAGE_FAILED: d => `${d.storage}: ${d.operation} failed${d.path ? ` on ${d.path}` : ''}`,
  STORAGE_CHANGED: d => `${d.storage}: ${d.path} changed while it was read`,
  STORAGE_FULL: d =>
    `${d.storage} is full${d.needed === undefined ? '' : `: ${d.needed} more bytes are needed`}`,
  STORAGE_DENIED: d => `${d.storage}: ${d.operation} is not allowed${d.path ? ` on ${d.path}` : ''}`,
  STORAGE_LOST: d => `${d.storage} has lost what it held (noticed ${new Date(d.since).toISOString()})`,
  STORAGE_CLOSED: d => `${d.storage} was closed`,
  STORAGE_UNAVAILABLE: d => `${d.storage} can't be used here: ${d.reason}`,
  STORAGE_LOCKED: d => `${d.storage} is locked${d.holder ? ` by ${d.holder}` : ''}`,
}

const foundKinds: Readonly<Record<UnsupportedKind, string>> = {
  'docker-archive': 'a docker-archive',
  'skopeo-dir': 'a tar of a skopeo-dir',
  'several-layouts': 'a tar of several layouts',
  tar: 'a tar without a layout in it',
  gzip: 'a gzip file',
  zstd: 'a zstd file',
  xz: 'an xz file',
  bzip2: 'a bzip2 file',
  zip: 'a zip file',
  json: 'a JSON document',
  empty: 'an empty file',
  unknown: 'something unknown',
}

function at(where: string | undefined): string {
  return where === undefined ? '' : ` in ${where}`
}

function list(lead: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `${lead} ${items.map(plain).join(', ')}`
}

/** Hostile text goes into messages shortened and escaped: a terminal must not obey it. */
export function quote(text: string, max = 200): string {
  return JSON.stringify(text.length > max ? `${text.slice(0, max)}…` : text).replace(obeyed, escaped)
}

/** The same without the quotes where there is nothing to escape. */
export function plain(text: string): string {
  obeyed.lastIndex = 0
  return text.length <= 200 && !obeyed.test(text) ? text : quote(text)
}

// Control characters, DEL and C1 among them, which JSON leaves as they are, and what turns the text around.
const obeyed = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}
