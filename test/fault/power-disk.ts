/**
 * A disk that loses its power: what a recorded run of file-system calls may leave behind.
 *
 * The model, which is meant to be as bad as a disk may legally be:
 * - A file's bytes are durable once `fsync` or `fdatasync` of that file has begun after their write and returned. Each
 *   write that isn't durable may be there, be absent, be there in part, or have its length with zeros for bytes.
 * - A name (made, replaced or removed) is durable once `fsync` of its folder has begun after that call and returned. An
 *   fsync of a file says nothing of its name, one of a folder nothing of its own name in its parent.
 * - Names that aren't durable survive in one of three ways, drawn by lot:
 *   `journal`: the first so many changes of the whole disk, in their order (ext4, XFS, Btrfs);
 *   `folders`: of each folder the first so many, folders independent of each other;
 *   `names`: of each name any of the states that it has had since, whatever became of its neighbours.
 * - A rename is one change in a journal, and two in the other ways (the new name there, the old one still or not).
 * Nothing is asked of the order between bytes and names: a journal may know a file whose bytes were never written.
 */

/** One call, as far as it changes what is on the disk. */
export type Op<Mark> =
  | { readonly do: 'names'; readonly changes: readonly NameChange[] }
  | { readonly do: 'write'; readonly file: number; readonly at: number; readonly bytes: Uint8Array }
  /** All calls before `upTo` had ended when it began. */
  | { readonly do: 'sync'; readonly node: number; readonly upTo: number }
  | { readonly do: 'mark'; readonly mark: Mark }

/** A name in a folder leads to another file or folder, or to none. */
export interface NameChange {
  readonly folder: number
  readonly name: string
  readonly node: number | undefined
}

export const models = ['journal', 'folders', 'names'] as const

/** Files have numbers above zero. */
const isFolder = (node: number): boolean => node <= 0

/** Whole numbers below 2^32, as `prng` makes them. */
export type Random = () => number

/** What is left after a loss of power. */
export interface Survivors {
  /** Files by their paths from the disk's root. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Something that had been done before the crash is gone. */
  readonly lost: boolean
}

/** The calls of one run, and the state that they came to. */
export class RecordedDisk<Mark> {
  readonly ops: Op<Mark>[] = []
  readonly #folders = new Map<number, Map<string, number>>([[0, new Map()]])
  readonly #files = new Map<number, Uint8Array>()
  #last = 0

  /** The file or folder of a path, or `undefined`. */
  find(path: string): number | undefined {
    let node: number | undefined = 0
    for (const name of path.split('/').filter(part => part !== '')) {
      node = node === undefined ? undefined : this.#folders.get(node)?.get(name)
    }
    return node
  }

  newFile(): number {
    this.#files.set(++this.#last, new Uint8Array())
    return this.#last
  }

  newFolder(): number {
    const folder = -++this.#last
    this.#folders.set(folder, new Map())
    return folder
  }

  bytesOf(file: number): Uint8Array {
    return this.#files.get(file) ?? new Uint8Array()
  }

  /** Lets paths lead to other nodes, in one call. */
  rename(...changes: readonly (readonly [path: string, node: number | undefined])[]): void {
    const made = changes.map(([path, node]): NameChange => {
      const slash = path.lastIndexOf('/')
      const folder = this.find(path.slice(0, Math.max(0, slash)))
      if (folder === undefined) throw new Error(`the recording knows no folder of ${path}`)
      return { folder, name: path.slice(slash + 1), node }
    })
    for (const { folder, name, node } of made) apply(this.#folders, { folder, name, node })
    this.ops.push({ do: 'names', changes: made })
  }

  /** Removes a path and all below it, what is inside first. */
  removeAll(path: string): void {
    const node = this.find(path)
    if (node === undefined) return
    for (const name of [...(this.#folders.get(node)?.keys() ?? [])]) this.removeAll(`${path}/${name}`)
    this.rename([path, undefined])
  }

  write(file: number, at: number, bytes: Uint8Array): void {
    const copy = bytes.slice()
    this.#files.set(file, written(this.bytesOf(file), at, copy))
    this.ops.push({ do: 'write', file, at, bytes: copy })
  }

  sync(node: number, upTo: number): void {
    this.ops.push({ do: 'sync', node, upTo })
  }

  mark(mark: Mark): void {
    this.ops.push({ do: 'mark', mark })
  }

  /** Every file there is now. */
  files(): ReadonlyMap<string, Uint8Array> {
    return treeOf(this.#folders, file => this.bytesOf(file))
  }
}

/** Cuts the power after the first `at` calls, and draws what of them is left. */
export function survivors<Mark>(
  ops: readonly Op<Mark>[],
  {
    at,
    model,
    random,
  }: { readonly at: number; readonly model: (typeof models)[number]; readonly random: Random },
): Survivors {
  const durable = durableOf(ops, at)
  const names = survivingNames(ops, { at, model, random, durable })
  const contents = new Contents(ops, { at, random, durable })
  const files = treeOf(names.folders, file => contents.of(file))
  return { files, lost: names.lost || contents.lost }
}

/** Of each file and folder: before which call all that was done to it is durable. */
function durableOf<Mark>(ops: readonly Op<Mark>[], at: number): ReadonlyMap<number, number> {
  const durable = new Map<number, number>()
  for (let i = 0; i < at; i++) {
    const op = ops[i]
    if (op?.do === 'sync') durable.set(op.node, Math.max(durable.get(op.node) ?? 0, op.upTo))
  }
  return durable
}

type Folders = Map<number, Map<string, number>>

interface Draw {
  readonly at: number
  readonly model: (typeof models)[number]
  readonly random: Random
  readonly durable: ReadonlyMap<number, number>
}

function survivingNames<Mark>(ops: readonly Op<Mark>[], draw: Draw): { folders: Folders; lost: boolean } {
  const folders: Folders = new Map()
  const keeps = keeper(ops, draw)
  let lost = false
  // With `names`, a change that is dropped must not hide an earlier one that is durable: the last one kept wins.
  for (let i = 0; i < draw.at; i++) {
    const op = ops[i]
    if (op?.do !== 'names') continue
    for (const change of op.changes) {
      if (keeps(i, change)) apply(folders, change)
      else lost = true
    }
  }
  return { folders, lost }
}

/** Tells of each change whether it is among those that survive. */
function keeper<Mark>(
  ops: readonly Op<Mark>[],
  { at, model, random, durable }: Draw,
): (i: number, change: NameChange) => boolean {
  const until = (from: number): number => cut(from, at, random)
  if (model === 'journal') {
    const folders = ops.slice(0, at).map(op => (op.do === 'sync' && isFolder(op.node) ? op.upTo : 0))
    const end = until(folders.reduce((a, b) => Math.max(a, b), 0))
    return i => i < end
  }
  const ends = new Map<number | string, number>()
  return (i, { folder, name }) => {
    const key = model === 'folders' ? folder : `${folder}/${name}`
    const end = ends.get(key) ?? until(durable.get(folder) ?? 0)
    ends.set(key, end)
    return i < end
  }
}

/** Mostly all or nothing of what may be lost, for that is where the traps are. */
function cut(from: number, to: number, random: Random): number {
  const lot = random() % 4
  if (lot === 0 || from >= to) return to
  return lot === 1 ? from : from + (random() % (to - from + 1))
}

/** The bytes of each file, drawn when they are asked for the first time: one file may have two names. */
class Contents {
  lost = false
  readonly #writes = new Map<
    number,
    { readonly i: number; readonly at: number; readonly bytes: Uint8Array }[]
  >()
  readonly #drawn = new Map<number, Uint8Array>()
  readonly #random: Random
  readonly #durable: ReadonlyMap<number, number>

  constructor(ops: readonly Op<unknown>[], { at, random, durable }: Omit<Draw, 'model'>) {
    this.#random = random
    this.#durable = durable
    for (let i = 0; i < at; i++) {
      const op = ops[i]
      if (op?.do !== 'write') continue
      const writes = this.#writes.get(op.file) ?? []
      writes.push({ i, at: op.at, bytes: op.bytes })
      this.#writes.set(op.file, writes)
    }
  }

  of(file: number): Uint8Array {
    const drawn = this.#drawn.get(file) ?? this.#draw(file)
    this.#drawn.set(file, drawn)
    return drawn
  }

  #draw(file: number): Uint8Array {
    const durable = this.#durable.get(file) ?? 0
    const mood = this.#random() % 4
    let bytes = new Uint8Array()
    for (const write of this.#writes.get(file) ?? []) {
      const fate = write.i < durable || mood === 0 ? 0 : mood === 1 ? 1 : this.#random() % 4
      if (fate !== 0) this.lost = true
      if (fate === 0) bytes = written(bytes, write.at, write.bytes)
      if (fate === 2) bytes = written(bytes, write.at, new Uint8Array(write.bytes.length))
      if (fate === 3)
        bytes = written(bytes, write.at, write.bytes.subarray(0, this.#random() % write.bytes.length))
    }
    return bytes
  }
}

function written(bytes: Uint8Array, at: number, chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(Math.max(bytes.length, at + chunk.length))
  next.set(bytes)
  next.set(chunk, at)
  return next
}

function apply(folders: Folders, { folder, name, node }: NameChange): void {
  const entries = folders.get(folder) ?? new Map<string, number>()
  folders.set(folder, entries)
  if (node === undefined) entries.delete(name)
  else entries.set(name, node)
}

function treeOf(folders: Folders, bytesOf: (file: number) => Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const visit = (folder: number, path: string): void => {
    for (const [name, node] of folders.get(folder) ?? []) {
      if (isFolder(node)) visit(node, `${path}${name}/`)
      else files.set(`${path}${name}`, bytesOf(node))
    }
  }
  visit(0, '')
  return files
}
