/**
 * The storage contract: stage bytes, then commit them under a name; and the checks that every adapter makes at its
 * door. Adapters live outside the core.
 */

import { OciError } from './errors.ts'

/** The two documents at a layout's root (image-layout.md). */
export type DocumentPath = 'oci-layout' | 'index.json'

/** Where a blob lives; the core checks the digest grammar before it makes one. */
export type BlobPath = `blobs/${string}/${string}`

/** The only names that an adapter is ever asked for. */
export type LayoutPath = DocumentPath | BlobPath

/** Options that every long call takes last. */
export interface AbortOptions {
  /** Ends the call: it rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
}

/** A part of a file, in bytes: from `start` (0) up to, not including, `end` (the size). */
export interface RangeOptions extends AbortOptions {
  readonly start?: number | undefined
  readonly end?: number | undefined
}

/**
 * One version of one file. Each read through it sees the same bytes, or fails with `STORAGE_CHANGED`.
 *
 * Nothing has to be closed. A range that leaves the file is a `RangeError`.
 */
export interface StoredFile {
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970; absent where the medium has no times. */
  readonly modified?: number | undefined
  /** The bytes in chunks of at most 1 MiB, read as they are asked for. */
  stream(range?: RangeOptions): ReadableStream<Uint8Array>
  /** The bytes at once: for documents and small ranges. */
  bytes(range?: RangeOptions): Promise<Uint8Array>
  /** The file as a `Blob` where the medium has one: no copy, and it can go to a worker. */
  readonly blob?: Blob | undefined
}

/** A file that stands by itself and in no layout: what an archive is read from. */
export interface NamedFile extends StoredFile {
  /** For messages: its path. */
  readonly name: string
  /** The faster pieces of the platform that it is on. */
  readonly native?: NativeTools | undefined
}

/** What a medium promises. The conformance suite picks its cases from this and from nothing else. */
export interface StorageTraits {
  /** `stage`, `update`, `remove` and `sweep` are there. */
  readonly writable: boolean
  /** `list` is there and names everything. */
  readonly lists: boolean
  /** A second storage opened on the same place, also in a later process, sees the same files. */
  readonly persistent: boolean
  /** What is committed outlives a crash of the process. */
  readonly durable: boolean
  /**
   * Whom an `update` or `remove` keeps out: writers through this storage object (`instance`), all of the same
   * web origin and browser profile (`origin`), or all processes of the machine (`host`).
   */
  readonly exclusion: 'none' | 'instance' | 'origin' | 'host'
  /** `edit` may run more than once: compare-and-swap in place of a lock. */
  readonly optimistic: boolean
  /** A blob's name appears with all of its bytes or not at all, even when the process is killed. */
  readonly atomicPublish: boolean
  /** `StoredFile.modified` is given. */
  readonly modifiedTimes: boolean
}

/** What a medium promises that is read from one snapshot and can't be written. */
export const readOnlyTraits: StorageTraits = {
  writable: false,
  lists: true,
  persistent: false,
  durable: false,
  exclusion: 'none',
  optimistic: false,
  atomicPublish: true,
  modifiedTimes: false,
}

/** Something that a medium holds; `path` is relative to the layout's root, with `/`. */
export interface StorageEntry {
  readonly path: string
  /**
   * `link` leads to a file of the layout, `link-outside` out of it (or nowhere), `staged` is a leftover or
   * a private file of a writer, `other` is neither file nor link (a socket, a folder where a blob should be),
   * `shadowed` is a file that a later one of the same name hides (in an archive): it is never opened.
   */
  readonly kind: 'file' | 'link' | 'link-outside' | 'staged' | 'shadowed' | 'other'
  /** Bytes, for a `file` or `link`. */
  readonly size?: number | undefined
}

/** Hashes as bytes come. */
export interface Hasher {
  /** It's done with the bytes when it returns. */
  update(bytes: Uint8Array): void
  /** Lower-case hex; the hasher is spent afterwards. */
  hex(): string
  /** The state as it is now, where a hasher can give it: others go on from there, and this one does, too. */
  save?(): SavedHasher
}

/** The state of a hasher. It tells which bytes were hashed, and nothing of what has become of them since. */
export interface SavedHasher {
  /** A hasher of its own that goes on from this state. */
  restore(): Hasher | Promise<Hasher>
}

/** A worker as its owner sees it: a `Worker` is one. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  addEventListener(
    type: 'message' | 'error' | 'messageerror',
    listener: (event: { readonly data?: unknown; preventDefault?(): void }) => void,
  ): void
  terminate(): unknown
  /** While it works its process waits for it, at rest it doesn't: where the platform makes the difference. */
  ref?(): unknown
  unref?(): unknown
}

/** Faster pieces of a platform; their results are byte-equal to the core's own. */
export interface NativeTools {
  hasher?(algorithm: 'sha256' | 'sha512'): Hasher | undefined
  /**
   * Inflates raw deflate data whose end need not be a final block, with the 32 KiB before it as dictionary.
   * Throws on invalid data.
   */
  inflateRaw?(deflated: Uint8Array, options: { dictionary: Uint8Array; size: number }): Uint8Array
  /**
   * Deflates a block on its own, on another thread, at a level from 0 to 9; unless it is the last, it ends at a byte's border
   * and stays open. Its bytes are the platform's.
   */
  deflateRaw?(block: Uint8Array, options: { level: number; last: boolean }): Promise<Uint8Array>
  /** Threads that an engine's work can go to, where they aren't started by `Worker`. */
  readonly threads?: ThreadTools | undefined
}

/** Threads of a platform. */
export interface ThreadTools {
  /** How many can run at once. */
  readonly count: number
  start(): WorkerLike
}

/** A medium that can be read: one method is enough. */
export interface ReadableStorage {
  /** For messages: a path, a database's name. */
  readonly name: string
  readonly traits: StorageTraits
  readonly native?: NativeTools | undefined
  /**
   * When it was noticed that the medium had lost what it held, without anybody's order, in milliseconds since 1970:
   * browsers do that to databases. Other storages on the place say it too, until a blob is committed again.
   */
  readonly lostSince?: number | undefined
  /** `undefined` when there is no such file. */
  open(path: LayoutPath, options?: AbortOptions): Promise<StoredFile | undefined>
  /** Every name that the place holds, in no order; folders themselves are not listed. */
  list?(options?: AbortOptions): AsyncIterable<StorageEntry>
}

/** Options of `stage`. */
export interface StageOptions extends AbortOptions {
  /** Bytes that will come, if known: lets a full medium say so at once. */
  readonly size?: number | undefined
}

/** Bytes that have no name yet. Nobody sees them until `commit`. */
export interface StagedFile {
  /**
   * Takes the bytes; close it before `commit`. Aborting it discards. A write resolves when the chunk isn't needed any more,
   * for its memory may be used again then.
   */
  readonly writable: WritableStream<Uint8Array>
  /**
   * Publishes the bytes under a name, whole. An existing file of the same size wins and isn't touched; one of
   * another size is replaced. The directory entry is durable where the trait says so.
   *
   * Rejects with a `TypeError` before `writable` is closed and after `discard`.
   */
  commit(path: BlobPath, options?: AbortOptions): Promise<'written' | 'existed'>
  /** Drops the bytes. Does nothing after `commit`, or a second time. */
  discard(): Promise<void>
}

/** A file's bytes, staged without being moved. Nobody sees them until `commit`. */
export interface AdoptedFile extends Pick<StagedFile, 'commit' | 'discard'> {
  /** What is staged, to be verified: not the file that was given, but the very one that `commit` publishes. */
  readonly file: StoredFile
}

/** Options of `resume`. */
export interface ResumeOptions extends AbortOptions {
  /** Bytes of the whole blob. */
  readonly size: number
}

/** The state of a hasher after the first bytes of a blob. */
export interface HashedBytes {
  readonly size: number
  readonly state: SavedHasher
}

/**
 * Bytes on their way to one name, which outlive their writer: an abort, an error of the source, a kill or the storage's
 * `close` leaves what has come to the next `resume` of that name. Nobody sees them until `commit`.
 */
export interface ResumableFile {
  /**
   * What an earlier writer left: the first bytes of what `commit` publishes, to be read before the first write. Nobody has
   * verified them, and they may have been altered or lost in part since.
   */
  readonly kept: StoredFile
  /**
   * The state that was left with `kept`. Given by the very storage that it was left to, and only where the medium tells
   * that nobody has touched the bytes since; else they have to be hashed anew.
   */
  readonly hashed?: HashedBytes | undefined
  /** Takes the bytes that follow on `kept`, as that of a staged file. Aborting it leaves what has come. */
  readonly writable: WritableStream<Uint8Array>
  /** As that of a staged file, under the name that was given. */
  commit(options?: AbortOptions): Promise<'written' | 'existed'>
  /**
   * Ends the writing and leaves the bytes: all that were written, but for up to 1 MiB at the end where the medium writes in
   * pieces of that size. Does nothing after `commit` and `discard`.
   */
  leave(hashed?: HashedBytes): Promise<void>
  /** Drops the bytes, those kept before too. Does nothing after `commit` and `leave`. */
  discard(): Promise<void>
}

/** Options of `update`. */
export interface UpdateOptions extends AbortOptions {
  /** Blobs that must be there, checked in the same exclusive section before `edit`: else `BLOB_MISSING`. */
  readonly requires?: readonly BlobPath[] | undefined
}

/** A blob as it was seen: of so many bytes, or not there. */
export interface SeenBlob {
  readonly path: BlobPath
  readonly size: number | undefined
}

/** Options of `remove`. */
export interface RemoveOptions extends AbortOptions {
  /**
   * What the choice rests on beside index.json. Looked at again in the same exclusive section, before `choose`: where
   * one isn't as it was seen, nothing is removed and `STORAGE_CHANGED` is thrown.
   */
  readonly seen?: readonly SeenBlob[] | undefined
}

/**
 * Makes a document's next bytes from its present ones. Pure, synchronous and idempotent: it runs again where a lock was
 * lost or a foreign program wrote between. `undefined` or the same bytes: no write.
 */
export type DocumentEdit = (now: Uint8Array | undefined) => Uint8Array | undefined

/** A medium that can be written. */
export interface StorageAdapter extends ReadableStorage {
  list(options?: AbortOptions): AsyncIterable<StorageEntry>
  /** Begins unpublished bytes. */
  stage(options?: StageOptions): Promise<StagedFile>
  /**
   * Stages the bytes of another storage's file where that takes no copy: a clone of its blocks, or a link to it.
   * `undefined` where there is no such way from that file to this place; then its bytes are streamed.
   */
  adopt?(file: StoredFile, options?: AbortOptions): Promise<AdoptedFile | undefined>
  /**
   * Begins bytes whose name is known, or goes on with those that an earlier writer of that name left. `undefined` where
   * there is no way, or another writer is at it: then they are staged as usual.
   *
   * However many write one blob at once, each publishes its own bytes. A write that fails drops them all: a full medium
   * gets its room back. What nobody goes on with is for `sweep`.
   */
  resume?(path: BlobPath, options: ResumeOptions): Promise<ResumableFile | undefined>
  /**
   * One exclusive read-modify-write of a document: the reason that two writers never lose a tag. Readers see
   * the old bytes or the new ones. An error that `edit` throws passes through and nothing is written. The first
   * `update('oci-layout')` also makes `blobs/sha256` where the medium has folders.
   */
  update(path: DocumentPath, edit: DocumentEdit, options?: UpdateOptions): Promise<void>
  /**
   * Removes the blobs that `choose` names, given index.json as it is inside the exclusive section of `update`.
   * Names that aren't there are passed over. Gives the number removed.
   */
  remove(
    choose: (index: Uint8Array | undefined) => readonly BlobPath[],
    options?: RemoveOptions,
  ): Promise<number>
  /** Removes leftovers of crashed writers that are older than so many milliseconds. Gives the number removed. */
  sweep(options: { readonly olderThan: number }): Promise<number>
  /** Gives back what the storage holds. Later calls reject with `STORAGE_CLOSED`. A second `close` does nothing. */
  close(): Promise<void>
}

/**
 * A folder's content, as a platform can tell it, before it is normalised to tar entries: what the Node adapter
 * and the browser's file lists give to `entriesOf`.
 */
export interface SourceNode {
  /** Relative, with `/`; raw bytes where a name isn't UTF-8. */
  readonly path: string | Uint8Array
  readonly kind: 'file' | 'directory' | 'symlink'
  /** Permission bits, where the platform has them. */
  readonly mode?: number | undefined
  /** Milliseconds since 1970, where the platform has it. */
  readonly modified?: number | undefined
  /** Bytes of a file. */
  readonly size?: number | undefined
  /** Where a symlink leads, as it stands there. */
  readonly linkname?: string | Uint8Array | undefined
  /** The content of a file. */
  stream?(options?: AbortOptions): ReadableStream<Uint8Array>
}

/** Anything that can give itself as a tar stream, any number of times with the same bytes. */
export interface TarSource {
  tar(options?: AbortOptions): ReadableStream<Uint8Array>
}

/** Throws a `TypeError` unless `path` is a name of a layout: no other string ever reaches a medium. */
export function checkLayoutPath(path: string): asserts path is LayoutPath {
  if (path !== 'index.json' && path !== 'oci-layout') checkBlobPath(path)
}

/** Throws a `TypeError` unless `path` is the name of a blob, `blobs/<algorithm>/<encoded>`. */
export function checkBlobPath(path: string): asserts path is BlobPath {
  if (typeof path === 'string' && path.length <= longestPath && blobPathGrammar.test(path)) return
  throw new TypeError(`not a path of an OCI layout: ${JSON.stringify(String(path).slice(0, longestPath))}`)
}

/** Throws a `TypeError` unless `path` is `oci-layout` or `index.json`. */
export function checkDocumentPath(path: string): asserts path is DocumentPath {
  if (path === 'index.json' || path === 'oci-layout') return
  throw new TypeError(
    `not a document of an OCI layout: ${JSON.stringify(String(path).slice(0, longestPath))}`,
  )
}

/** The digest that a blob's path stands for. */
export function digestOfPath(path: BlobPath): string {
  return path.slice('blobs/'.length).replace('/', ':')
}

/** A range with its defaults, in bytes. Throws a `RangeError` if it isn't inside of a file of `size` bytes. */
export function checkRange(range: RangeOptions | undefined, size: number): { start: number; end: number } {
  const { start = 0, end = size } = range ?? {}
  const valid = Number.isSafeInteger(start) && Number.isSafeInteger(end)
  if (valid && start >= 0 && start <= end && end <= size) return { start, end }
  throw new RangeError(`no range ${start} to ${end} in ${size} bytes`)
}

/** Throws `STORAGE_CHANGED` unless a blob has the size with which it was seen; for use inside the exclusive section. */
export function checkAsSeen(storage: string, { path, size }: SeenBlob, found: number | undefined): void {
  if (found !== size) throw new OciError('STORAGE_CHANGED', { storage, path })
}

/** Throws a `RangeError` unless `size` is a number of bytes. */
export function checkSize(size: number): void {
  if (Number.isSafeInteger(size) && size >= 0) return
  throw new RangeError(`size must be a number of bytes: ${size}`)
}

/** Throws a `RangeError` unless `olderThan` is a number of milliseconds, 0 or more. */
export function checkAge(olderThan: number): void {
  if (typeof olderThan === 'number' && olderThan >= 0) return
  throw new RangeError(`olderThan must be milliseconds, 0 or more: ${olderThan}`)
}

// descriptor.md, "Digests": what stands before and after the colon. Neither part can hold a `/` or start with a dot.
const blobPathGrammar = /^blobs\/[a-z0-9]+(?:[+._-][a-z0-9]+)*\/[a-zA-Z0-9=_-]+$/
const longestPath = 320
