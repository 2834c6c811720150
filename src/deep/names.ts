/** The names of one layer: what stands at each path, and what of it readers would disagree about. */

import { pace } from '../codec/pace.ts'
import { OciError, quote } from '../errors.ts'
import { keyOf, namesOf, type PathKey, textOf as textOfKey } from '../files/path.ts'
import { whiteoutOf } from '../files/whiteout.ts'
import type { FindPath, LayerFinding } from '../fsck-layers.ts'
import type { AbortOptions } from '../storage.ts'
import type { TarType } from '../tar/entry.ts'
import { textOf } from '../tar/fault.ts'
import type { Member } from '../tar/member.ts'
import { Below } from './below.ts'
import type { LayerLimits } from './limits.ts'
import { type Link, Links } from './links.ts'
import { type EntryPlace, Notes } from './notes.ts'

/** What a path is: `implicit` are folders without an entry of their own. */
type Kind = TarType | 'implicit'

/** An entry that names another path, which may be in a layer below. */
interface Pointer extends EntryPlace {
  readonly target: PathKey
}

/** Takes a layer's entries and notes what is wrong with their names. */
export class Names {
  readonly #notes: Notes
  readonly #maxSize: number
  readonly #maxPathSize: number
  readonly #kinds = new Map<PathKey, Kind>()
  readonly #links = new Links()
  readonly #hidden: Pointer[] = []
  #size = 0
  #isWhole = true

  constructor(notes: Notes, limits: Pick<LayerLimits, 'maxNamesSize' | 'maxPathSize'>) {
    this.#notes = notes
    this.#maxSize = limits.maxNamesSize
    this.#maxPathSize = limits.maxPathSize
  }

  /** Estimated bytes that are held. */
  get size(): number {
    return this.#size
  }

  /** All names of the layer are there. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Some entries couldn't be read: what isn't there may be one of them. */
  lose(): void {
    this.#isWhole = false
  }

  /** Takes an entry. */
  add({ path, type, linkname, offset }: Member): void {
    const found = Math.max(path.length, linkname.length)
    if (found > this.#maxPathSize) {
      const data = { limit: 'maxPathSize', max: this.#maxPathSize, found }
      this.#notes.fault(new OciError('LIMIT_EXCEEDED', data))
      this.lose()
      return
    }
    const place = { entry: textOf(path), offset }
    const key = keyOf(path)
    const names = namesOf(key)
    if (names === undefined) {
      const message = 'the path leads out of the image'
      this.#notes.add('error', 'PATH_ESCAPES', { ...place, message })
      return
    }
    if (key.startsWith('/') || (key.includes('..') && key.split('/').includes('..'))) {
      const message = 'an absolute path, or one that goes back: readers tidy it up'
      this.#notes.add('info', 'PATH_UNTIDY', { ...place, message })
    }
    // Names beyond the bound aren't held, and so none can be compared.
    if (this.#size > this.#maxSize) return
    this.#whiteout(names, place)
    const at = names.join('/')
    this.#links.delete(at)
    if (type === 'hardlink') this.#link(at, linkname, place)
    this.#put(names, type, place)
  }

  /** Looks at what could be told only when all entries were there. */
  end(): void {
    for (const link of this.#links.settle(this.find)) noteEarly(this.#notes, link)
  }

  /** Something in the layer is only right, or only wrong, on top of others. */
  get asksBelow(): boolean {
    return this.#isWhole && !(this.#links.isEmpty && this.#hidden.length === 0)
  }

  /** What the layer has at a path. */
  readonly find: FindPath = path => {
    const kind = this.#kinds.get(path)
    if (kind === undefined) return undefined
    return isFolder(kind) ? 'folder' : 'other'
  }

  /** What names nothing, neither here nor in the layers below. A path that one of those hides counts as there. */
  async over(
    below: readonly FindPath[],
    { max, signal }: { readonly max: number } & AbortOptions,
  ): Promise<LayerFinding[]> {
    const notes = new Notes(max)
    if (!this.#isWhole) return []
    const stack = new Below(this.find, below, pace({ signal }))
    for await (const { link, isDangling } of this.#links.faults(stack, this.find)) {
      if (isDangling) noteDangling(notes, link)
      else noteEarly(notes, link)
    }
    for (const whiteout of this.#hidden) {
      if (await stack.hasAny(whiteout.target)) continue
      const message = 'a whiteout of what no layer below has'
      notes.add('info', 'WHITEOUT_OF_NOTHING', { ...placeOf(whiteout), message })
    }
    return notes.list()
  }

  #whiteout(names: readonly PathKey[], place: EntryPlace): void {
    const whiteout = whiteoutOf(names)
    if (whiteout?.kind === 'invalid')
      this.#notes.add('error', 'WHITEOUT_INVALID', { ...place, message: 'a whiteout of nothing' })
    else if (whiteout?.kind === 'opaque' && names.length === 1) {
      const message = 'an opaque whiteout in the root: it hides all layers below'
      this.#notes.add('info', 'LAYERS_HIDDEN', { ...place, message })
    } else if (whiteout?.kind === 'hide')
      this.#keep(this.#hidden, { ...place, target: [...names.slice(0, -1), whiteout.name].join('/') })
  }

  #link(path: PathKey, linkname: Uint8Array, place: EntryPlace): void {
    const target = namesOf(keyOf(linkname))?.join('/')
    if (target === undefined) {
      const message = "the hard link's target leads out of the image"
      this.#notes.add('error', 'PATH_ESCAPES', { ...place, message })
      return
    }
    const isThere = this.find(target) === 'other'
    const isBehind = isThere && this.#links.has(target)
    if (isThere && !isBehind) return
    if (!this.#take(path.length + target.length + (place.entry?.length ?? 0))) return
    this.#links.add({ ...place, path: ownCopy(path), target: ownCopy(target), isBehind })
  }

  #put(names: readonly PathKey[], type: TarType, place: EntryPlace): void {
    const path = names.join('/')
    this.#folders(names, place)
    const there = this.#kinds.get(path)
    if (names.length === 0 && type !== 'directory') this.#conflict(type, there, place)
    else if (there !== undefined && isFolder(there) !== isFolder(type)) this.#conflict(type, there, place)
    else if (there !== undefined && there !== 'implicit') this.#duplicate(type, place)
    this.#set(path, type)
  }

  /** The folders above a path, which must be folders. Those of a folder that is there were looked at with it. */
  #folders(names: readonly PathKey[], place: EntryPlace): void {
    const folder = names.slice(0, -1).join('/')
    const missing: PathKey[] = []
    let there: Kind | undefined
    for (let at = folder; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
      there = this.#kinds.get(at)
      if (there !== undefined) break
      missing.push(at)
    }
    if (there === undefined || isFolder(there)) {
      for (const at of missing.reverse()) this.#set(at, 'implicit')
      return
    }
    this.#conflict('implicit', there, place)
    // Told once for all that is in it.
    if (missing.length > 0) this.#set(folder, 'implicit')
  }

  #duplicate(type: TarType, place: EntryPlace): void {
    const message = 'the path is there twice; readers take the last'
    // A folder on a folder keeps what is in it.
    const severity = isFolder(type) ? 'info' : 'warning'
    this.#notes.add(severity, 'PATH_DUPLICATE', { ...place, message })
  }

  #conflict(type: Kind, there: Kind | undefined, place: EntryPlace): void {
    const before = there === undefined ? 'the root' : nouns[there]
    const message = `${nouns[type]} where the layer has ${before} already: readers differ`
    // Readers that follow the link inside of the image are many, and so are images that count on it.
    const isMild = there === 'symlink' && type === 'implicit'
    this.#notes.add(isMild ? 'warning' : 'error', 'PATH_CONFLICT', { ...place, message })
  }

  #set(path: PathKey, kind: Kind): void {
    if (this.#kinds.has(path)) this.#kinds.set(path, kind)
    else if (this.#take(path.length)) this.#kinds.set(ownCopy(path), kind)
  }

  #keep(list: Pointer[], pointer: Pointer): void {
    if (this.#take(pointer.target.length + (pointer.entry?.length ?? 0)))
      list.push({ ...pointer, target: ownCopy(pointer.target) })
  }

  #take(bytes: number): boolean {
    if (this.#size + bytes + perName <= this.#maxSize) {
      this.#size += bytes + perName
      return true
    }
    if (this.#size <= this.#maxSize) {
      this.#notes.fault(new OciError('LIMIT_EXCEEDED', { limit: 'maxNamesSize', max: this.#maxSize }))
    }
    // Beyond the bound for good, and told once.
    this.#size = Number.POSITIVE_INFINITY
    this.#isWhole = false
    return false
  }
}

const perName = 64

/** A part of a string keeps the whole of it in memory, which isn't counted. */
function ownCopy(path: PathKey): PathKey {
  return ` ${path}`.slice(1)
}

const nouns: Readonly<Record<Kind, string>> = {
  file: 'a file',
  directory: 'a folder',
  implicit: 'a folder',
  symlink: 'a symlink',
  hardlink: 'a hard link',
  char: 'a device',
  block: 'a device',
  fifo: 'a fifo',
  other: 'an entry of unknown type',
}

function isFolder(kind: Kind): boolean {
  return kind === 'directory' || kind === 'implicit'
}

function noteEarly(notes: Notes, link: Link): void {
  const message = 'a hard link that stands before what it names'
  notes.add('warning', 'HARDLINK_FORWARD', { ...placeOf(link), message })
}

function noteDangling(notes: Notes, link: Link): void {
  const message = `a hard link to ${quote(textOfKey(link.target).text)}, which is no file here or below`
  notes.add('error', 'HARDLINK_DANGLING', { ...placeOf(link), message })
}

function placeOf({ entry, offset }: EntryPlace): EntryPlace {
  return { ...(entry !== undefined && { entry }), offset }
}
