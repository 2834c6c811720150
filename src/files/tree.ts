/** An image's files as one tree: found by path, listed, and streamed out of the layers that hold them. */

import { OciError } from '../errors.ts'
import type { Layer } from '../layer.ts'
import { checkLimit, limitsWith } from '../limits.ts'
import type { AbortOptions } from '../storage.ts'
import { collect } from '../streams.ts'
import { originalOf, type TreeFile } from './file.ts'
import { follow } from './follow.ts'
import { filesBelow, type Node, nodeAt } from './node.ts'
import { keyOf, keyOfText, namesOf, type PathKey } from './path.ts'

/** A path from the image's root, as text or bytes: `etc/passwd`, `/etc/passwd` and `./etc/passwd` are one. */
export type TreePath = string | Uint8Array

/** Options of `FileTree.find`. */
export interface FindOptions {
  /** Symlinks are followed inside the image, as a process with this root would; false unless given. */
  readonly follow?: boolean | undefined
}

/** Options of `FileTree.stream`. */
export interface ReadFileOptions extends AbortOptions {
  /** Symlinks are followed inside the image; true unless given. */
  readonly follow?: boolean | undefined
}

/** What was read of a layer. */
export interface TreeLayer extends Layer {
  /** Tar entries, whiteouts and the root's own among them. */
  readonly entries: number
  /** Bytes of the uncompressed tar. */
  readonly size: number
}

/** Streams a file's bytes out of its layer. */
export type ReadBody = (file: TreeFile, options: AbortOptions) => ReadableStream<Uint8Array>

/** The files of an image, or of one of its layers; made by `files`. Names and attributes only: bytes stay in the layers. */
export class FileTree {
  /** The layers that were read, the base first. */
  readonly layers: readonly TreeLayer[]
  readonly #root: Node
  readonly #readBody: ReadBody
  #sorted: readonly TreeFile[] | undefined

  /** For `files` only. */
  constructor(root: Node, { layers, readBody }: { layers: readonly TreeLayer[]; readBody: ReadBody }) {
    this.#root = root
    this.layers = layers
    this.#readBody = readBody
  }

  /** How many names there are, implicit folders among them, the root not. */
  get size(): number {
    return this.#all().length
  }

  /** Every file below the root, in the order of their paths' bytes. */
  entries(): IterableIterator<TreeFile> {
    return this.#all().values()
  }

  /** What is right below a folder, in the order of its names' bytes; nothing for what isn't a folder. */
  list(path: TreePath): TreeFile[] {
    const children = this.#node(path)?.children ?? new Map<PathKey, Node>()
    return [...children].sort(byKey).map(([, { file }]) => file)
  }

  /**
   * The file at a path, or `undefined`. Without `follow` a symlink is what it is and nothing is below it; with it
   * the file that it leads to, never out of the image.
   */
  find(path: TreePath, options: FindOptions = {}): TreeFile | undefined {
    if (options.follow !== true) return this.#node(path)?.file
    const found = follow(this.#root, keyOfPath(path))
    return found === 'loop' ? undefined : found?.file
  }

  /**
   * A file's bytes; symlinks and hard links are followed. Throws `FILE_NOT_FOUND`, also for what isn't a file.
   *
   * The layer is read up to the file and no further, so its digests can't be checked again: `files` checked the
   * whole layer when the tree was made.
   *
   * @example
   * const text = await new Response(tree.stream('etc/os-release')).text()
   */
  stream(path: TreePath | TreeFile, options: ReadFileOptions = {}): ReadableStream<Uint8Array> {
    return this.#readBody(this.#content(path, options), options)
  }

  /** A file's bytes at once. Throws `LIMIT_EXCEEDED` above `max` bytes (64 MiB), and what `stream` throws. */
  async bytes(
    path: TreePath | TreeFile,
    options: ReadFileOptions & { readonly max?: number | undefined } = {},
  ): Promise<Uint8Array> {
    const { signal } = options
    const { max } = limitsWith({ max: 64 << 20 }, { max: options.max })
    const file = this.#content(path, options)
    checkLimit({ max }, 'max', { found: file.size, where: file.path })
    return collect(this.#readBody(file, { signal }), { max, where: file.path, signal })
  }

  #all(): readonly TreeFile[] {
    this.#sorted ??= Array.from(filesBelow(this.#root), ({ key, file }): [PathKey, TreeFile] => [key, file])
      .sort(byKey)
      .map(([, file]) => file)
    return this.#sorted
  }

  #node(path: TreePath): Node | undefined {
    const names = namesOf(keyOfPath(path))
    return names && nodeAt(this.#root, names)
  }

  #content(path: TreePath | TreeFile, { follow: follows = true }: ReadFileOptions): TreeFile {
    const isPath = typeof path === 'string' || path instanceof Uint8Array
    const shown = typeof path === 'string' ? path : isPath ? new TextDecoder().decode(path) : path.path
    const found = isPath ? (follows ? follow(this.#root, keyOfPath(path)) : this.#node(path)) : { file: path }
    if (found === undefined) throw new OciError('FILE_NOT_FOUND', { path: shown })
    if (found === 'loop') throw notAFile(shown, 'loop of symlinks')
    const original = originalOf(found.file)
    if (original?.type === 'file') return original
    throw notAFile(shown, original?.type ?? 'hard link that leads nowhere')
  }
}

function keyOfPath(path: TreePath): PathKey {
  return typeof path === 'string' ? keyOfText(path) : keyOf(path)
}

function notAFile(path: string, found: string): OciError {
  return new OciError('FILE_NOT_FOUND', { path, found })
}

/** Keys hold a byte a character, so text order is byte order. */
function byKey([a]: readonly [PathKey, unknown], [b]: readonly [PathKey, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
