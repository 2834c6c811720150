/**
 * What engines are known to do differently: each a look at the bare platform, which tells what the engine does today,
 * and a deed of the library that must come out the same everywhere.
 */

import { memory } from '../../adapters/memory.ts'
import { gunzip } from '../../src/codec/gzip.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { chunksOf, collect, concat, streamOf } from '../../src/streams.ts'
import { same, sameBytes } from '../suites/assert.ts'
import { ascii, member } from '../suites/gzip-members.ts'
import { chunked } from '../suites/seeded-bytes.ts'
import {
  asksWorker,
  bytes,
  endsByName,
  heldBlob,
  largeBlob,
  movesIntoFolders,
  sendsBytes,
  storesBytes,
  twoWriters,
  waitsForNobody,
} from './proofs.ts'

/** One thing that engines do differently. */
export interface Difference {
  readonly what: string
  /** What this engine does, in a few words that don't change from run to run. */
  look(): Promise<string>
  /** What the library makes of it, for the table. */
  readonly ours: string
  /** Fails where the library doesn't do that. */
  prove(): Promise<void>
}

export const differences: readonly Difference[] = [
  {
    what: 'a stream as the body of a `fetch`',
    async look() {
      const sent = await postedBack(streamOf(chunked(ascii('streamed'), 3)))
      return sent === 'streamed' ? 'sent' : sent
    },
    ours: 'sends nothing; a layer goes out as a Blob, with all of its bytes',
    async prove() {
      const dir = await OciDir.ensure(memory())
      const { descriptor } = await dir.writeBlob('blob of a layout').then(descriptor => ({ descriptor }))
      const blob = await new Response(await dir.readBlob(descriptor)).blob()
      same(await postedBack(blob), 'blob of a layout')
    },
  },
  {
    what: '`move(name)`',
    look: () => moved(handle => handle.move('other')),
    ours: 'is never called',
    prove: movesIntoFolders,
  },
  {
    what: '`move(folder, name)`',
    look: () => moved((handle, folder) => handle.move(folder, 'other')),
    ours: 'publishes with it',
    prove: movesIntoFolders,
  },
  {
    what: "`createWritable` with `mode: 'exclusive'`",
    look: () =>
      withFile(async handle => {
        const options = { mode: 'exclusive' } as FileSystemCreateWritableOptions
        const first = await handle.createWritable(options)
        const second = await handle.createWritable(options).catch(nameOf)
        await first.close()
        if (typeof second !== 'string') await second.close()
        return typeof second === 'string' ? `keeps others out (${second})` : 'is taken no heed of'
      }),
    ours: 'asks for no mode: two writers of one blob meet at a lock',
    prove: twoWriters,
  },
  {
    what: '`createWritable` twice on one file',
    look: () =>
      withFile(async handle => {
        const [a, b] = [await handle.createWritable(), await handle.createWritable()]
        await a.write('a')
        await b.write('b')
        await a.close()
        await b.close()
        return `the last to close wins (${await (await handle.getFile()).text()})`
      }),
    ours: 'writes each blob to a file of its own',
    prove: twoWriters,
  },
  {
    what: 'a `File` held while its file is rewritten',
    look: () => heldAcross(async handle => write(handle, 'after!')),
    ours: 'never rewrites a blob; a reader of what was replaced gets `STORAGE_CHANGED`',
    prove: heldBlob,
  },
  {
    what: 'gzip of two members in `DecompressionStream`',
    look: async () =>
      inflatedBy(concat([await member({ content: ascii('one') }), await member({ content: ascii('two') })])),
    ours: 'reads both',
    async prove() {
      const parts = [await member({ content: ascii('one') }), await member({ content: ascii('two') })]
      sameBytes(await collect(gunzip(concat(parts)), { max: 99 }), ascii('onetwo'))
    },
  },
  {
    what: 'zeros behind gzip in `DecompressionStream`',
    look: async () => inflatedBy(concat([await member({ content: ascii('one') }), new Uint8Array(512)])),
    ours: 'passes over them',
    async prove() {
      const padded = concat([await member({ content: ascii('one') }), new Uint8Array(512)])
      sameBytes(await collect(gunzip(padded), { max: 99 }), ascii('one'))
    },
  },
  {
    what: '`ReadableStream.from`',
    look: async () => ('from' in ReadableStream ? 'there' : 'missing'),
    ours: '`streamOf` of its own',
    prove: async () => sameBytes(await collect(streamOf(chunked(bytes, 999)), { max: 1 << 20 }), bytes),
  },
  {
    what: '`for await` over a stream',
    look: async () => (Symbol.asyncIterator in ReadableStream.prototype ? 'there' : 'missing'),
    ours: 'reads by readers, and cancels what is left early',
    async prove() {
      let cancelled = false
      const source = new ReadableStream<Uint8Array>({
        pull: controller => controller.enqueue(ascii('x')),
        cancel: () => {
          cancelled = true
        },
      })
      for await (const _chunk of chunksOf(source)) break
      await new Promise(resolve => setTimeout(resolve))
      same(cancelled, true, 'cancelled')
    },
  },
  {
    what: 'a stream sent to a worker',
    look: async () => {
      const stream = streamOf(chunked(bytes, 999))
      const { port1, port2 } = new MessageChannel()
      try {
        port1.postMessage(stream, [stream as unknown as Transferable])
        return 'can be'
      } catch (error) {
        return nameOf(error)
      } finally {
        port1.close()
        port2.close()
      }
    },
    ours: 'sends bytes to its worker',
    prove: async () => sendsBytes((await syncAccessInWorker()) === 'there'),
  },
  {
    what: '`Symbol.asyncDispose`',
    look: async () => ('asyncDispose' in Symbol ? 'there' : 'missing'),
    ours: '`close` and `discard`',
    prove: endsByName,
  },
  {
    what: 'a sync access handle in the page',
    look: () => withFile(syncAccess),
    ours: 'asks its worker',
    prove: asksWorker,
  },
  {
    what: 'a sync access handle in a worker',
    look: syncAccessInWorker,
    ours: 'writes large blobs by it, else by `createWritable`: the same bytes',
    prove: async () => largeBlob((await syncAccessInWorker()) === 'there'),
  },
  {
    what: '`navigator.storage.persist()`, with nobody to ask',
    async look() {
      const late = new Promise<string>(resolve => setTimeout(resolve, 2000, 'never settles'))
      return Promise.race([navigator.storage.persist().then(() => 'settles'), late])
    },
    ours: 'never waits for it',
    prove: waitsForNobody,
  },
  {
    what: 'a Blob in IndexedDB',
    look: blobInDatabase,
    ours: 'stores plain bytes',
    prove: storesBytes,
  },
]

type Movable = FileSystemFileHandle & { move(...args: unknown[]): Promise<void> }

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : String(error)
}

/** What the server got for a body. */
async function postedBack(body: BodyInit): Promise<string> {
  try {
    const options = { method: 'POST', body, duplex: 'half' } as RequestInit
    return await (await fetch('/echo', options)).text()
  } catch (error) {
    return nameOf(error)
  }
}

async function inFolder<T>(work: (folder: FileSystemDirectoryHandle) => Promise<T>): Promise<T> {
  const root = await navigator.storage.getDirectory()
  const name = `difference-${crypto.randomUUID()}`
  try {
    return await work(await root.getDirectoryHandle(name, { create: true }))
  } finally {
    await root.removeEntry(name, { recursive: true }).catch(() => {})
  }
}

function withFile<T>(work: (handle: FileSystemFileHandle) => Promise<T>): Promise<T> {
  return inFolder(async folder => {
    const handle = await folder.getFileHandle('file', { create: true })
    await write(handle, 'before')
    return work(handle)
  })
}

async function write(handle: FileSystemFileHandle, text: string): Promise<void> {
  const writable = await handle.createWritable()
  await writable.write(text)
  await writable.close()
}

function moved(move: (handle: Movable, folder: FileSystemDirectoryHandle) => Promise<void>): Promise<string> {
  return inFolder(async folder => {
    const handle = await folder.getFileHandle('file', { create: true })
    await write(handle, 'before')
    try {
      await move(handle as Movable, folder)
      return (await (await folder.getFileHandle('other')).getFile()).size === 6 ? 'moves' : 'loses bytes'
    } catch (error) {
      return nameOf(error)
    }
  })
}

function heldAcross(rewrite: (handle: FileSystemFileHandle) => Promise<void>): Promise<string> {
  return withFile(async handle => {
    const file = await handle.getFile()
    // Some engines tell versions apart by whole seconds.
    await new Promise(resolve => setTimeout(resolve, 1100))
    await rewrite(handle)
    // Until somebody has read the new bytes WebKit gives, by chance, the old ones, the new ones or an error.
    await (await handle.getFile()).text().catch(() => {})
    const text = await file.text().catch(nameOf)
    return text === 'after!' ? 'gives the new bytes, without an error' : text
  })
}

async function inflatedBy(gz: Uint8Array): Promise<string> {
  const stream = new Blob([gz.slice()]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(stream).text().then(
    text => `reads "${text}"`,
    error => nameOf(error),
  )
}

async function syncAccess(handle: FileSystemFileHandle): Promise<string> {
  const opener = handle as FileSystemFileHandle & { createSyncAccessHandle?(): Promise<{ close(): void }> }
  if (opener.createSyncAccessHandle === undefined) return 'missing'
  try {
    ;(await opener.createSyncAccessHandle()).close()
    return 'there'
  } catch (error) {
    return nameOf(error)
  }
}

async function syncAccessInWorker(): Promise<string> {
  const text = `onmessage = async () => {
    const root = await navigator.storage.getDirectory()
    // WebKit keeps one locked that it refused.
    const name = 'sync-probe-' + crypto.randomUUID()
    const handle = await root.getFileHandle(name, { create: true })
    const told = handle.createSyncAccessHandle === undefined ? 'missing'
      : await handle.createSyncAccessHandle().then(open => (open.close(), 'there'), error => error.name)
    await root.removeEntry(name).catch(() => {})
    postMessage(told)
  }`
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  const worker = new Worker(url)
  try {
    return await new Promise<string>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = () => reject(new Error('the worker failed'))
      worker.postMessage('')
    })
  } finally {
    worker.terminate()
    URL.revokeObjectURL(url)
  }
}

function blobInDatabase(): Promise<string> {
  const name = `difference-${crypto.randomUUID()}`
  return new Promise<string>(resolve => {
    const opening = indexedDB.open(name)
    opening.onupgradeneeded = () => opening.result.createObjectStore('blobs')
    opening.onerror = () => resolve(nameOf(opening.error))
    opening.onsuccess = () => {
      const database = opening.result
      const transaction = database.transaction('blobs', 'readwrite')
      const end = (told: string): void => {
        database.close()
        indexedDB.deleteDatabase(name)
        resolve(told)
      }
      transaction.onabort = () => end(nameOf(transaction.error))
      transaction.oncomplete = () => {
        const getting = database.transaction('blobs').objectStore('blobs').get('key')
        getting.onsuccess = () =>
          (getting.result as Blob).text().then(
            text => end(text === 'blob' ? 'kept' : 'other bytes'),
            error => end(nameOf(error)),
          )
      }
      transaction.objectStore('blobs').put(new Blob(['blob']), 'key')
    }
  })
}
