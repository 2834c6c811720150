/** The entry point of the room: an image's layers read and stacked to one tree. */

import type { Decoder } from '../codec/codec.ts'
import { gzipDecoder } from '../codec/gunzip.ts'
import { zstdDecoder } from '../codec/zstd/unzstd.ts'
import { hasherSeries } from '../digest.ts'
import { OciError } from '../errors.ts'
import { layersOf } from '../image.ts'
import { type Layer, readLayer } from '../layer.ts'
import type { Layout } from '../layout.ts'
import { limitsWith } from '../limits.ts'
import { atSteadyPace, type ProgressOptions } from '../progress.ts'
import type { Image } from '../resolve.ts'
import type { AbortOptions, Hasher } from '../storage.ts'
import { chunksOf, streamOf } from '../streams.ts'
import type { TarEntry } from '../tar/entry.ts'
import { readTar } from '../tar/read.ts'
import { Budget, defaultTreeLimits, type TreeLimits } from './budget.ts'
import { Changeset } from './changeset.ts'
import type { TreeFile } from './file.ts'
import { type Node, rootNode } from './node.ts'
import { FileTree, type TreeLayer } from './tree.ts'

/** Options of `files`. */
export interface FilesOptions extends ProgressOptions {
  /** What layers may need to be read; gzip and zstd unless given. */
  readonly codecs?: readonly Decoder[] | undefined
  /** SHA-256 of every file, made as layers are read. */
  readonly digests?: boolean | undefined
  /** One layer alone, 0 the base: its entries as they are, whiteouts listed as the files that they are in the tar. */
  readonly layer?: number | undefined
  /** Bounds that differ from `defaultTreeLimits`. */
  readonly limits?: Partial<TreeLimits> | undefined
}

/**
 * Reads an image's layers, each verified, and stacks them to what a container sees (layer.md).
 *
 * Whiteouts hide what is in layers below, wherever they stand in their own. Of two entries of one path in a layer
 * the last counts. Paths are taken as they stand: a symlink on the way to an entry is not followed but replaced by a
 * folder. A hard link keeps its bytes when its first name goes. `onProgress` counts uncompressed bytes.
 *
 * Throws `TAR_INVALID` (also for a path that leads out of the image), `CODEC_MISSING`, `BLOB_MISSING`,
 * `DIGEST_MISMATCH`, `DIFF_ID_MISMATCH`, `LIMIT_EXCEEDED`; `RangeError` for a `layer` that isn't there.
 *
 * @example
 * const tree = await files(image)
 * const text = await new Response(tree.stream('etc/os-release')).text()
 */
export async function files(
  image: Pick<Image, 'layout' | 'manifest' | 'config'>,
  options: FilesOptions = {},
): Promise<FileTree> {
  const layers = layersOf(image)
  return atSteadyPace(options, paced => {
    const reader = new LayerReader(image.layout, layers, paced)
    return options.layer === undefined ? reader.stacked() : reader.single(options.layer)
  })
}

class LayerReader {
  readonly #layout: Layout
  readonly #layers: readonly Layer[]
  readonly #options: FilesOptions
  readonly #codecs: readonly Decoder[]
  readonly #limits: TreeLimits
  readonly #budget: Budget
  #bytes = 0

  constructor(layout: Layout, layers: readonly Layer[], options: FilesOptions) {
    this.#layout = layout
    this.#layers = layers
    this.#options = options
    this.#codecs = options.codecs ?? [gzipDecoder, zstdDecoder]
    this.#limits = limitsWith(defaultTreeLimits, options.limits)
    this.#budget = new Budget(this.#limits)
  }

  async stacked(): Promise<FileTree> {
    let root = rootNode(0)
    const read: TreeLayer[] = []
    for (const [i, layer] of this.#layers.entries()) {
      const changes = new Changeset(i, root)
      read.push(await this.#read(layer, changes))
      root = changes.apply()
    }
    return this.#tree(root, read)
  }

  async single(index: number): Promise<FileTree> {
    const layer = this.#layers[index]
    if (layer === undefined) throw new RangeError(`no layer ${index}: the image has ${this.#layers.length}`)
    const changes = new Changeset(index)
    const read = await this.#read(layer, changes)
    return this.#tree(changes.apply(), [read])
  }

  async #read(layer: Layer, changes: Changeset): Promise<TreeLayer> {
    const { signal, digests = false } = this.#options
    const before = this.#bytes
    const hasher = digests ? await hasherSeries('sha256', this.#layout.engine.native) : undefined
    let entries = 0
    const tar = await this.#tarOf(layer, { signal })
    for await (const entry of readTar(this.#counted(chunksOf(tar)), { limits: this.#limits, signal })) {
      entries++
      this.#budget.entry(entry)
      changes.add(entry, hasher && (await sha256Of(entry, hasher)))
      this.#budget.folders(entry, changes.added)
    }
    return { ...layer, entries, size: this.#bytes - before }
  }

  #tarOf(layer: Layer, { signal }: AbortOptions): Promise<ReadableStream<Uint8Array>> {
    const { maxBytes } = this.#limits
    return readLayer(this.#layout, layer, { codecs: this.#codecs, maxBytes, ...(signal && { signal }) })
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      this.#bytes += chunk.length
      this.#options.onProgress?.({ bytes: this.#bytes })
      yield chunk
    }
  }

  #tree(root: Node, layers: readonly TreeLayer[]): FileTree {
    return new FileTree(root, { layers, readBody: (file, options) => this.#body(file, options) })
  }

  #body(file: TreeFile, { signal }: AbortOptions): ReadableStream<Uint8Array> {
    return streamOf(this.#bodyChunks(file, { signal }), { signal })
  }

  async *#bodyChunks(file: TreeFile, { signal }: AbortOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const layer = this.#layers[file.layer]
    if (layer === undefined) throw new RangeError('a file of another image')
    const tar = await this.#tarOf(layer, { signal })
    for await (const entry of readTar(tar, { limits: this.#limits, signal })) {
      if (entry.offset !== file.offset) continue
      yield* chunksOf(entry.body, { signal })
      return
    }
    throw new OciError('STORAGE_CHANGED', {
      storage: this.#layout.storage.name,
      path: layer.descriptor.digest,
    })
  }
}

/** SHA-256 in hex of a file's bytes; of all else there is none. */
async function sha256Of(
  { type, body }: TarEntry,
  nextHasher: () => Promise<Hasher>,
): Promise<string | undefined> {
  if (type !== 'file' && type !== 'other') return undefined
  const hasher = await nextHasher()
  for await (const chunk of body) hasher.update(chunk)
  return hasher.hex()
}
