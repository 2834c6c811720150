/** What the browser's adapter promises beyond the suite: names, locks, quota, and the browser's own errors. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { faultOf } from '../../adapters/fsa/faults.ts'
import { folder, opfs } from '../../adapters/fsa/index.ts'
import type { StorageAdapter, StorageEntry } from '../../src/storage.ts'

let name: string
let storage: StorageAdapter

beforeEach(async () => {
  name = `opfs-${crypto.randomUUID()}`
  storage = await opfs(name)
})
afterEach(async () => {
  await storage.close()
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
})

describe('opfs', () => {
  it('takes names of folders and nothing else', async () => {
    const none: unknown = undefined
    for (const wrong of ['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', 'a\\b', 'a\0', none as string]) {
      await expect(opfs(wrong), String(wrong)).rejects.toThrow(TypeError)
    }
    await (await opfs(`${name}/deeper/still`)).update('index.json', () => encode('{}'))
    expect((await entries()).map(entry => entry.path)).toEqual(['deeper/still/index.json'])
  })

  it('says that it keeps out writers of this origin, and publishes whole', () => {
    expect(storage.traits).toMatchObject({ exclusion: 'origin', atomicPublish: true, persistent: true })
  })

  it('gives blobs that can be read without a copy', async () => {
    await put('bytes')
    const file = await storage.open('blobs/sha256/aa')
    expect(file?.blob).toBeInstanceOf(File)
    expect(await file?.blob?.text()).toBe('bytes')
  })

  it('lets the same folder, opened by its handle, wait for the same lock', async () => {
    const handle = await (await navigator.storage.getDirectory()).getDirectoryHandle(name)
    const other = await folder(handle)
    await Promise.all(
      Array.from({ length: 32 }, (_, i) =>
        (i % 2 === 0 ? storage : other).update('index.json', now => new Uint8Array([...(now ?? []), i])),
      ),
    )
    const bytes = await (await storage.open('index.json'))?.bytes()
    expect([...(bytes ?? [])].sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, i) => i))
  })

  it('lets one who waits for the lock give up with his own reason', async () => {
    const abort = new AbortController()
    const reason = new Error('stop')
    const outcome = await navigator.locks.request(`ocidir:opfs:${name}`, async () => {
      const waiting = Promise.allSettled([
        storage.update('index.json', () => encode('{}'), { signal: abort.signal }),
        storage.remove(() => [], { signal: abort.signal }),
      ])
      await new Promise(resolve => setTimeout(resolve, 50))
      abort.abort(reason)
      return waiting
    })
    expect(outcome).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ])
    await storage.update('index.json', () => encode('{}'))
    expect((await entries()).map(entry => entry.path)).toEqual(['index.json'])
  })

  it('says that the quota is full before the first byte, where the size is known', async () => {
    await expect(storage.stage({ size: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      data: { needed: Number.MAX_SAFE_INTEGER },
    })
    expect(await entries()).toEqual([])
  })

  it('does not remove what a tab is still writing, when it sweeps', async () => {
    const staged = await storage.stage()
    const writer = staged.writable.getWriter()
    await writer.write(new Uint8Array(2_000_000))
    await storage.sweep({ olderThan: 0 })
    await writer.close()
    expect(await staged.commit('blobs/sha256/aa')).toBe('written')
  })

  it('lists a folder in a blob place as other', async () => {
    const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(name)
    const blobs = await root.getDirectoryHandle('blobs', { create: true })
    const sha256 = await blobs.getDirectoryHandle('sha256', { create: true })
    await sha256.getDirectoryHandle('aa', { create: true })
    expect(await entries()).toEqual([{ path: 'blobs/sha256/aa', kind: 'other' }])
    await expect(storage.open('blobs/sha256/aa')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  })

  it('shows a reader who never rests no half of a document', async () => {
    let writing = true
    const writers = (async () => {
      for (let i = 0; i < 60; i++) await storage.update('index.json', () => encode(`${i}`.repeat(500 + i)))
      writing = false
    })()
    let reads = 0
    while (writing) {
      const file = await storage.open('index.json')
      const text = new TextDecoder().decode(await file?.bytes())
      // Before the first write there is none; after it there always is.
      if (file === undefined && reads === 0) continue
      const number = text.slice(0, text.length > 600 ? 2 : 1)
      expect(text).toBe(number.repeat(500 + Number(number)))
      reads++
    }
    await writers
    expect(reads).toBeGreaterThan(20)
  })
})

describe('a sweep beside a storage that closes', () => {
  it('passes over the private folder that is taken away', async () => {
    for (let i = 0; i < 60; i++) {
      const other = await opfs(name)
      await (await other.stage()).discard()
      await Promise.all([storage.sweep({ olderThan: 0 }), other.close()])
    }
  })
})

describe('errors of the browser', () => {
  const table: Readonly<Record<string, string>> = {
    QuotaExceededError: 'STORAGE_FULL',
    NotAllowedError: 'STORAGE_DENIED',
    SecurityError: 'STORAGE_DENIED',
    NoModificationAllowedError: 'STORAGE_LOCKED',
    NotFoundError: 'STORAGE_FAILED',
    NotReadableError: 'STORAGE_FAILED',
    TypeMismatchError: 'STORAGE_FAILED',
    InvalidModificationError: 'STORAGE_FAILED',
    InvalidStateError: 'STORAGE_FAILED',
    AbortError: 'STORAGE_FAILED',
    UnknownError: 'STORAGE_FAILED',
  }
  for (const [dom, code] of Object.entries(table)) {
    it(`P17: ${dom} is ${code}, with its cause`, () => {
      const cause = new DOMException('why', dom)
      expect(faultOf(cause, { storage: 's', operation: 'commit' })).toMatchObject({
        name: 'OciError',
        code,
        cause,
      })
    })
  }

  it.each(['NotAllowedError', 'SecurityError'])(
    'are told of a file that a list may not look at: %s (taken for a link, gc would keep it for ever)',
    async dom => {
      await put('blob')
      const { getFile } = FileSystemFileHandle.prototype
      FileSystemFileHandle.prototype.getFile = () => Promise.reject(new DOMException('why', dom))
      try {
        await expect(entries()).rejects.toMatchObject({ code: 'STORAGE_DENIED' })
      } finally {
        FileSystemFileHandle.prototype.getFile = getFile
      }
    },
  )

  it('pass through when they are none', () => {
    for (const error of [new TypeError('mistake'), new Error('plain'), 'text', undefined]) {
      expect(faultOf(error, { storage: 's', operation: 'commit' })).toBe(error)
    }
  })

  it('are told of a folder that went away', async () => {
    const root = await navigator.storage.getDirectory()
    const gone = await root.getDirectoryHandle(`gone-${name}`, { create: true })
    const lost = await folder(gone)
    await root.removeEntry(`gone-${name}`, { recursive: true })
    expect(await lost.open('index.json')).toBeUndefined()
    await expect(lost.stage()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await expect(lost.update('index.json', () => encode('{}'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    })
  })

  it('are a TypeError for something that is no folder', async () => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle(`${name}-file`, {
      create: true,
    })
    const wrong: unknown = file
    await expect(folder(wrong as FileSystemDirectoryHandle)).rejects.toThrow(TypeError)
    await (await navigator.storage.getDirectory()).removeEntry(`${name}-file`)
  })
})

async function put(text: string): Promise<void> {
  const staged = await storage.stage()
  const writer = staged.writable.getWriter()
  await writer.write(encode(text))
  await writer.close()
  await staged.commit('blobs/sha256/aa')
}

async function entries(): Promise<StorageEntry[]> {
  const found: StorageEntry[] = []
  for await (const entry of storage.list()) found.push(entry)
  return found
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
