/** Blobs from one folder to another of the same disk, without moving their bytes: cloned blocks, or hard links. */

import {
  chmod,
  copyFile,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clone } from '../../adapters/node/adopt.ts'
import { FolderStorage } from '../../adapters/node/folder.ts'
import { type FolderOptions, folder } from '../../adapters/node/index.ts'
import { cloneTo, copy } from '../../src/copy/copy.ts'
import { blobPath } from '../../src/digest.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Image } from '../../src/resolve.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { runStorageCase, storageCases } from '../suites/index.ts'
import { failsWith, writeSample } from '../unit/core/samples.ts'

/** A disk that clones blocks, as far as one without can play it. */
const cloning: Clone = (from, to) => copyFile(from, to)
/** A disk that can't, or another one. */
const failing =
  (code: string, calls: string[] = []): Clone =>
  async from => {
    calls.push(from)
    throw Object.assign(new Error(code), { code, syscall: 'copyfile' })
  }

let parent: string
let image: Image
let blobs: string[]
const opened: StorageAdapter[] = []

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'ocidir-sharing-'))
  image = await writeSample(await OciDir.ensure(at('source')), {
    tag: 'app',
    layers: ['one', 'x'.repeat(1e6)],
  })
  blobs = (await readdir(join(parent, 'source/blobs/sha256'))).sort()
})
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close()
  await rm(parent, { recursive: true })
})

function at(name: string, options: FolderOptions = {}, clone?: Clone): StorageAdapter {
  const internals = clone && { clone }
  const storage = new FolderStorage(join(parent, name), { durability: 'relaxed', ...options }, internals)
  opened.push(storage)
  return storage
}

const blobFile = (layout: string, name: string): string => join(parent, layout, 'blobs/sha256', name)
const inodeOf = async (path: string): Promise<number> => (await stat(path)).ino

/** How many blobs of the target are the very files of the source. */
async function sameFiles(layout: string): Promise<number> {
  let same = 0
  for (const name of blobs) {
    if ((await inodeOf(blobFile('source', name))) === (await inodeOf(blobFile(layout, name)))) same += 1
  }
  return same
}

describe('the adopting cases of the suite', () => {
  const ways: readonly (readonly [string, FolderOptions, Clone])[] = [
    ['by hard links', { hardLinks: true }, failing('ENOTSUP')],
    ['by hard links, strictly', { hardLinks: true, durability: 'strict' }, failing('ENOTSUP')],
    ['by cloned blocks', {}, cloning],
    ['by cloned blocks, strictly', { durability: 'strict' }, cloning],
  ]
  const cases = storageCases.filter(({ name }) => name.endsWith('where it adopts'))
  for (const [way, options, clone] of ways) {
    it.each(cases)(`$name, ${way}`, async item => {
      let places = 0
      await runStorageCase(item, () => {
        const name = `suite-${places++}`
        return { open: () => at(name, options, clone) }
      })
    })
  }
  it('are all there', () => {
    expect(cases.length).toBeGreaterThan(10)
  })
})

describe('a copy on one disk', () => {
  it('makes hard links when that is allowed: one file under two names', async () => {
    const storage = at('target', { hardLinks: true }, failing('ENOTSUP'))
    expect(await cloneTo(await OciDir.open(at('source')), storage)).toMatchObject({ copied: 4, shared: 4 })
    expect(await sameFiles('target')).toBe(4)
    expect(await fsck(storage)).toMatchObject({ ok: true, validated: 4, findings: [] })
    // What another program publishes by a rename in the source doesn't reach the clone.
    const path = blobFile('source', blobs[0] ?? '')
    await writeFile(`${path}.new`, 'other')
    await rename(`${path}.new`, path)
    expect((await fsck(storage)).ok).toBe(true)
  })

  it('makes none unless that is allowed', async () => {
    const { copied } = await cloneTo(await OciDir.open(at('source')), folder(join(parent, 'target')))
    expect(copied).toBe(4)
    expect(await sameFiles('target')).toBe(0)
  })

  it('clones blocks where the disk can, with rights of its own', async () => {
    for (const name of blobs) await chmod(blobFile('source', name), 0o600)
    const old = process.umask(0o027)
    try {
      const target = await OciDir.ensure(at('target', { hardLinks: true }, cloning))
      expect(await copy(image, target)).toMatchObject({ copied: 4, shared: 4 })
    } finally {
      process.umask(old)
    }
    expect(await sameFiles('target')).toBe(0)
    for (const name of blobs) expect((await stat(blobFile('target', name))).mode & 0o777).toBe(0o640)
  })

  it('asks a disk that can not clone once, and streams', async () => {
    for (const code of ['ENOTSUP', 'EXDEV', 'ENOSYS']) {
      const calls: string[] = []
      const target = await OciDir.ensure(at(`target-${code}`, {}, failing(code, calls)))
      expect(await copy(image, target, { concurrency: 1 })).toMatchObject({ copied: 4, shared: 0 })
      expect(calls).toHaveLength(1)
      expect((await fsck(target.storage)).findings).toEqual([])
    }
  })

  it('streams to another disk, links or not', async () => {
    const other = await mkdtemp('/dev/shm/ocidir-sharing-')
    try {
      expect((await stat(other)).dev).not.toBe((await stat(parent)).dev)
      const storage = folder(join(other, 'target'), { hardLinks: true })
      expect(await cloneTo(await OciDir.open(at('source')), storage)).toMatchObject({ copied: 4, shared: 0 })
      expect((await fsck(storage)).findings).toEqual([])
      await storage.close()
    } finally {
      await rm(other, { recursive: true })
    }
  })

  it('links the file that a symlink in the source leads to', async () => {
    const path = blobFile('source', blobs[0] ?? '')
    await rename(path, join(parent, 'source/elsewhere'))
    await symlink(join(parent, 'source/elsewhere'), path)
    await cloneTo(await OciDir.open(at('source')), at('target', { hardLinks: true }))
    const entries = await readdir(join(parent, 'target/blobs/sha256'), { withFileTypes: true })
    expect(entries.map(entry => entry.isFile())).toEqual([true, true, true, true])
    expect(await inodeOf(blobFile('target', blobs[0] ?? ''))).toBe(
      await inodeOf(join(parent, 'source/elsewhere')),
    )
  })

  it('lets what is there win, and replaces what has another size', async () => {
    const target = at('target', { hardLinks: true }, failing('ENOTSUP'))
    await cloneTo(await OciDir.open(at('source')), target)
    const [first = '', second = ''] = blobs
    // A name in place of the link: the file behind the link is the source's, too.
    await writeFile(blobFile('target', `${first}.new`), 'cut short')
    await rename(blobFile('target', `${first}.new`), blobFile('target', first))
    await rm(blobFile('target', second))
    await copyFile(blobFile('source', second), blobFile('target', second))
    const kept = await inodeOf(blobFile('target', second))
    const again = await cloneTo(await OciDir.open(at('source')), target)
    expect(again).toMatchObject({ copied: 1, shared: 1, present: 3 })
    expect(await inodeOf(blobFile('target', second))).toBe(kept)
    expect((await fsck(target)).ok).toBe(true)
  })
})

describe('what is shared is verified first', () => {
  const ways: readonly (readonly [string, FolderOptions, Clone])[] = [
    ['links', { hardLinks: true }, failing('ENOTSUP')],
    ['clones', {}, cloning],
  ]
  it.each(ways)('a corrupt blob is not published (%s)', async (_way, options, clone) => {
    const layer = image.manifest.value.layers[1]?.digest ?? ''
    await writeFile(join(parent, 'source', blobPath(layer)), 'y'.repeat(1e6))
    const storage = at('target', options, clone)
    await expect(cloneTo(await OciDir.open(at('source')), storage)).rejects.toEqual(
      failsWith('DIGEST_MISMATCH'),
    )
    expect(await storage.open(blobPath(layer))).toBeUndefined()
    expect(await storage.open('index.json')).toBeUndefined()
    for await (const { kind } of storage.list()) expect(kind).not.toBe('staged')
  })

  it('a disk that clones wrong bytes is found out', async () => {
    const storage = at('target', {}, async (_from, to) => writeFile(to, 'z'.repeat(1e6)))
    const layer = image.manifest.value.layers[1]?.digest ?? ''
    await expect(cloneTo(await OciDir.open(at('source')), storage)).rejects.toThrow()
    expect(await storage.open(blobPath(layer))).toBeUndefined()
  })

  it.each(ways)(
    'a file that was replaced since it was opened is not taken (%s)',
    async (_way, options, clone) => {
      const path = blobPath(image.manifest.descriptor.digest)
      const replacements = [
        (real: string, size: number) => writeFile(real, 'a'.repeat(size)),
        (real: string) => symlink('/etc/hostname', real),
        async () => {},
      ]
      for (const replace of replacements) {
        const file = await at('source').open(path)
        if (file === undefined) throw new Error('no manifest')
        const real = join(parent, 'source', path)
        await rename(real, `${real}.kept`)
        await replace(real, file.size)
        const storage = at('target', options, clone)
        expect(await storage.adopt?.(file)).toBeUndefined()
        for await (const { path } of storage.list()) expect(path).toBe('')
        await rename(`${real}.kept`, real)
      }
    },
  )

  it.each(ways)(
    'a sweep leaves it alone while it is verified, however old it is (%s)',
    async (_way, options, clone) => {
      const path = blobPath(image.manifest.descriptor.digest)
      await utimes(join(parent, 'source', path), 1, 1)
      const file = await at('source').open(path)
      const storage = at('target', options, clone)
      const adopted = file && (await storage.adopt?.(file))
      expect(await storage.sweep({ olderThan: 3_600_000 })).toBe(0)
      expect(await adopted?.commit(path)).toBe('written')
      const left = file && (await storage.adopt?.(file))
      expect(await storage.sweep({ olderThan: 0 })).toBe(1)
      await left?.discard()
    },
  )

  it('aborted while it is verified, nothing is left', async () => {
    for (const [, options, clone] of ways) {
      const storage = at(`target-${clone === cloning}`, options, clone)
      const controller = new AbortController()
      const reason = new Error('enough')
      const ended = cloneTo(await OciDir.open(at('source')), storage, {
        signal: controller.signal,
        onProgress: () => controller.abort(reason),
      })
      await expect(ended).rejects.toBe(reason)
      for await (const { kind } of storage.list()) expect(kind).not.toBe('staged')
    }
  })
})
