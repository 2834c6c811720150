/** What the Node adapter promises beyond the suite: links, modes, errors of the system, and what other programs leave. */

import { execFileSync } from 'node:child_process'
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errnoOf, faultOf } from '../../adapters/node/faults.ts'
import { folder } from '../../adapters/node/index.ts'
import type { BlobPath, StorageAdapter, StorageEntry, StoredFile } from '../../src/storage.ts'

const blob: BlobPath = `blobs/sha256/${'ab'.repeat(32)}`

let parent: string
let dir: string
let storage: StorageAdapter

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'ocidir-folder-'))
  dir = join(parent, 'layout')
  storage = folder(dir)
})
afterEach(async () => {
  await storage.close()
  await rm(parent, { recursive: true })
})

describe('a folder', () => {
  it('is made by the first write and not by a read', async () => {
    expect(await storage.open('index.json')).toBeUndefined()
    expect(await listed()).toEqual([])
    expect(await storage.sweep({ olderThan: 0 })).toBe(0)
    await expect(lstat(dir)).rejects.toThrow('ENOENT')
    await storage.update('oci-layout', () => encode('{}'))
    expect((await readdir(dir)).sort()).toEqual(['.ocidir', 'blobs', 'oci-layout'])
    expect(await readdir(join(dir, 'blobs'))).toEqual(['sha256'])
  })

  it('is given as a path or a file URL', async () => {
    await put(blob, 'bytes')
    expect(await text(await folder(pathToFileURL(dir)).open(blob))).toBe('bytes')
  })

  it('is made with the folders above it', async () => {
    const deep = folder(join(parent, 'a/b', 'layout'))
    await deep.update('oci-layout', () => new Uint8Array([1]))
    expect(await deep.open('oci-layout')).toMatchObject({ size: 1 })
    await deep.close()
  })

  it("that the system can't make is an error and no endless try", async () => {
    const nowhere = folder('/proc/ocidir/layout')
    await expect(nowhere.update('oci-layout', () => new Uint8Array())).rejects.toMatchObject({
      name: 'OciError',
    })
  })

  it('is made with its parents by many at once, whoever of them makes which', async () => {
    for (let round = 0; round < 30; round++) {
      const place = join(dir, `${round}/a/b/c`)
      const stages = Array.from({ length: 16 }, async (_, i) => {
        // Out of step, so that some meet a parent that another has just made.
        for (let turn = 0; turn < i % 8; turn++) await new Promise(resolve => setImmediate(resolve))
        await (await folder(place).stage()).discard()
      })
      await Promise.all(stages)
      expect(await readdir(place)).toEqual(['.ocidir'])
    }
  })

  it('leaves no private folder behind when it is closed', async () => {
    await put(blob, 'bytes')
    await storage.update('index.json', () => encode('{}'))
    await storage.close()
    expect((await readdir(dir)).sort()).toEqual(['blobs', 'index.json'])
  })

  it('is given with right arguments or not at all', () => {
    const wrong: unknown = 'fast'
    expect(() => folder('')).toThrow(TypeError)
    expect(() => folder(dir, { durability: wrong as 'strict' })).toThrow(TypeError)
  })

  it('writes files that all may read, less the umask', async () => {
    const old = process.umask(0o027)
    try {
      await put(blob, 'bytes')
      await storage.update('index.json', () => encode('{}'))
      for (const path of [blob, 'index.json']) {
        expect((await stat(join(dir, path))).mode & 0o777, path).toBe(0o640)
      }
      expect((await stat(join(dir, 'blobs/sha256'))).mode & 0o777).toBe(0o750)
    } finally {
      process.umask(old)
    }
    await put(`blobs/sha256/${'cd'.repeat(32)}`, 'bytes')
    expect((await stat(join(dir, `blobs/sha256/${'cd'.repeat(32)}`))).mode & 0o777).toBe(0o644 & ~old)
  })

  it('keeps a blob of two names one file: published by a link that is the only one left', async () => {
    await put(blob, 'bytes')
    expect((await stat(join(dir, blob))).nlink).toBe(1)
  })

  it('holds no file open that nobody reads', async () => {
    await put(blob, 'x'.repeat(3_000_000))
    const before = await openFiles()
    const file = await opened(blob)
    for (let i = 0; i < 100; i++) file.stream()
    const reader = file.stream().getReader()
    await reader.read()
    expect(await openFiles()).toBe(before + 1)
    await reader.cancel()
    const abort = new AbortController()
    const aborted = file.stream({ signal: abort.signal }).getReader()
    await aborted.read()
    abort.abort(new Error('stop'))
    await expect(aborted.read()).rejects.toThrow('stop')
    for (let i = 0; i < 50 && (await openFiles()) > before; i++) await pause(10)
    expect(await openFiles()).toBe(before)
  })
})

describe('links', () => {
  it('are followed inside the layout and listed as links', async () => {
    await put(blob, 'bytes')
    await mkdir(join(dir, 'blobs/sha512'))
    await symlink(`../sha256/${'ab'.repeat(32)}`, join(dir, 'blobs/sha512/cd'))
    expect(await text(await storage.open('blobs/sha512/cd'))).toBe('bytes')
    expect(await listed()).toContainEqual({ path: 'blobs/sha512/cd', kind: 'link', size: 5 })
  })

  const outside: readonly { what: string; plant(): Promise<void> }[] = [
    { what: 'a blob that leads out', plant: () => plantLink(join(parent, 'secret')) },
    { what: 'a blob that leads out by a relative path', plant: () => plantLink('../../../secret') },
    { what: 'a blob that leads nowhere', plant: () => plantLink('nothing') },
    { what: 'a blob that leads to itself', plant: () => plantLink('ab'.repeat(32)) },
    { what: 'a blob that leads to another that leads out', plant: plantChain },
  ]
  for (const { what, plant } of outside) {
    it(`are LINK_OUTSIDE when read and link-outside when listed: ${what}`, async () => {
      await writeFile(join(parent, 'secret'), 'secret')
      await plant()
      await expect(storage.open(blob)).rejects.toMatchObject({ code: 'LINK_OUTSIDE', data: { path: blob } })
      expect((await listed()).filter(entry => entry.path === blob)).toEqual([
        { path: blob, kind: 'link-outside' },
      ])
    })
  }

  it('are LINK_OUTSIDE when the folder of the blobs leads out', async () => {
    await mkdir(join(parent, 'elsewhere/sha256'), { recursive: true })
    await writeFile(join(parent, 'elsewhere/sha256', 'ab'.repeat(32)), 'secret')
    await mkdir(dir)
    await symlink('../elsewhere', join(dir, 'blobs'))
    await expect(storage.open(blob)).rejects.toMatchObject({ code: 'LINK_OUTSIDE' })
    await expect(put(blob, 'bytes')).rejects.toMatchObject({ code: 'LINK_OUTSIDE', data: { path: 'blobs' } })
    await expect(storage.remove(() => [blob])).rejects.toMatchObject({ code: 'LINK_OUTSIDE' })
    expect(await readFile(join(parent, 'elsewhere/sha256', 'ab'.repeat(32)), 'utf8')).toBe('secret')
    expect(await storage.sweep({ olderThan: 0 })).toBe(1)
  })

  for (const path of ['index.json', 'oci-layout'] as const) {
    it(`are not written through: ${path}`, async () => {
      await writeFile(join(parent, 'victim'), 'victim')
      await mkdir(dir)
      await symlink('../victim', join(dir, path))
      await expect(storage.open(path)).rejects.toMatchObject({ code: 'LINK_OUTSIDE' })
      await expect(storage.update(path, () => encode('{}'))).rejects.toMatchObject({ code: 'LINK_OUTSIDE' })
      await rename(join(parent, 'victim'), join(dir, 'victim'))
      await rm(join(dir, path))
      await symlink('victim', join(dir, path))
      expect(await text(await storage.open(path))).toBe('victim')
      await expect(storage.update(path, () => encode('{}'))).rejects.toMatchObject({ code: 'STORAGE_DENIED' })
      expect(await readFile(join(dir, 'victim'), 'utf8')).toBe('victim')
      expect(await readlink(join(dir, path))).toBe('victim')
    })
  }

  it('are not written through: the private folder', async () => {
    await mkdir(join(parent, 'victim'))
    await mkdir(dir)
    await symlink('../victim', join(dir, '.ocidir'))
    await expect(storage.stage()).rejects.toMatchObject({ code: 'LINK_OUTSIDE' })
    await expect(storage.update('index.json', () => encode('{}'))).rejects.toMatchObject({
      code: 'LINK_OUTSIDE',
    })
    await expect(storage.sweep({ olderThan: 0 })).rejects.toMatchObject({ code: 'LINK_OUTSIDE' })
    expect(await readdir(join(parent, 'victim'))).toEqual([])
  })

  it('in a blob place are replaced by the verified bytes when they lead out', async () => {
    await writeFile(join(parent, 'secret'), 'bytes')
    await plantLink(join(parent, 'secret'))
    expect(await put(blob, 'right')).toBe('written')
    expect((await lstat(join(dir, blob))).isFile()).toBe(true)
    expect(await readFile(join(parent, 'secret'), 'utf8')).toBe('bytes')
  })

  it('of the layout folder itself are followed', async () => {
    await put(blob, 'bytes')
    await symlink('layout', join(parent, 'other-name'))
    const other = folder(join(parent, 'other-name'))
    expect(await text(await other.open(blob))).toBe('bytes')
    await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        (i % 2 === 0 ? storage : other).update('index.json', now => new Uint8Array([...(now ?? []), i])),
      ),
    )
    expect((await (await opened('index.json')).bytes()).length).toBe(16)
  })

  async function plantLink(target: string): Promise<void> {
    await mkdir(join(dir, 'blobs/sha256'), { recursive: true })
    await symlink(target, join(dir, blob))
  }

  async function plantChain(): Promise<void> {
    await plantLink('second')
    await symlink(join(parent, 'secret'), join(dir, 'blobs/sha256/second'))
  }
})

describe('what is no file', () => {
  it('is STORAGE_FAILED when read, other when listed: a folder', async () => {
    await mkdir(join(dir, blob, 'deep'), { recursive: true })
    await expect(storage.open(blob)).rejects.toMatchObject({ code: 'STORAGE_FAILED', data: { path: blob } })
    await expect(put(blob, 'bytes')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await listed()).toContainEqual({ path: blob, kind: 'other' })
  })

  it('is STORAGE_FAILED when read, and hangs nobody: a pipe', async () => {
    await mkdir(join(dir, 'blobs/sha256'), { recursive: true })
    execFileSync('mkfifo', [join(dir, blob)])
    await expect(storage.open(blob)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await listed()).toContainEqual({ path: blob, kind: 'other' })
    const naming = storage.update('index.json', () => encode('{}'), { requires: [blob] })
    await expect(naming).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  })

  it('is STORAGE_FAILED when read, other when listed: a socket', async () => {
    await mkdir(join(dir, 'blobs/a'), { recursive: true })
    const server = createServer()
    await new Promise<void>(resolve => server.listen(join(dir, 'blobs/a/b'), resolve))
    await expect(storage.open('blobs/a/b')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await listed()).toContainEqual({ path: 'blobs/a/b', kind: 'other' })
    await new Promise(resolve => server.close(resolve))
  })

  it('is no layout: a file in place of the folder', async () => {
    await writeFile(dir, 'an archive, say')
    expect(await storage.open('oci-layout')).toBeUndefined()
    await expect(storage.stage()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await readFile(dir, 'utf8')).toBe('an archive, say')
  })
})

describe('a file that changes', () => {
  const big = 'x'.repeat(2_000_000)
  const changes: Readonly<Record<string, () => Promise<void>>> = {
    'is replaced': async () => {
      await writeFile(join(dir, 'other'), 'y'.repeat(2_000_000))
      await rename(join(dir, 'other'), join(dir, blob))
    },
    'is written in place': async () => writeFile(join(dir, blob), 'y'.repeat(2_000_000)),
    'is cut short': () => truncate(join(dir, blob), 1_000_000),
    'is removed': () => rm(join(dir, blob)),
    'becomes a link': async () => {
      await rm(join(dir, blob))
      await symlink('/dev/zero', join(dir, blob))
    },
  }
  for (const [what, change] of Object.entries(changes)) {
    it(`is STORAGE_CHANGED to one who opened it before it ${what}`, async () => {
      await put(blob, big)
      // Times of a disk are coarse; a blob of the same instant could not be told apart.
      await utimes(join(dir, blob), new Date(1e12), new Date(1e12))
      const file = await opened(blob)
      await change()
      await expect(file.bytes()).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
      await expect(file.stream().getReader().read()).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
    })
  }

  it('is STORAGE_CHANGED to one who is in the middle of it when it is written in place', async () => {
    await put(blob, big)
    await utimes(join(dir, blob), new Date(1e12), new Date(1e12))
    const reader = (await opened(blob)).stream().getReader()
    await reader.read()
    await writeFile(join(dir, blob), 'y'.repeat(2_000_000))
    await expect(
      (async () => {
        while (!(await reader.read()).done);
      })(),
    ).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
  })

  it('is the same file to one who opened it before another name was linked to it', async () => {
    await put(blob, 'bytes')
    const file = await opened(blob)
    await link(join(dir, blob), join(dir, 'second-name'))
    expect(await text(file)).toBe('bytes')
  })
})

describe('errors of the system', () => {
  const table: Readonly<Record<string, string>> = {
    ENOSPC: 'STORAGE_FULL',
    EDQUOT: 'STORAGE_FULL',
    EFBIG: 'STORAGE_FULL',
    EACCES: 'STORAGE_DENIED',
    EPERM: 'STORAGE_DENIED',
    EROFS: 'STORAGE_DENIED',
    EIO: 'STORAGE_FAILED',
    EISDIR: 'STORAGE_FAILED',
    ELOOP: 'STORAGE_FAILED',
    EMFILE: 'STORAGE_FAILED',
    ENOTDIR: 'STORAGE_FAILED',
    ENAMETOOLONG: 'STORAGE_FAILED',
    EBUSY: 'STORAGE_FAILED',
    ESTALE: 'STORAGE_FAILED',
  }
  for (const [errno, code] of Object.entries(table)) {
    it(`P17: ${errno} is ${code}, with its cause`, () => {
      const cause = Object.assign(new Error(errno), { code: errno, syscall: 'write' })
      expect(errnoOf(cause)).toBe(errno)
      expect(faultOf(cause, { storage: 's', operation: 'commit' })).toMatchObject({
        name: 'OciError',
        code,
        cause,
      })
    })
  }

  it('pass through when they are none', () => {
    for (const error of [new TypeError('mistake'), new Error('plain'), 'text', undefined]) {
      expect(faultOf(error, { storage: 's', operation: 'commit' })).toBe(error)
    }
  })

  it('say that the disk is full before the first byte, where the size is known', async () => {
    await expect(storage.stage({ size: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      data: { needed: Number.MAX_SAFE_INTEGER },
    })
    expect(await listed()).toEqual([])
  })

  it('say what is not allowed', async () => {
    await put(blob, 'bytes')
    await chmod(parent, 0o755)
    await chmod(join(dir, 'blobs/sha256'), 0o555)
    await chmod(join(dir, '.ocidir'), 0o777)
    // Rights don't bind root, so for a moment this process is nobody.
    const isRoot = process.geteuid?.() === 0
    if (isRoot) process.seteuid?.(65_534)
    try {
      await expect(put('blobs/sha256/aa', 'bytes')).rejects.toMatchObject({ code: 'STORAGE_DENIED' })
    } finally {
      if (isRoot) process.seteuid?.(0)
      await chmod(join(dir, 'blobs/sha256'), 0o755)
    }
  })
})

describe('what others leave in the folder', () => {
  it('is listed: unknown files, deep folders, files of browsers', async () => {
    await mkdir(join(dir, 'docs/deep'), { recursive: true })
    await writeFile(join(dir, 'docs/deep/readme'), '12345')
    await writeFile(join(dir, 'index.json.crswap'), '{}')
    expect(await listed()).toEqual(
      expect.arrayContaining([
        { path: 'docs/deep/readme', kind: 'file', size: 5 },
        { path: 'index.json.crswap', kind: 'staged' },
      ]),
    )
  })

  it('is swept by its age', async () => {
    await mkdir(join(dir, '.ocidir'), { recursive: true })
    for (const [name, hours] of [
      ['staged-old', 30],
      ['staged-young', 2],
      ['not-ours', 30],
    ] as const) {
      await writeFile(join(dir, '.ocidir', name), 'bytes')
      const time = new Date(Date.now() - hours * 3_600_000)
      await utimes(join(dir, '.ocidir', name), time, time)
    }
    expect(await storage.sweep({ olderThan: 24 * 3_600_000 })).toBe(1)
    expect((await readdir(join(dir, '.ocidir'))).sort()).toEqual(['not-ours', 'staged-young'])
  })
})

async function put(path: BlobPath, bytes: string): Promise<'written' | 'existed'> {
  const staged = await storage.stage()
  const writer = staged.writable.getWriter()
  await writer.write(encode(bytes))
  await writer.close()
  return staged.commit(path)
}

async function opened(path: BlobPath | 'index.json'): Promise<StoredFile> {
  const file = await storage.open(path)
  if (file === undefined) throw new Error(`${path} must be there`)
  return file
}

async function listed(): Promise<StorageEntry[]> {
  const entries: StorageEntry[] = []
  for await (const entry of storage.list()) entries.push(entry)
  return entries
}

async function text(file: StoredFile | undefined): Promise<string> {
  return new TextDecoder().decode(await file?.bytes())
}

/** Files under this test's folder that the process holds open. */
async function openFiles(): Promise<number> {
  let open = 0
  for (const fd of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '')
    if (target.startsWith(parent)) open++
  }
  return open
}

function encode(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
