/** Node's file-system calls, passed on and written down: put in the place of `node:fs/promises` by `vi.mock`. */

import { existsSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { RecordedDisk } from './power-disk.ts'

/** What the workload says of itself between its calls. */
export type Mark =
  /** The layout's marker and index are there. */
  | { readonly layout: string; readonly is: 'made' }
  | { readonly layout: string; readonly is: 'blob'; readonly digest: string }
  /** A name leads to a digest now, or to none. */
  | { readonly layout: string; readonly is: 'tag'; readonly tag: string; readonly digest: string | undefined }
  /** A call that is about to remove a name will not say whether it did. */
  | { readonly layout: string; readonly is: 'doubt'; readonly tag: string }
  /** Blobs that nothing names may go from here on. */
  | { readonly layout: string; readonly is: 'collecting' }

type Calls = typeof import('node:fs/promises')

/** What happens below one folder of this machine. */
export class Recording {
  readonly disk = new RecordedDisk<Mark>()
  /** What index.json of each layout has ever been. */
  readonly versions = new Map<string, Set<string>>()
  readonly #base: string
  /** Called before each sync: it may wait, or fail in the system's name. */
  onSync: (path: string) => Promise<void> = async () => {}

  constructor(base: string) {
    this.#base = base
  }

  /** The path on the recorded disk, or `undefined` for one elsewhere. */
  within(path: unknown): string | undefined {
    if (path === this.#base) return ''
    return typeof path === 'string' && path.startsWith(`${this.#base}/`)
      ? path.slice(this.#base.length + 1)
      : undefined
  }

  /** Notes a version of index.json. */
  published(path: string): void {
    if (!path.endsWith('/index.json')) return
    const layout = path.slice(0, -'/index.json'.length)
    const version = new TextDecoder().decode(this.disk.bytesOf(this.disk.find(path) ?? 0))
    this.versions.set(layout, (this.versions.get(layout) ?? new Set()).add(version))
  }
}

let current: Recording | undefined

/** From now on what happens is written down here. */
export function record(recording: Recording | undefined): void {
  current = recording
}

/** The module with every call that changes something wrapped. */
export function recorded(calls: Calls): Calls {
  const wrapped: Partial<Record<keyof Calls, unknown>> = {
    open: (...given: Parameters<Calls['open']>) => open(calls, given),
    async mkdir(...given: Parameters<Calls['mkdir']>) {
      if (typeof given[1] === 'object') throw new Error('the recording has no such mkdir: give it one')
      const made = await calls.mkdir(...given)
      change(given[0], (disk, path) => disk.rename([path, disk.newFolder()]))
      return made
    },
    async rename(from: string, to: string) {
      await calls.rename(from, to)
      change(to, (disk, path) => {
        const source = current?.within(from) ?? ''
        disk.rename([path, disk.find(source)], [source, undefined])
        current?.published(path)
      })
    },
    async link(from: string, to: string) {
      await calls.link(from, to)
      change(to, (disk, path) => disk.rename([path, disk.find(current?.within(from) ?? '')]))
    },
    async copyFile(from: string, to: string, mode?: number) {
      try {
        await calls.copyFile(from, to, mode)
      } catch (error) {
        // Node removes what it couldn't fill.
        if (!existsSync(to)) change(to, (disk, path) => disk.removeAll(path))
        throw error
      }
      change(to, (disk, path) => {
        const file = disk.find(path) ?? 0
        disk.write(file, 0, disk.bytesOf(disk.find(current?.within(from) ?? '') ?? 0))
      })
    },
    async unlink(path: string) {
      await calls.unlink(path)
      change(path, (disk, at) => disk.removeAll(at))
    },
    async rmdir(path: string) {
      await calls.rmdir(path)
      change(path, (disk, at) => disk.removeAll(at))
    },
    async rm(...given: Parameters<Calls['rm']>) {
      await calls.rm(...given)
      change(given[0], (disk, at) => disk.removeAll(at))
    },
  }
  for (const name of unwritten) {
    wrapped[name] = () => Promise.reject(new Error(`the recording has no ${name}: give it one`))
  }
  return Object.assign({ ...calls }, wrapped)
}

/** Calls that change a disk and that the adapter doesn't use today. */
const unwritten = ['appendFile', 'cp', 'mkdtemp', 'symlink', 'truncate', 'writeFile'] as const

function change(path: unknown, made: (disk: RecordedDisk<Mark>, path: string) => void): void {
  const within = current?.within(path)
  if (current !== undefined && within !== undefined) made(current.disk, within)
}

async function open(calls: Calls, [path, flags, mode]: Parameters<Calls['open']>): Promise<FileHandle> {
  const handle = await calls.open(path, flags, mode)
  const recording = current
  const within = recording?.within(path)
  if (recording === undefined || within === undefined) return handle
  const { disk } = recording
  if (typeof flags === 'string' && flags.startsWith('w')) {
    if (disk.find(within) === undefined) disk.rename([within, disk.newFile()])
    else if (disk.bytesOf(disk.find(within) ?? 0).length > 0)
      throw new Error(`${path} is truncated: not in the model`)
  }
  const node = disk.find(within)
  if (node === undefined) return handle
  return Object.assign(handle, recordedHandle(handle, { recording, node, path: within }))
}

interface OpenNode {
  readonly recording: Recording
  readonly node: number
  readonly path: string
}

function recordedHandle(handle: FileHandle, { recording, node, path }: OpenNode): object {
  const { disk } = recording
  const write = handle.write.bind(handle) as (...given: unknown[]) => Promise<{ bytesWritten: number }>
  const writeFile = handle.writeFile.bind(handle)
  const syncing = (call: () => Promise<void>) => async (): Promise<void> => {
    const upTo = disk.ops.length
    await recording.onSync(path)
    await call()
    disk.sync(node, upTo)
  }
  return {
    async write(...[bytes, at, length, position]: [Uint8Array, number, number, number]) {
      const result = await write(bytes, at, length, position)
      disk.write(node, position, bytes.subarray(at, at + result.bytesWritten))
      return result
    },
    async writeFile(bytes: Uint8Array) {
      await writeFile(bytes)
      disk.write(node, 0, bytes)
    },
    sync: syncing(handle.sync.bind(handle)),
    datasync: syncing(handle.datasync.bind(handle)),
  }
}
