/** P3 and P17 at the file system: whichever call of Node's fails, and however, in every public operation. */

import { mkdir, open, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { openFile } from '../../adapters/node/file.ts'
import { FolderStorage } from '../../adapters/node/folder.ts'
import * as door from '../../adapters/node/index.ts'
import { blobPath, digestOf } from '../../src/digest.ts'
import { isOciError } from '../../src/errors.ts'
import { editIndex, withEntry } from '../../src/index-json.ts'
import { entriesOf } from '../../src/tar/index.ts'
import { workFolder } from '../setup/work-folder.ts'
import { bytesOf } from '../suites/material.ts'
import type { Files } from '../unit/archive/samples.ts'
import { Drill, type DrillOptions, type FaultyMedium, type Site, type SiteFiles } from './fault-drill.ts'
import { type Operation, operations, type World, writeInTwo } from './fault-operations.ts'
import { countedCalls, testOrders } from './fault-tests.ts'
import { isCleaning } from './faulty-fs.ts'

const { faults } = await vi.hoisted(async () => {
  const { fsFaults } = await import('./faulty-fs.ts')
  return { faults: fsFaults() }
})

vi.mock('node:fs/promises', async original =>
  (await import('./faulty-fs.ts')).faultyPromises(await original(), faults),
)
vi.mock('node:fs', async original => (await import('./faulty-fs.ts')).faultySync(await original(), faults))

const { file, readFolder } = door
// A holder that could not give its lock back is taken over soon.
const times = { stale: 300, heartbeat: 100, patience: 20_000 }
const top = await workFolder('ocidir-faults-')
afterAll(() => rm(top, { recursive: true }))
const tree = join(top, 'tree')
await mkdir(join(tree, 'below'), { recursive: true })
await writeFile(join(tree, 'below/a'), bytesOf(300_000, 70))
await symlink('below/a', join(tree, 'b'))
let sites = 0
let source: Promise<string> | undefined

const medium: FaultyMedium = {
  name: 'node',
  faults,
  isCleaning,
  async make({ target, source: others, archive }: SiteFiles): Promise<Site> {
    const path = join(top, String(sites++))
    await writeFiles(path, target)
    source ??= writeFiles(join(top, 'source'), others).then(async folder => {
      await writeFile(join(top, 'source.tar'), archive)
      return folder
    })
    const sourcePath = await source
    const options = { hardLinks: true }
    return {
      storage: new FolderStorage(path, options, { times }),
      source: new FolderStorage(sourcePath, options, { times }),
      sound: new FolderStorage(path, options, { times }),
      archive: await openFile(join(top, 'source.tar')),
      remove: () => rm(path, { recursive: true, force: true }),
    }
  },
}

async function writeFiles(folder: string, files: Files): Promise<string> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true })
  for (const [path, bytes] of files) await writeFile(join(folder, path), bytes)
  return folder
}

/** Those of `ocidir/node`, too. */
const all: Readonly<Record<string, Operation>> = {
  ...operations,
  file: { hasNoSignal: true, run: async () => (await file(join(top, 'source.tar'))).size },
  'StorageAdapter.resume (what another left)': {
    isLeft: true,
    run: ({ storage, signal }) =>
      writeInTwo([new FolderStorage(storage.name, {}, { times }), storage], signal),
  },
  readFolder: {
    code: 'ENTRY_UNREADABLE',
    run: ({ dir, signal }) => dir.writeLayer(entriesOf(readFolder(tree, { signal })), { signal }),
  },
}
/** Why the others aren't driven: the folder is what all else is done by; the platform is no file's business. */
const others = ['folder', 'hostPlatform']

it('P3: every public function for Node is driven', () => {
  const names = Object.entries(door).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []))
  expect(names.sort()).toEqual([...others, 'file', 'readFolder'].sort())
})

const drill = new Drill(medium, all)

it('P3: the calls of each operation to the file system are counted', async () => {
  const calls = await countedCalls('node', drill)
  expect(Object.entries(calls).filter(([, count]) => count === 0)).toEqual([])
})

const orders: readonly DrillOptions[] = [
  { kind: 'error', isLasting: false, stride: 14 },
  { kind: 'error', isLasting: true, stride: 31 },
  { kind: 'denied', isLasting: false, stride: 17 },
  { kind: 'quota', isLasting: false, stride: 7 },
  { kind: 'quota', isLasting: true, stride: 13 },
  { kind: 'late error', isLasting: false, stride: 2 },
  { kind: 'short read', isLasting: false, stride: 5, isTold: true },
  { kind: 'short read', isLasting: true, stride: 5 },
  { kind: 'short write', isLasting: false, stride: 1, isTold: true },
  { kind: 'short write', isLasting: true, stride: 1 },
  { kind: 'hang', isLasting: false, stride: 23 },
  { kind: 'hang', isLasting: true, stride: 29 },
]
testOrders(medium, drill, orders)

/** The long form has each call of every operation; of these, the short one, too. */
const usual = [
  'OciDir.writeBlob',
  'OciDir.readBlob',
  'OciDir.insertManifest',
  'StorageAdapter.list',
  'StorageAdapter.resume',
  'StorageAdapter.resume (what another left)',
  'gc',
]

it('P17: an error of the file system is typed, at whichever call of the usual operations it comes', {
  timeout: 600_000,
}, async () => {
  const few = new Drill(medium, Object.fromEntries(usual.map(name => [name, all[name] ?? never(name)])))
  const tally = await few.run('node, error once in the usual operations', { kind: 'error', isLasting: false })
  tally.report()
  expect(few.losses).toEqual([])
})

it('P3: a lock that may not be taken is told after a while, and its holder does not wait for ever', async () => {
  const path = await writeFiles(join(top, 'locked'), new Map())
  const storage = new FolderStorage(path, {}, { times: { ...times, patience: 300 } })
  const unlockable = vi
    .spyOn(faults, 'next')
    .mockImplementation(call => (call === 'rename' ? 'denied' : undefined))
  try {
    const error = await storage.update('index.json', () => new Uint8Array([1])).catch(thrown => thrown)
    expect(isOciError(error, 'STORAGE_LOCKED') || isOciError(error, 'STORAGE_DENIED')).toBe(true)
  } finally {
    unlockable.mockRestore()
  }
})

it('P3: a writer that takes a short count for the whole is found out', async () => {
  const shortened = { ...operations['OciDir.writeBlob'], run: (world: World) => writeCarelessly(world) }
  const broken = new Drill(medium, { careless: shortened })
  const tally = await broken.run('node, a writer that ignores short counts (broken on purpose)', {
    kind: 'short write',
    isLasting: false,
  })
  expect(tally.report().losses).toBeGreaterThan(0)
})

/** A blob written by one call, and an entry of it in index.json. */
async function writeCarelessly({ dir }: World): Promise<unknown> {
  const bytes = bytesOf(100_000, 50)
  const digest = await digestOf(bytes)
  const handle = await open(join(dir.storage.name, blobPath(digest)), 'w')
  await handle.write(bytes, 0, bytes.length, 0)
  await handle.close()
  const descriptor = { mediaType: 'application/octet-stream', digest, size: bytes.length }
  await editIndex(dir, index => withEntry(index, descriptor, 'careless'))
  return descriptor
}

function never(name: string): never {
  throw new RangeError(name)
}
