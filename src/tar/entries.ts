/** A folder's content made to the entries of a layer: normalised, sorted, the same from a disk and in a tab. */

import { isOciError, OciError } from '../errors.ts'
import type { AbortOptions, SourceNode, TarSource } from '../storage.ts'
import { chunksOf, lentChunksOf, streamOf } from '../streams.ts'
import { type EntriesSource, nodesOf } from './folder.ts'
import type { TarInput } from './input.ts'
import { destinationOf, type Named, namesOf } from './names.ts'
import { writeTar } from './write.ts'

/** Options of `entriesOf`. */
export interface EntriesOptions extends AbortOptions {
  /** Where the content goes: `app/`. Its folders are added, as is every folder that the source doesn't name. */
  readonly prefix?: string | undefined
  /** Seconds since 1970, set on every entry (SOURCE_DATE_EPOCH). Else the source's times, 0 where it has none. */
  readonly mtime?: number | undefined
  /** Permission bits by the path in the source, where the source has none or wrong ones. */
  readonly mode?: ((path: string) => number | undefined) | undefined
  /** 0:0 unless given. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  /** Folders 0755, files 0644 or with any x bit 0755, times in whole seconds: true unless given. */
  readonly normalise?: boolean | undefined
}

/** Entries to be looked at or written. The source is listed once: each tar has the same names and sizes. */
export interface Entries extends AsyncIterable<TarInput>, TarSource {}

/**
 * Makes the entries of a layer from a folder (`readFolder`, a handle, a drop) or chosen `File`s.
 *
 * They come sorted by the bytes of their paths, parents first; contents are read when their turn comes. Chosen files
 * that all lie in one folder stand for that folder's content.
 *
 * While they are read: `ENTRY_UNREADABLE` for what the platform can't read (nothing is skipped), `ENTRY_INVALID` for
 * a path twice, below a file, or leading out, `SIZE_MISMATCH` for a file that changes meanwhile.
 *
 * @example
 * const layer = await dir.writeLayer(entriesOf(handle, { prefix: 'app/', mtime: 0 }), { codec: gzip() })
 */
export function entriesOf(source: EntriesSource, options: EntriesOptions = {}): Entries {
  const destination = destinationOf(options.prefix ?? '')
  let listed: readonly Named[] | undefined
  async function* entries(read: Reading): AsyncGenerator<TarInput, void, undefined> {
    const { signal } = read
    listed ??= await namesOf(nodesOf(source, { signal }), { destination, signal })
    for (const each of listed) yield entryOf(each, options, read)
  }
  return {
    [Symbol.asyncIterator]: () => entries({ signal: options.signal, chunks: chunksOf }),
    tar: ({ signal = options.signal } = {}) => {
      const tarBy = (chunks: Reading['chunks']) => writeTar(entries({ signal, chunks }), { signal })
      return streamOf(tarBy(chunksOf), { signal, lend: () => tarBy(lentChunksOf) })
    },
  }
}

/** How contents are read: in chunks of their own, or lent. */
interface Reading extends AbortOptions {
  readonly chunks: typeof chunksOf
}

function entryOf(each: Named, options: EntriesOptions, read: Reading): TarInput {
  const { path, node } = each
  const { uid, gid } = options.owner ?? { uid: 0, gid: 0 }
  const common = { path, type: node.kind, mode: modeOf(each, options), uid, gid, ...timeOf(node, options) }
  if (node.kind === 'directory') return common
  if (node.kind === 'symlink') return { ...common, linkname: node.linkname ?? '' }
  return { ...common, size: sizeOf(each), body: () => contentOf(each, read) }
}

function modeOf({ node, sourcePath }: Named, options: EntriesOptions): number {
  const { normalise = true } = options
  // A symlink's own bits mean nothing anywhere.
  if (node.kind === 'symlink') return 0o777
  const given = (sourcePath === undefined ? undefined : options.mode?.(sourcePath)) ?? node.mode
  const mode = given === undefined ? undefined : given & 0o7777
  if (node.kind === 'directory') return normalise ? 0o755 : (mode ?? 0o755)
  if (!normalise) return mode ?? 0o644
  return ((mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755
}

function timeOf(node: SourceNode, options: EntriesOptions): { mtime: number; mtimeNs: number } {
  const { normalise = true } = options
  const { modified = 0 } = node
  if (options.mtime !== undefined) return { mtime: options.mtime, mtimeNs: 0 }
  const mtime = Math.floor(modified / 1000)
  return { mtime, mtimeNs: normalise ? 0 : Math.floor((modified - mtime * 1000) * 1e6) }
}

function sizeOf({ node, sourcePath }: Named): number {
  if (node.size !== undefined && node.stream !== undefined) return node.size
  throw new TypeError(`a source's file needs a size and a stream: ${sourcePath}`)
}

/** What a platform throws while it reads a file, said in our words. */
async function* contentOf(
  { node, sourcePath = '' }: Named,
  { signal, chunks }: Reading,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (node.stream !== undefined) yield* chunks(node.stream({ signal }), { signal })
  } catch (error) {
    if (signal?.aborted || isOciError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new OciError('ENTRY_UNREADABLE', { path: sourcePath, reason }, { cause: error })
  }
}
