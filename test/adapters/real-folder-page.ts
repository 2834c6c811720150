/** The page of the real folder's test: takes the folder that is dropped on it, and does in it what the test asks. */

import { folder } from '../../adapters/fsa/index.ts'
import { isOciError } from '../../src/errors.ts'
import { configure, draft, fsck, OciDir, pushLayer } from '../../src/index.ts'
import type { BlobPath, StorageAdapter, StorageEntry } from '../../src/storage.ts'
import { runStorageCase, storageCases } from '../suites/index.ts'

/** What became of one case. */
export interface CaseResult {
  readonly name: string
  readonly outcome: 'passed' | 'left out' | string
}

/** What became of a call: its value, or the code of its error and the name of the browser's own behind it. */
export interface Told {
  readonly value?: unknown
  readonly code?: string
  readonly cause?: string
}

/** What readers of a document met that is written meanwhile, and what one met that just takes the `File`. */
export interface Shared {
  updates: number
  reads: number
  torn: number
  tornUnchecked: number
}

declare global {
  var dropped: FileSystemDirectoryHandle | undefined
  var library: {
    readonly fsck: typeof fsck
    /** A storage on a folder of the dropped one. */
    storageIn(name: string): Promise<StorageAdapter>
    entriesIn(name: string): Promise<readonly StorageEntry[]>
    put(storage: StorageAdapter, path: BlobPath, size: number): Promise<string>
    /** Builds an image, and gives the manifest's digest. */
    build(name: string, tag: string): Promise<string>
    told(call: Promise<unknown>): Promise<Told>
    /** Writes and reads index.json until a reader that checks nothing has met half of one, or for ten seconds. */
    share(name: string): Promise<Shared>
  }
  var openDropped: () => Promise<StorageAdapter>
  var runSuite: () => Promise<readonly CaseResult[]>
  var traitsThere: () => Promise<object>
  var writeLayout: () => Promise<void>
}

document.documentElement.style.height = '100%'
document.addEventListener('dragover', event => event.preventDefault())
document.addEventListener('drop', event => {
  event.preventDefault()
  const item = event.dataTransfer?.items[0]
  if (item === undefined || !('getAsFileSystemHandle' in item)) return
  const asHandle = item.getAsFileSystemHandle
  if (typeof asHandle !== 'function') return
  Promise.resolve(asHandle.call(item)).then(handle => {
    if (handle instanceof FileSystemDirectoryHandle) globalThis.dropped = handle
  }, console.error)
})

globalThis.library = {
  fsck,
  storageIn: async name => folder(await droppedFolder().getDirectoryHandle(name, { create: true })),
  async entriesIn(name) {
    const entries: StorageEntry[] = []
    for await (const entry of (await library.storageIn(name)).list()) entries.push(entry)
    return entries
  },
  async put(storage, path, size) {
    const staged = await storage.stage()
    try {
      const writer = staged.writable.getWriter()
      writer.closed.catch(() => {})
      await writer.write(new Uint8Array(size).fill(7))
      await writer.close()
      return await staged.commit(path)
    } finally {
      await staged.discard()
    }
  },
  async build(name, tag) {
    const dir = await OciDir.ensure(await library.storageIn(name))
    const layer = await dir.writeLayer(new Uint8Array(10_240))
    const image = configure(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer), {
      Cmd: ['/run'],
    })
    return (await dir.writeImage(image, { tag })).descriptor.digest
  },
  async share(name) {
    const storage = await library.storageIn(name)
    const seen: Shared = { updates: 0, reads: 0, torn: 0, tornUnchecked: 0 }
    const end = performance.now() + 10_000
    const goesOn = (): boolean => performance.now() < end && (seen.tornUnchecked === 0 || seen.reads < 200)
    const write = async (): Promise<void> => {
      for (; goesOn(); seen.updates++) {
        const text = JSON.stringify({ by: 'page', text: 'p'.repeat((seen.updates * 7919) % 20_000) })
        await orChanged(storage.update('index.json', () => new TextEncoder().encode(text)))
      }
    }
    const read = async (): Promise<void> => {
      for (; goesOn(); seen.reads++) {
        const file = await orChanged(storage.open('index.json'))
        if (file !== undefined && !isWhole(new TextDecoder().decode(await file.bytes()))) seen.torn++
      }
    }
    const readUnchecked = async (): Promise<void> => {
      while (goesOn()) if (!isWhole(await textUnchecked(name))) seen.tornUnchecked++
    }
    await Promise.all([write(), read(), read(), readUnchecked()])
    return seen
  },
  told: call =>
    call.then(
      value => ({ value }),
      error => ({
        code: isOciError(error) ? error.code : `not typed: ${error}`,
        cause: error?.cause?.name,
      }),
    ),
}

globalThis.runSuite = async () => {
  const root = droppedFolder()
  const traits = (await folder(root)).traits
  const results: CaseResult[] = []
  for (const [number, item] of storageCases.entries()) {
    if (item.needs !== undefined && !item.needs.has(traits)) {
      results.push({ name: item.name, outcome: 'left out' })
      continue
    }
    const name = `case-${number}`
    const outcome = await runStorageCase(item, () => ({
      open: async () => folder(await root.getDirectoryHandle(name, { create: true })),
      remove: () => root.removeEntry(name, { recursive: true }),
    })).then(
      () => 'passed',
      error => String(error),
    )
    results.push({ name: item.name, outcome })
  }
  return results
}

globalThis.openDropped = () => folder(droppedFolder())

globalThis.traitsThere = async () => (await folder(droppedFolder())).traits

globalThis.writeLayout = async () => {
  const storage = await folder(await droppedFolder().getDirectoryHandle('layout', { create: true }))
  await storage.update('oci-layout', () => new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}'))
  const staged = await storage.stage()
  const writer = staged.writable.getWriter()
  await writer.write(new TextEncoder().encode('from the browser'))
  await writer.close()
  await staged.commit('blobs/sha256/aa')
  await storage.update('index.json', () => new TextEncoder().encode('{}'), { requires: ['blobs/sha256/aa'] })
  // Left open on purpose: another program looks at the folder while this one is written.
  await (await storage.stage()).writable.getWriter().write(new Uint8Array(3_000_000))
}

/** Writers that never rest may come between each time that it is read again: that is said, and is no torn read. */
function orChanged<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch(error => {
    if (isOciError(error, 'STORAGE_CHANGED')) return undefined
    throw error
  })
}

async function textUnchecked(name: string): Promise<string> {
  const there = await droppedFolder().getDirectoryHandle(name)
  const file = await (await there.getFileHandle('index.json')).getFile()
  // A browser that notices the change fails, and that is no half of a document.
  return file.text().catch(() => '{}')
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function droppedFolder(): FileSystemDirectoryHandle {
  if (globalThis.dropped === undefined) throw new Error('no folder was dropped')
  return globalThis.dropped
}
