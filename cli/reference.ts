/** References on the command line: a place on disk, then `:TAG` or `@DIGEST`. */

import { stat } from 'node:fs/promises'
import { type Digest, isDigest } from '../src/index.ts'
import { quoted } from './args.ts'
import { UsageError } from './command.ts'

/** A reference, taken apart. */
export interface Reference {
  /** As it was written. */
  readonly text: string
  /** The layout's folder or an archive, which need not exist. */
  readonly path: string
  readonly exists: boolean
  /** A file stands there, or a prefix says that one should. */
  readonly isArchive: boolean
  readonly tag?: string
  readonly digest?: Digest
}

/** What stands at a path. */
export type Kind = 'folder' | 'file' | undefined

/** Tells what stands at a path; tests give their own. */
export type KindAt = (path: string) => Promise<Kind>

/**
 * Reads `DIR`, `DIR:TAG` or `DIR@DIGEST`: the longest part that exists is the place, so that paths and tags may
 * both hold `:` and `@`. Where nothing exists the place ends at the first `:`. What a file holds is found out when it
 * is opened, whatever its prefix says.
 *
 * Throws `UsageError` for an empty place or tag and for what isn't a digest.
 */
export async function parseReference(text: string, kindAt: KindAt = kindOnDisk): Promise<Reference> {
  const [scheme, plain] = withoutPrefix(text)
  const found = await longestExisting(plain, kindAt)
  const end = found?.end ?? endOfTarget(plain)
  const path = plain.slice(0, end)
  if (path === '') throw new UsageError(`${quoted(text)} names no place`)
  const isArchive = found === undefined ? scheme.endsWith('-archive') : found.kind === 'file'
  return { text, path, exists: found !== undefined, isArchive, ...selected(plain.slice(end), text) }
}

/** Reads the `DIR:TAG` of something to be written. Throws `UsageError` without a tag, and for an archive. */
export async function parseTarget(
  text: string,
  kindAt: KindAt = kindOnDisk,
): Promise<Reference & { tag: string }> {
  const reference = await parseReference(text, kindAt)
  checkWritable(reference)
  const { tag } = reference
  if (tag === undefined) throw new UsageError(`expected DIR:TAG, not ${quoted(text)}`)
  return { ...reference, tag }
}

/** Reads the reference of a whole layout. Throws `UsageError` for a part of one, beginning with what the command does. */
export async function parseLayout(text: string, does: string): Promise<Reference> {
  const reference = await parseReference(text)
  if (reference.tag === undefined && reference.digest === undefined) return reference
  throw new UsageError(`${does} a whole layout: ${reference.path}`)
}

/** Throws `UsageError` for an archive: it can be read and not changed. */
export function checkWritable({ path, isArchive }: Reference): void {
  if (isArchive) throw new UsageError(`${quoted(path)} is an archive, and only a folder can be written`)
}

/** The longest beginning of a text that exists and ends before a `:` or `@`, or is all of it. */
export async function longestExisting(
  text: string,
  kindAt: KindAt = kindOnDisk,
): Promise<{ readonly end: number; readonly kind: 'folder' | 'file' } | undefined> {
  for (let end = text.length; end > 0; end--) {
    const next = text[end]
    if (next !== undefined && next !== ':' && next !== '@') continue
    const kind = await kindAt(text.slice(0, end))
    if (kind !== undefined) return { end, kind }
  }
  return undefined
}

/** What stands at a path of this machine, links followed. */
export async function kindOnDisk(path: string): Promise<Kind> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch {
    // Whatever the reason, there is nothing here that could be opened.
    return undefined
  }
}

/** Throws `UsageError` unless the text can be a tag: any, but without control characters and not too long. */
export function checkName(tag: string): string {
  if (tag === '') throw new UsageError('a tag is missing')
  if (tag.length > 1024) throw new UsageError('a tag has at most 1024 characters')
  if (/[\p{Cc}\p{Cs}]/u.test(tag)) throw new UsageError(`a tag can't hold control characters: ${quoted(tag)}`)
  return tag
}

function withoutPrefix(text: string): [scheme: string, rest: string] {
  const prefix = /^(oci|oci-archive|docker-archive):|^(ocidir):\/\//.exec(text)
  if (prefix === null) return ['', text]
  return [prefix[1] ?? prefix[2] ?? '', text.slice(prefix[0].length)]
}

/** Where the place of something new ends: the first `:` that isn't a drive's, else the `@` of a digest. */
function endOfTarget(text: string): number {
  const drive = /^[A-Za-z]:[\\/]/.test(text) ? 2 : 0
  const colon = text.indexOf(':', drive)
  if (colon < 0) return text.length
  const at = text.indexOf('@', drive)
  return at >= 0 && at < colon && isDigest(text.slice(at + 1)) ? at : colon
}

function selected(rest: string, text: string): { readonly tag?: string; readonly digest?: Digest } {
  if (rest === '') return {}
  if (rest.startsWith(':')) return { tag: checkName(rest.slice(1)) }
  const digest = rest.slice(1)
  if (isDigest(digest)) return { digest }
  throw new UsageError(`${quoted(digest)} in ${quoted(text)} is not a digest`)
}
