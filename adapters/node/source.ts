/** A folder on a disk as the source of a layer: names as bytes, links as links, contents when their turn comes. */

import type { Stats } from 'node:fs'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, readlink } from 'node:fs/promises'
import { OciError } from '../../src/errors.ts'
import type { AbortOptions, SourceNode } from '../../src/storage.ts'
import { streamOf } from '../../src/streams.ts'
import { errnoOf } from './faults.ts'

/**
 * Lists all that is below a folder, for `entriesOf`; each time anew.
 *
 * Symlinks are given as they are and never followed, hard links as files of their own. Throws `ENTRY_UNREADABLE` for
 * what can't be read or can't go into a layer (sockets, devices), and for a file that changed since it was listed.
 *
 * @example
 * const layer = await dir.writeLayer(entriesOf(readFolder('dist'), { prefix: 'app/' }), { codec: gzip() })
 */
export function readFolder(path: string, options: AbortOptions = {}): AsyncIterable<SourceNode> {
  const root = { disk: Buffer.from(path), path: Buffer.alloc(0) }
  return { [Symbol.asyncIterator]: () => below(root, options.signal) }
}

/** A name on the disk, and its path from the folder that is read. */
interface Place {
  readonly disk: Buffer
  readonly path: Buffer
}

// As many calls as the file system's threads can take at once, and some in waiting.
const concurrency = 16
const chunkSize = 256 << 10

async function* below(
  folder: Place,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceNode, void, undefined> {
  signal?.throwIfAborted()
  const names = await readable(folder, readdir(folder.disk, { encoding: 'buffer' }))
  for (let start = 0; start < names.length; start += concurrency) {
    const places = names.slice(start, start + concurrency).map(name => inside(folder, name))
    const nodes = await Promise.all(places.map(nodeAt))
    for (const [index, node] of nodes.entries()) {
      signal?.throwIfAborted()
      yield node
      const place = places[index]
      if (node.kind === 'directory' && place !== undefined) yield* below(place, signal)
    }
  }
}

async function nodeAt(place: Place): Promise<SourceNode> {
  const stats = await readable(place, lstat(place.disk))
  const common = { path: named(place.path), mode: stats.mode & 0o7777, modified: stats.mtimeMs }
  if (stats.isDirectory()) return { ...common, kind: 'directory' }
  if (stats.isSymbolicLink()) {
    const target = await readable(place, readlink(place.disk, { encoding: 'buffer' }))
    return { ...common, kind: 'symlink', linkname: named(target) }
  }
  if (!stats.isFile()) throw unreadable(place, `it is a ${kindOf(stats)}`)
  const stream: SourceNode['stream'] = options =>
    streamOf(contentOf(place, stats), { ...options, lend: () => contentOf(place, stats, 'lent') })
  return { ...common, kind: 'file', size: stats.size, stream }
}

/** The bytes that were there when the file was listed, or an error; in chunks of their own, or all in one buffer. */
async function* contentOf(
  place: Place,
  listed: Stats,
  as: 'own' | 'lent' = 'own',
): AsyncGenerator<Uint8Array, void, undefined> {
  // What has become a link or a pipe since then must neither be followed nor waited for.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  const file = await readable(place, open(place.disk, flags))
  try {
    await checkUnchanged(file, place, listed)
    let left = listed.size
    let spare: Buffer | undefined
    while (left > 0) {
      const buffer: Buffer = spare ?? Buffer.allocUnsafeSlow(Math.min(left, chunkSize))
      const { bytesRead } = await readable(place, file.read(buffer, 0, Math.min(left, buffer.length), null))
      if (bytesRead === 0) break
      left -= bytesRead
      yield new Uint8Array(buffer.buffer, 0, bytesRead)
      if (as === 'lent') spare = buffer
    }
    await checkUnchanged(file, place, listed)
  } finally {
    await file.close()
  }
}

async function checkUnchanged(file: FileHandle, place: Place, listed: Stats): Promise<void> {
  const now = await readable(place, file.stat())
  const same = now.isFile() && now.size === listed.size && now.mtimeMs === listed.mtimeMs
  if (!same) throw unreadable(place, 'it changed while it was read')
}

function inside(folder: Place, name: Buffer): Place {
  const slash = Buffer.from('/')
  const path = folder.path.length === 0 ? name : Buffer.concat([folder.path, slash, name])
  return { disk: Buffer.concat([folder.disk, slash, name]), path }
}

/** A name as text where it is UTF-8, else its bytes. */
function named(bytes: Buffer): string | Uint8Array {
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : new Uint8Array(bytes)
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) return 'socket'
  return stats.isFIFO() ? 'pipe' : 'device'
}

async function readable<T>(place: Place, reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw unreadable(place, errnoOf(error) ?? String(error), error)
  }
}

function unreadable(place: Place, reason: string, cause?: unknown): OciError {
  const path = place.path.length === 0 ? place.disk : place.path
  return new OciError('ENTRY_UNREADABLE', { path: path.toString('utf8'), reason }, { cause })
}
