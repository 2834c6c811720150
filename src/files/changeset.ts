/** One layer as a set of changes: what it has, and what it hides of the layers below (layer.md). */

import { OciError } from '../errors.ts'
import type { TarEntry } from '../tar/entry.ts'
import { fileOf, linkedTo, linkKeyOf, originalOf, type TreeFile } from './file.ts'
import { type Node, nodeAt, overlay, put, remove, rootNode } from './node.ts'
import { keyOf, namesOf, type PathKey } from './path.ts'
import { whiteoutOf } from './whiteout.ts'

/** A file's entry and its place in the tree. */
interface Added {
  readonly names: readonly PathKey[]
  readonly file: TreeFile
}

/**
 * The changes of one layer, taken entry by entry. What it hides is hidden when all is read, so the order of
 * whiteouts in the tar makes no difference, and they never hide what their own layer has.
 */
export class Changeset {
  readonly #own: Node
  readonly #below: Node | undefined
  readonly #layer: number
  readonly #hidden: (readonly PathKey[])[] = []
  readonly #opaque: (readonly PathKey[])[] = []
  /** Where AUFS kept the files that several hard links name. */
  readonly #aufs = new Map<PathKey, TreeFile>()
  /** Links to what the tar hadn't had yet. */
  readonly #open: Added[] = []
  #added = 0

  /** `below` is what the layers below have made; without it whiteouts count as ordinary files. */
  constructor(layer: number, below?: Node) {
    this.#own = rootNode(layer)
    this.#below = below
    this.#layer = layer
  }

  /** Names that came to be with the last entry, implicit folders included. */
  get added(): number {
    return this.#added
  }

  /** Takes an entry. Throws `TAR_INVALID` for a path that leads out of the image and for a whiteout of nothing. */
  add(entry: TarEntry, sha256?: string): void {
    const names = namesOf(keyOf(entry.rawPath))
    if (names === undefined) throw refused(entry, 'the path leads out of the image')
    if (names.length === 0 && entry.type !== 'directory') throw refused(entry, 'the root is not a directory')
    if (this.#below !== undefined && this.#hides(names, entry, sha256)) return
    this.#put({ names, file: this.#file(entry, names, sha256) })
  }

  /** The tree with these changes made: that of the layers below, or the layer's own where none was given. */
  apply(): Node {
    // Both ways: a link to what comes later may name another such link.
    for (const link of [...this.#open, ...this.#open.slice().reverse()]) this.#settle(link)
    const below = this.#below
    if (below === undefined) return this.#own
    for (const folder of this.#opaque) nodeAt(below, folder)?.children?.clear()
    for (const names of this.#hidden) remove(below, names)
    overlay(below, this.#own)
    return below
  }

  #hides(names: readonly PathKey[], entry: TarEntry, sha256: string | undefined): boolean {
    const whiteout = whiteoutOf(names)
    const folder = names.slice(0, -1)
    switch (whiteout?.kind) {
      case undefined:
        return false
      case 'invalid':
        throw refused(entry, 'a whiteout of nothing')
      case 'hide':
        this.#hidden.push([...folder, whiteout.name])
        break
      case 'opaque':
        this.#opaque.push(folder)
        break
      case 'aufs':
        this.#aufs.set(names.join('/'), this.#file(entry, names, sha256))
    }
    this.#added = 0
    return true
  }

  #file(entry: TarEntry, names: readonly PathKey[], sha256: string | undefined): TreeFile {
    const file = fileOf(entry, names.join('/'), this.#layer)
    return sha256 === undefined ? file : { ...file, sha256 }
  }

  #put({ names, file }: Added): void {
    const original = file.type === 'hardlink' ? this.#originalOf(file) : undefined
    if (file.type === 'hardlink' && original === undefined) this.#open.push({ names, file })
    this.#added = put(this.#own, names, original === undefined ? file : linkedTo(file, original))
  }

  /** As an extractor finds it: what this layer has had so far, else what the layers below have. */
  #originalOf(link: TreeFile): TreeFile | undefined {
    const names = namesOf(linkKeyOf(link)) ?? []
    const own = nodeAt(this.#own, names)?.file ?? this.#aufs.get(names.join('/'))
    const below = this.#below === undefined ? undefined : nodeAt(this.#below, names)?.file
    return linkable(own) ?? linkable(below)
  }

  #settle({ names, file: link }: Added): void {
    const node = nodeAt(this.#own, names)
    // Another entry of the same path may have taken its place.
    if (node?.file !== link) return
    const original = this.#originalOf(link)
    if (original !== undefined) node.file = linkedTo(link, original)
  }
}

function linkable(file: TreeFile | undefined): TreeFile | undefined {
  return file === undefined || file.type === 'directory' ? undefined : originalOf(file)
}

function refused({ path, offset }: TarEntry, reason: string): OciError {
  return new OciError('TAR_INVALID', { reason, offset, entry: path })
}
