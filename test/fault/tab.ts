/** What a tab or a worker of the test does: bundled, served, and called from outside by name. */

import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb } from '../../adapters/indexeddb/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { holdFiles } from '../adapters/indexeddb-raw.ts'

/** Where the tabs meet: a medium and a name there. */
export interface TabPlace {
  readonly medium: 'opfs' | 'indexeddb'
  readonly dir: string
}

/** The deeds that the test calls in a page. */
export interface TabDeeds {
  addLines(place: TabPlace, lines: readonly string[]): Promise<void>
  addLinesUnlocked(place: TabPlace, lines: readonly string[]): Promise<void>
  addLinesInWorker(place: TabPlace, lines: readonly string[]): Promise<void>
  addLinesInServiceWorker(place: TabPlace, lines: readonly string[]): Promise<void>
  /** Begins an update that never ends, and resolves when it keeps all others out. */
  holdForEver(place: TabPlace): Promise<void>
  linesIn(place: TabPlace): Promise<string[]>
}

declare global {
  var deeds: TabDeeds
}

globalThis.deeds = {
  async addLines(place, lines) {
    const storage = await open(place)
    await Promise.all(lines.map(line => storage.update('index.json', now => addedTo(now, line))))
    await storage.close()
  },
  async addLinesUnlocked(place, lines) {
    const storage = await open(place)
    // One that meets the other tab's write may fail, too: that line is lost like those that are overwritten.
    for (const line of lines) await addLineUnlocked(storage, place, line).catch(() => {})
  },
  addLinesInWorker(place, lines) {
    return askedOf(new Worker('/page.js', { type: 'module' }), { place, lines })
  },
  async addLinesInServiceWorker(place, lines) {
    await navigator.serviceWorker.register('/page.js', { type: 'module' })
    const { active } = await navigator.serviceWorker.ready
    if (active === null) throw new Error('no service worker is active')
    return askedOf(active, { place, lines })
  },
  holdForEver: place => (place.medium === 'opfs' ? holdLock(place) : holdTransaction(place)),
  async linesIn(place) {
    const file = await (await open(place)).open('index.json')
    return text(await file?.bytes())
      .split('\n')
      .filter(line => line !== '')
  },
}

/** What a worker is asked to add. */
interface Asked {
  readonly place: TabPlace
  readonly lines: readonly string[]
}

function askedOf(worker: Worker | ServiceWorker, asked: Asked): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve, reject) => {
    port1.onmessage = event => (event.data === 'done' ? resolve() : reject(new Error(String(event.data))))
    worker.onerror = event => reject(new Error('message' in event ? event.message : 'the worker failed'))
    worker.postMessage(asked, [port2])
  })
}

if (typeof window === 'undefined') {
  globalThis.onmessage = (event: MessageEvent<Asked>) => {
    const adding = globalThis.deeds.addLines(event.data.place, event.data.lines).then(
      () => event.ports[0]?.postMessage('done'),
      error => event.ports[0]?.postMessage(String(error)),
    )
    // A service worker ends when it has nothing to wait for.
    if ('waitUntil' in event && typeof event.waitUntil === 'function') event.waitUntil(adding)
  }
}

function open({ medium, dir }: TabPlace): Promise<StorageAdapter> {
  return medium === 'opfs' ? opfs(dir) : indexedDb(dir)
}

async function addLineUnlocked(storage: StorageAdapter, place: TabPlace, line: string): Promise<void> {
  const now = await (await storage.open('index.json'))?.bytes()
  // Time for the other tab to come between, on a machine that is busy with other things, too.
  await new Promise(resolve => setTimeout(resolve, 5))
  if (place.medium === 'indexeddb') return storage.update('index.json', () => addedTo(now, line))
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(place.dir)
  const writable = await (await root.getFileHandle('index.json', { create: true })).createWritable()
  await writable.write(new Uint8Array(addedTo(now, line)))
  await writable.close()
}

function holdLock({ dir }: TabPlace): Promise<void> {
  return new Promise(resolve => {
    navigator.locks
      .request(`ocidir:opfs:${dir}`, () => {
        resolve()
        return new Promise(() => {})
      })
      .catch(() => {})
  })
}

async function holdTransaction(place: TabPlace): Promise<void> {
  await (await open(place)).close()
  await holdFiles(place.dir)
}

function addedTo(now: Uint8Array | undefined, line: string): Uint8Array {
  return new TextEncoder().encode(`${text(now)}${line}\n`)
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes)
}
