/**
 * Documents whose move was cut, or is going on, between the two things that Firefox makes of it: the present version is
 * emptied and taken away, then the next one gets its name. Chromium has no such moment, so it is made by hand.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryStorage } from '../../adapters/fsa/directory-storage.ts'
import { opfs } from '../../adapters/fsa/index.ts'
import type { MovableFileHandle } from '../../adapters/fsa/platform.ts'
import { digestOf } from '../../src/digest.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { DocumentPath, StorageAdapter, StorageEntry } from '../../src/storage.ts'
import { Tally } from '../setup/tally.ts'
import { entriesIn, pause, textOf, utf8 } from '../suites/material.ts'

const handles = FileSystemFileHandle.prototype as unknown as Pick<MovableFileHandle, 'move'>
const { move } = handles

let name: string
let root: FileSystemDirectoryHandle
let storage: StorageAdapter

beforeEach(async () => {
  name = `moves-${crypto.randomUUID()}`
  storage = await opfs(name)
  root = await (await navigator.storage.getDirectory()).getDirectoryHandle(name)
  await OciDir.ensure(storage)
})
afterEach(async () => {
  handles.move = move
  await storage.close()
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
})

describe('a document whose move was cut', () => {
  it.each(['index.json', 'oci-layout'] as const)('P2: is there for who opens %s', async path => {
    const bytes = (await bytesOf(path)) ?? new Uint8Array()
    await cut(path, bytes)
    expect(await bytesOf(path)).toEqual(bytes)
    expect(await names()).toEqual(['index.json', 'oci-layout'])
  })

  const looks: Readonly<Record<string, () => Promise<unknown>>> = {
    update: async () => {
      let seen: Uint8Array | undefined
      await storage.update('index.json', now => {
        seen = now
        return now
      })
      return textOf(seen)
    },
    remove: async () => {
      let seen: Uint8Array | undefined
      await storage.remove(index => {
        seen = index
        return []
      })
      return textOf(seen)
    },
    list: async () => {
      const entry = (await entriesIn(storage)).find(({ path }) => path === 'index.json')
      return entry?.size === next.length && (await readRaw('index.json'))
    },
    sweep: async () => ((await storage.sweep({ olderThan: 0 })) === 0 ? readRaw('index.json') : 'swept'),
    fsck: async () => {
      const { findings } = await fsck(storage)
      return findings.some(({ severity }) => severity === 'error') ? findings : readRaw('index.json')
    },
  }
  const ways = (['gone', 'empty'] as const).flatMap(left => Object.keys(looks).map(look => ({ left, look })))
  it.each(ways)('P2: is there for $look, where the present one is $left', async ({ left, look }) => {
    await cut('index.json', next)
    if (left === 'empty') await root.getFileHandle('index.json', { create: true })
    expect(await looks[look]?.()).toBe(textOf(next))
    expect(await names()).toEqual(['index.json', 'oci-layout'])
  })

  it("is nothing to be finished in a folder of the disk, whose private files may be a stranger's", async () => {
    await cut('index.json', next)
    const place = { storage: 'disk', root, lockName: name, moves: true, quota: false, large: undefined }
    const disk = new DirectoryStorage(place)
    expect(await disk.open('index.json')).toBeUndefined()
    await root.getFileHandle('index.json', { create: true })
    expect((await (await disk.open('index.json'))?.bytes())?.length).toBe(0)
    expect(await disk.sweep({ olderThan: 0 })).toBe(1)
    expect((await (await disk.open('index.json'))?.bytes())?.length).toBe(0)
  })

  it('P2: stays empty where it is empty and nothing was to become it', async () => {
    await storage.update('index.json', () => new Uint8Array())
    expect(await bytesOf('index.json')).toEqual(new Uint8Array())
    const entries = (await entriesIn(storage)).filter(({ path }) => path === 'index.json')
    expect(entries).toEqual([{ path: 'index.json', kind: 'file', size: 0 }])
  })

  it('P2: is not made of a file that was cut, too, and that is swept', async () => {
    await cut('index.json', next.subarray(0, 40), next)
    expect(await bytesOf('index.json')).toBeUndefined()
    expect((await entriesIn(storage)).filter(({ kind }) => kind === 'file')).toHaveLength(1)
    expect(await storage.sweep({ olderThan: 0 })).toBe(1)
    expect(await names()).toEqual(['oci-layout'])
  })

  it('P2: becomes the last of several that are whole', async () => {
    await leave('index.json', utf8('older'))
    await pause(20)
    await cut('index.json', next)
    await leave('index.json', next.subarray(0, 40), utf8('cut'))
    expect(await bytesOf('index.json')).toEqual(next)
    expect(await storage.sweep({ olderThan: 0 })).toBe(2)
  })

  it('P2: is never one of before, for an update drops those before its own move', async () => {
    await leave('index.json', utf8('came to nothing'))
    let left: readonly string[] = []
    handles.move = async function (this: MovableFileHandle, folder, to) {
      left = (await names()).filter(path => path.startsWith('.ocidir/'))
      await move.call(this, folder, to)
    }
    await storage.update('index.json', () => next)
    expect(left).toEqual([expect.stringMatching(/^\.ocidir\/next-index\.json-/)])
    expect(await bytesOf('index.json')).toEqual(next)
  })

  it('P2: is there after a move that failed there', async () => {
    handles.move = async (folder, to) => {
      await folder.removeEntry(to)
      throw new DOMException('no', 'UnknownError')
    }
    await expect(storage.update('index.json', () => next)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    handles.move = move
    expect(await bytesOf('index.json')).toEqual(next)
  })
})

describe('a document that is being moved', () => {
  it('P6: is the old or the new one for readers beside it, who wait', async () => {
    const waiting = new Tally('P6: reads of OPFS while a move has taken the present index.json away')
    const straight = new Tally('P6: the same, of the name itself without the lock (broken on purpose)')
    let gaps = 0
    let inGap = false
    handles.move = async function (this: MovableFileHandle, folder, to) {
      inGap = true
      await (await (await folder.getFileHandle(to)).createWritable()).close()
      await pause(10)
      await folder.removeEntry(to)
      await pause(10)
      inGap = false
      gaps++
      await move.call(this, folder, to)
    }
    let writing = true
    const writer = (async () => {
      for (let i = 0; i < 15; i++) await storage.update('index.json', () => version(i))
      writing = false
    })()
    const count = async (tally: Tally, look: () => Promise<boolean>): Promise<void> => {
      while (writing) {
        tally.attempts++
        if (inGap) tally.fired++
        if (!(await look())) tally.losses++
        await pause(1)
      }
    }
    await Promise.all([
      writer,
      count(waiting, async () => textOf(await bytesOf('index.json')) !== ''),
      count(waiting, async () => (await entriesIn(storage)).some(isWhole)),
      count(waiting, async () => (await storage.sweep({ olderThan: 0 })) === 0),
      count(straight, async () => (await readRaw('index.json')) !== ''),
    ])
    expect(gaps).toBe(15)
    expect(waiting.report().losses).toBe(0)
    expect(straight.report().losses).toBeGreaterThan(0)
    expect(await bytesOf('index.json')).toEqual(version(14))
  })

  it('lets a reader who waits give up with his own reason', async () => {
    await root.removeEntry('index.json')
    const reason = new Error('stop')
    const abort = new AbortController()
    await navigator.locks.request(`ocidir:opfs:${name}`, async () => {
      const waiting = storage.open('index.json', { signal: abort.signal })
      setTimeout(() => abort.abort(reason), 20)
      await expect(waiting).rejects.toBe(reason)
    })
    expect(await storage.open('index.json')).toBeUndefined()
  })
})

const next = version(100)

function version(number: number): Uint8Array {
  return utf8(JSON.stringify({ schemaVersion: 2, manifests: [], annotations: { number: `${number}` } }))
}

/** What a kill in the midst of a move leaves: no document, and the file that was to become it. */
async function cut(path: DocumentPath, bytes: Uint8Array, meant = bytes): Promise<void> {
  await leave(path, bytes, meant)
  await root.removeEntry(path)
}

/** What a kill before a move leaves, or one before the last byte. */
async function leave(path: DocumentPath, bytes: Uint8Array, meant = bytes): Promise<void> {
  const hex = (await digestOf(meant)).slice('sha256:'.length)
  const folder = await root.getDirectoryHandle('.ocidir', { create: true })
  const handle = await folder.getFileHandle(`next-${path}-${hex}-${crypto.randomUUID()}`, { create: true })
  const writable = await handle.createWritable()
  await writable.write(new Uint8Array(bytes))
  await writable.close()
}

async function bytesOf(path: DocumentPath): Promise<Uint8Array | undefined> {
  return (await storage.open(path))?.bytes()
}

async function readRaw(path: string): Promise<string> {
  try {
    return await (await (await root.getFileHandle(path)).getFile()).text()
  } catch {
    return ''
  }
}

function isWhole({ path, size }: StorageEntry): boolean {
  return path === 'index.json' && size !== 0
}

/** All files, as they lie there. */
async function names(): Promise<string[]> {
  const found: string[] = []
  const walk = async (folder: FileSystemDirectoryHandle, at: string): Promise<void> => {
    for await (const handle of folder.values()) {
      if (handle instanceof FileSystemDirectoryHandle) await walk(handle, `${at}${handle.name}/`)
      else found.push(`${at}${handle.name}`)
    }
  }
  await walk(root, '')
  return found.sort()
}
