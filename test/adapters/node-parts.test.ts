/** Half-written blobs on a disk: gone on with in place or taken over, and believed by nobody who can't tell. */

import { constants } from 'node:fs'
import {
  appendFile,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clone } from '../../adapters/node/adopt.ts'
import { FolderStorage } from '../../adapters/node/folder.ts'
import { copy } from '../../src/copy/copy.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { BlobPath, HashedBytes, ResumableFile, StorageAdapter } from '../../src/storage.ts'
import { prng } from '../golden/inputs.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { runStorageCase, storageCases } from '../suites/index.ts'
import { blobName, bytesOf, put, read } from '../suites/material.ts'
import { LargeSource, largeSize, trusting } from '../unit/core/resumable.ts'
import { resumed, written } from './part-steps.ts'

const name = blobName(1)
const bytes = bytesOf(900_000)
const size = bytes.length
const half = 500_001
const state: HashedBytes = { size: half, state: { restore: () => Promise.reject(new Error('not asked')) } }

let dir: string
const opened: StorageAdapter[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ocidir-parts-'))
})
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close()
  await rm(dir, { recursive: true })
})

function at(clone?: Clone, place = dir): StorageAdapter {
  const storage = new FolderStorage(place, { durability: 'relaxed' }, clone && { clone })
  opened.push(storage)
  return storage
}

function resume(storage: StorageAdapter, path: BlobPath = name, of = size): Promise<ResumableFile> {
  return resumed(storage, path, of)
}

/** Leaves the first half. Gives its file. */
async function leaveHalf(storage: StorageAdapter): Promise<string> {
  const before = new Set(await parts())
  const part = await resume(storage)
  await written(part, bytes.subarray(0, half))
  await part.leave(state)
  const [file] = (await parts()).filter(other => !before.has(other))
  if (file === undefined) throw new Error('nothing was left')
  return file
}

async function finish(part: ResumableFile): Promise<'written' | 'existed'> {
  await (await written(part, bytes.subarray(part.kept.size))).close()
  return part.commit()
}

async function parts(): Promise<string[]> {
  const names = await readdir(join(dir, '.ocidir')).catch(() => [])
  return names.filter(part => part.startsWith('part-')).map(part => join(dir, '.ocidir', part))
}

const blob = (): string => join(dir, ...name.split('/'))

describe('the storage that left a part', () => {
  it('goes on in the same file, with the state of its hash', async () => {
    const storage = at()
    const { ino } = await stat(await leaveHalf(storage))
    const part = await resume(storage)
    expect(part.kept.size).toBe(half)
    expect(part.hashed).toBe(state)
    expect(await finish(part)).toBe('written')
    expect((await stat(blob())).ino).toBe(ino)
    expect(Buffer.compare(await readFile(blob()), bytes)).toBe(0)
    expect(await parts()).toEqual([])
  })

  const alterations: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
    'a flipped byte, in the very moment': file => writeAt(file, 1000, Uint8Array.of((bytes[1000] ?? 0) ^ 1)),
    'a flipped byte, and the old times': async file => {
      const { atime, mtime } = await stat(file)
      await writeAt(file, 1000, Uint8Array.of(0xff))
      await utimes(file, atime, mtime)
    },
    'the same bytes again': file => writeAt(file, 0, bytes.subarray(0, 10)),
    'fewer bytes': file => truncate(file, half - 1),
    'more bytes': file => appendFile(file, 'more'),
    'other bytes of the same number': file => writeFile(file, new Uint8Array(half)),
    'another file of the same bytes': async file => {
      await copyFile(file, `${file}.new`)
      await rename(`${file}.new`, file)
    },
    'a second name': file => link(file, join(dir, 'second')),
    'no file': file => unlink(file),
    'a folder': async file => {
      await unlink(file)
      await mkdir(file)
    },
  }
  it.each(Object.entries(alterations))(
    'gives no state where there is %s, and begins anew',
    async (_, alter) => {
      const storage = at()
      const file = await leaveHalf(storage)
      await alter(file)
      const part = await resume(storage)
      expect(part.hashed).toBeUndefined()
      expect(part.kept.size).toBe(0)
      expect(await finish(part)).toBe('written')
      expect(Buffer.compare(await readFile(blob()), bytes)).toBe(0)
    },
  )

  it('never writes through a link that was put in the place of its file', async () => {
    const storage = at()
    const file = await leaveHalf(storage)
    const victim = join(dir, 'victim')
    await rename(file, victim)
    await symlink(victim, file)
    const part = await resume(storage)
    expect(part.kept.size).toBe(0)
    await finish(part)
    expect(Buffer.compare(await readFile(victim), bytes.subarray(0, half))).toBe(0)
  })

  it('leaves its part as it was where there is no room for the rest', async () => {
    const storage = at()
    const file = await leaveHalf(storage)
    await expect(storage.resume?.(name, { size: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: 'STORAGE_FULL',
    })
    expect(await parts()).toEqual([file])
    expect((await resume(storage)).kept.size).toBe(half)
  })

  it('has no way for a name that would be too long', async () => {
    const storage = at()
    const path: BlobPath = `blobs/other/${'x'.repeat(230)}`
    expect(await storage.resume?.(path, { size })).toBeUndefined()
    await put(storage, path, bytes)
  })
})

describe('another storage', () => {
  it('takes the bytes over into a file of its own, and leaves the other one alone until the blob is there', async () => {
    const file = await leaveHalf(at())
    const part = await resume(at())
    expect(part.hashed).toBeUndefined()
    expect(Buffer.compare(await part.kept.bytes(), bytes.subarray(0, half))).toBe(0)
    expect(await parts()).toHaveLength(2)
    const [own] = (await parts()).filter(other => other !== file)
    expect((await stat(own ?? '')).ino).not.toBe((await stat(file)).ino)
    await finish(part)
    expect(await parts()).toEqual([])
  })

  it('is not reached by what a writer that was taken for dead writes when it wakes', async () => {
    const storage = at()
    const asleep = await resume(storage)
    const sink = await written(asleep, bytes.subarray(0, half))
    const part = await resume(at())
    expect(part.kept.size).toBe(half)
    await sink.write(new Uint8Array(size - half))
    await finish(part)
    // Also when its last words come after the blob was published.
    await sink.close()
    expect(await asleep.commit()).toBe('existed')
    expect(Buffer.compare(await readFile(blob()), bytes)).toBe(0)
  })

  it('takes over the longest, and nothing that is longer than the blob or no file', async () => {
    const prefix = join(dir, '.ocidir', `part-sha256-${name.slice('blobs/sha256/'.length)}-`)
    const id = (number: number): string => `${prefix}00000000-0000-0000-0000-00000000000${number}`
    await mkdir(join(dir, '.ocidir'))
    await writeFile(id(1), bytes.subarray(0, 100))
    await writeFile(id(2), bytes.subarray(0, 200))
    await writeFile(id(3), bytesOf(size + 1))
    await mkdir(id(4))
    await symlink(id(3), id(5))
    await writeFile(`${prefix}other`, bytes)
    const part = await resume(at())
    expect(part.kept.size).toBe(200)
    await part.discard()
  })

  it('removes what nobody has touched for long once it has the bytes, and what is wrong once that is known', async () => {
    const file = await leaveHalf(at())
    const young = await resume(at())
    expect(await parts()).toContain(file)
    // Dropped for want of room, say: the other's bytes are as good as before.
    await young.discard()
    expect(await parts()).toEqual([file])
    const wrong = await resume(at())
    await (await written(wrong, bytes.subarray(half))).close()
    await wrong.discard()
    expect(await parts()).toEqual([])
    const old = await leaveHalf(at())
    const before = new Date(Date.now() - 11 * 60 * 1000)
    await utimes(old, before, before)
    const part = await resume(at())
    expect(part.kept.size).toBe(half)
    expect(await parts()).toHaveLength(1)
    expect(await parts()).not.toContain(old)
  })

  it('whose bytes are wrong in the end leaves alone what its writer has gone on with', async () => {
    const slow = await resume(at())
    const sink = await written(slow, bytes.subarray(0, half))
    const [file] = await parts()
    const wrong = await resume(at())
    expect(wrong.kept.size).toBe(half)
    await (await written(wrong, new Uint8Array(size - half))).close()
    await sink.write(bytes.subarray(half, half + 200_000))
    await wrong.discard()
    expect(await parts()).toEqual([file])
    await sink.write(bytes.subarray(half + 200_000))
    await sink.close()
    expect(await slow.commit()).toBe('written')
    expect(Buffer.compare(await readFile(blob()), bytes)).toBe(0)
    expect(await parts()).toEqual([])
  })

  it('lets what others left give way to a blob that has no room beside it', async () => {
    await leaveHalf(at())
    await expect(at().resume?.(name, { size: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: 'STORAGE_FULL',
    })
    expect(await parts()).toEqual([])
  })

  it('clones blocks where the disk can', async () => {
    const file = await leaveHalf(at())
    const calls: string[] = []
    const cloning: Clone = async (from, to) => {
      calls.push(from)
      await copyFile(from, to)
    }
    const part = await resume(at(cloning))
    expect(calls).toEqual([file])
    expect(Buffer.compare(await part.kept.bytes(), bytes.subarray(0, half))).toBe(0)
    await finish(part)
    expect(Buffer.compare(await readFile(blob()), bytes)).toBe(0)
  })

  const cases = storageCases.filter(({ name }) => name.endsWith('where it resumes'))
  it.each(cases)('on a disk that clones blocks: $name', async item => {
    let places = 0
    await runStorageCase(item, () => {
      const place = join(dir, `suite-${places++}`)
      return { open: () => at((from, to) => copyFile(from, to), place) }
    })
  })
})

describe('a copy that goes on with a part that somebody damaged', () => {
  const times = rounds({ short: 24, long: 400 })

  it(`has the right blob in the end, ${times} times`, async () => {
    const tally = new Tally('P2: parts damaged between two copies, as by a power loss or another program')
    await copyOverDamage(tally, storage => storage)
    expect(tally.report()).toMatchObject({ losses: 0 })
    expect(tally.fired).toBeGreaterThan(0.6 * tally.attempts)
  })

  it('is found out where it believes the state of a hash without a look at the bytes', async () => {
    const tally = new Tally('P2: damaged parts whose hashes are believed (broken on purpose)')
    await copyOverDamage(tally, trusting)
    expect(tally.report().losses).toBeGreaterThan(0)
  })

  async function copyOverDamage(
    tally: Tally,
    wrap: (storage: StorageAdapter, source: LargeSource) => StorageAdapter,
  ): Promise<void> {
    const random = prng(seed)
    const source = await LargeSource.make()
    const from = await source.dir()
    for (let i = 0; i < times; i++) {
      const layout = join(dir, `${tally.name.length}-${i}`)
      const first = await OciDir.ensure(wrap(at(undefined, layout), source))
      source.breaksOff = { after: 1 + (random() % largeSize), error: new Error('connection lost') }
      await expect(copy(from, first)).rejects.toThrow('connection lost')
      source.breaksOff = undefined
      const [part] = (await readdir(join(layout, '.ocidir'))).filter(name => name.startsWith('part-'))
      if (part === undefined) continue
      tally.attempts++
      await damage(join(layout, '.ocidir', part), random)
      // The same storage, which has a state, or another one.
      const target = i % 2 === 0 ? first : await OciDir.open(wrap(at(undefined, layout), source))
      const outcome = await copy(from, target).catch(error => error)
      if (outcome.resumed !== 1) tally.fired++
      const found = await read(target.storage, source.path)
      if (found === undefined || Buffer.compare(found, source.bytes) !== 0) tally.losses++
      else if (!(await fsck(target.storage)).ok) tally.losses++
    }
  }
})

/** What a disk or a program may do to a file: a part of it zeros, its end missing, more behind it, a bit of it flipped. */
async function damage(file: string, random: () => number): Promise<void> {
  const length = (await stat(file)).size
  const from = random() % length
  switch (random() % 4) {
    case 0:
      return writeAt(file, from, new Uint8Array(Math.min(4096, length - from)))
    case 1:
      return truncate(file, from)
    case 2:
      return appendFile(file, bytesOf(1 + (random() % 5000)))
    default:
      return writeAt(file, from, Uint8Array.of(((await readFile(file))[from] ?? 0) ^ (1 << (random() % 8))))
  }
}

async function writeAt(file: string, position: number, chunk: Uint8Array): Promise<void> {
  const handle = await open(file, constants.O_RDWR)
  await handle.write(chunk, 0, chunk.length, position)
  await handle.close()
}
