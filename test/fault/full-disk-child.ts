/**
 * Work on a disk that fills, in a process and a mount namespace of its own: nobody else sees the disk, and it goes with the
 * process, however that ends. Bundled by `child.ts`, begun by `unshare`.
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { folder } from '../../adapters/node/index.ts'
import { copy } from '../../src/copy/copy.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { gc } from '../../src/gc.ts'
import { draft, pushLayer } from '../../src/image.ts'
import { editIndex, withEntry } from '../../src/index-json.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StagedFile, StorageAdapter } from '../../src/storage.ts'
import { noise } from '../golden/inputs.ts'
import { forwarding } from '../suites/forwarding.ts'
import type { Attempt, DiskJob } from './full-disk-job.ts'

const page = 4096
const job: DiskJob = JSON.parse(process.argv[2] ?? '')
const place = join(job.parent, 'disk')
const layoutDir = join(place, 'layout')
const blobsDir = join(layoutDir, 'blobs/sha256')
const amd64 = { os: 'linux', architecture: 'amd64' }
let swallowed = 0

const attempts: Attempt[] = []
for (const free of job.free)
  for (const [name, work] of Object.entries(works())) attempts.push(await attempt(name, free, work))
process.stdout.write(JSON.stringify(attempts))

type Work = (dir: OciDir<StorageAdapter>) => Promise<unknown>

/** What is tried when so little is left. */
function works(): Record<string, Work> {
  const writing = { layer: (dir: OciDir<StorageAdapter>) => dir.writeLayer(noise(60_000, 1)) }
  if (job.broken) return writing
  return {
    ...writing,
    image: async dir =>
      dir.writeImage(pushLayer(draft(amd64), await dir.writeLayer(noise(20_000, 2))), { tag: 'image' }),
    // Of many tags: the disk fills in the middle of its bytes.
    tag: dir => dir.tag('base', 'another'),
    async copy(dir) {
      const library = await OciDir.open(folder(join(place, 'library')))
      // Blobs of another disk can't be shared, as those of this one would be.
      const foreign = forwarding(dir.storage, { adopt: async () => undefined })
      await copy(library, await OciDir.open(foreign), { refs: ['one'] })
    },
    async adopt() {
      const library = await OciDir.open(folder(join(place, 'library')))
      const linking = folder(layoutDir, { hardLinks: true })
      await copy(library, await OciDir.open(linking), { refs: ['one'], as: 'adopted' })
      await linking.close()
    },
    gc: dir => gc(dir, { sweepOlderThan: 0 }),
  }
}

/** One work on a disk of its own: fails or succeeds, and what is then there. */
async function attempt(name: string, free: number, work: Work): Promise<Attempt> {
  mkdirSync(place, { recursive: true })
  const inodes = job.what === 'inodes' ? ',nr_inodes=200' : ''
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=2m${inodes}`, 'tmpfs', place])
  try {
    const dir = await prepared()
    const before = stateOf()
    swallowed = 0
    fill(free)
    const used = usage()
    const error = await work(dir).then(
      () => undefined,
      thrown => thrown,
    )
    await dir.storage.close()
    const wrong = await unwhole(before, name)
    if (error !== undefined) {
      wrong.push(...problemsOf(error))
      // Whole blobs that nothing names yet may stay, for the next try or gc.
      const extra = usage() - used - sizeOfNew(before)
      if (extra !== 0) wrong.push(`usage of ${used} became ${extra} more`)
      if (stateOf().index !== before.index) wrong.push('index.json changed')
    }
    if (readdirSync(layoutDir).includes('.ocidir')) wrong.push('private files are left')
    rmSync(join(place, 'ballast'), { recursive: true })
    if (error !== undefined) wrong.push(...(await secondTry(work)))
    return { name, free, failed: error !== undefined, swallowed, wrong }
  } finally {
    execFileSync('umount', [place])
  }
}

/** A layout with many tags and some garbage, and a library beside it. */
async function prepared(): Promise<OciDir<StorageAdapter>> {
  const library = await OciDir.ensure(folder(join(place, 'library')))
  const layer = await library.writeLayer(noise(50_000, 3))
  await library.writeImage(pushLayer(draft(amd64), layer), { tag: 'one' })
  await library.storage.close()
  const whole = await OciDir.ensure(folder(layoutDir))
  const image = await whole.writeImage(pushLayer(draft(amd64), await whole.writeLayer('base')), {
    tag: 'base',
  })
  await editIndex(whole, index =>
    Array.from({ length: 150 }, (_, i) => `tag-${i}`).reduce(
      (now, tag) => withEntry(now, image.descriptor, tag),
      index,
    ),
  )
  await whole.writeBlob(noise(30_000, 4))
  await whole.storage.close()
  const storage = folder(layoutDir)
  return OciDir.open(job.broken ? believing(storage) : storage)
}

/** Fills the disk until only so many pages, or files, can be added. */
function fill(free: number): void {
  const ballast = join(place, 'ballast')
  mkdirSync(ballast)
  if (job.what === 'inodes') {
    const { ffree } = statfsSync(place)
    for (let i = 0; i < ffree - free; i++) closeSync(openSync(join(ballast, String(i)), 'w'))
    return
  }
  const { bavail } = statfsSync(place)
  const file = openSync(join(ballast, 'bytes'), 'w')
  for (let left = (bavail - free) * page; left > 0; )
    left -= writeSync(file, Buffer.alloc(Math.min(left, 1 << 20)))
  closeSync(file)
}

function usage(): number {
  const { blocks, bfree, files, ffree } = statfsSync(place)
  return job.what === 'inodes' ? files - ffree : blocks - bfree
}

function problemsOf(error: unknown): string[] {
  if (!isOciError(error, 'STORAGE_FULL')) return [`failed with ${error}`]
  const { cause, data } = error
  const isCaused = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC'
  // Asked beforehand, the disk gives no error: what was needed is said instead.
  return isCaused || data.needed !== undefined ? [] : [`STORAGE_FULL of ${cause}`]
}

interface State {
  readonly index: string
  readonly blobs: ReadonlySet<string>
}

function stateOf(): State {
  return {
    index: readFileSync(join(layoutDir, 'index.json'), 'utf8'),
    blobs: new Set(readdirSync(blobsDir)),
  }
}

/** Pages, or files, of the blobs that have come. */
function sizeOfNew({ blobs }: State): number {
  const added = [...stateOf().blobs].filter(name => !blobs.has(name))
  // A link takes nothing of its own but a name, for which this file system counts a file.
  const sizes = added.map(name => statSync(join(blobsDir, name)))
  if (job.what === 'inodes') return added.length
  return sizes.reduce((sum, { size, nlink }) => sum + (nlink > 1 ? 0 : Math.ceil(size / page)), 0)
}

/** Blobs that are gone or aren't what their names say, and what fsck finds. */
async function unwhole({ blobs: before }: State, work: string): Promise<string[]> {
  const wrong: string[] = []
  const { blobs } = stateOf()
  for (const name of before) if (!blobs.has(name) && work !== 'gc') wrong.push(`blob ${name} is gone`)
  for (const name of blobs) {
    const bytes = readFileSync(join(blobsDir, name))
    if (createHash('sha256').update(bytes).digest('hex') !== name)
      wrong.push(`blob ${name} is not what it says`)
  }
  const { findings } = await fsck(folder(layoutDir))
  const errors = findings.filter(({ severity }) => severity === 'error')
  return [...wrong, ...errors.map(({ code, path }) => `${code} ${path}`)]
}

async function secondTry(work: Work): Promise<string[]> {
  const dir = await OciDir.open(folder(layoutDir))
  try {
    await work(dir)
    return await unwhole(stateOf(), 'gc')
  } catch (error) {
    return [`with room it failed again: ${error}`]
  } finally {
    await dir.storage.close()
  }
}

/** A storage that writes once and believes that all was written. */
function believing(storage: StorageAdapter): StorageAdapter {
  return forwarding(storage, { stage: () => carelesslyStaged(storage.name) })
}

async function carelesslyStaged(dir: string): Promise<StagedFile> {
  const path = join(dir, 'careless')
  const handle = await open(path, 'w')
  return {
    writable: new WritableStream({
      async write(chunk) {
        const { bytesWritten } = await handle.write(chunk).catch(() => ({ bytesWritten: 0 }))
        if (bytesWritten < chunk.length) swallowed++
      },
      close: () => handle.close(),
    }),
    async commit(to) {
      await rename(path, join(dir, to))
      return 'written'
    },
    async discard() {},
  }
}
