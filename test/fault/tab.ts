/** What a tab or a worker of the test does: bundled, served, and called from outside by name. */

import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb } from '../../adapters/indexeddb/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { holdFiles } from '../adapters/indexeddb-raw.ts'
import { OthersBetween } from './others-between.ts'

/** Where the tabs meet: a medium and a name there. */
export interface TabPlace {
  readonly medium: 'opfs' | 'indexeddb'
  readonly dir: string
  /** How many are expected: each waits, after its first line, until all have begun. */
  readonly writers?: number
}

/** The deeds that the test calls in a page. Those that add lines give how often others came between two of them. */
export interface TabDeeds {
  addLines(place: TabPlace, lines: readonly string[]): Promise<number>
  addLinesUnlocked(place: TabPlace, lines: readonly string[]): Promise<number>
  addLinesInWorker(place: TabPlace, lines: readonly string[]): Promise<number>
  addLinesInServiceWorker(place: TabPlace, lines: readonly string[]): Promise<number>
  /** Begins an update that never ends, and resolves when it keeps all others out. */
  holdForEver(place: TabPlace): Promise<void>
  linesIn(place: TabPlace): Promise<string[]>
}

declare global {
  var deeds: TabDeeds
}

globalThis.deeds = {
  async addLines(place, lines) {
    const others = new OthersBetween()
    const storage = others.watched(await open(place))
    const due = [...lines]
    const addNext = (): Promise<void> => {
      const line = due.shift() ?? ''
      return storage.update('index.json', now => addedTo(now, line))
    }
    await addNext()
    while ((await writersIn(storage)) < (place.writers ?? 0)) await pause(5)
    // All at once would stand in one row, and no other tab between them.
    const lane = async (): Promise<void> => {
      while (due.length > 0) await addNext()
    }
    await Promise.all([lane(), lane()])
    await storage.close()
    return others.times
  },
  async addLinesUnlocked(place, lines) {
    const storage = await open(place)
    // One that meets the other tab's write may fail, too: that line is lost like those that are overwritten.
    const others = new OthersBetween()
    for (const line of lines) await addLineUnlocked(storage, { place, line, others }).catch(() => {})
    return others.times
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

function askedOf(worker: Worker | ServiceWorker, asked: Asked): Promise<number> {
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve, reject) => {
    port1.onmessage = event =>
      typeof event.data === 'number' ? resolve(event.data) : reject(new Error(String(event.data)))
    worker.onerror = event => reject(new Error('message' in event ? event.message : 'the worker failed'))
    worker.postMessage(asked, [port2])
  })
}

if (typeof window === 'undefined') {
  globalThis.onmessage = (event: MessageEvent<Asked>) => {
    const adding = globalThis.deeds.addLines(event.data.place, event.data.lines).then(
      times => event.ports[0]?.postMessage(times),
      error => event.ports[0]?.postMessage(String(error)),
    )
    // A service worker ends when it has nothing to wait for.
    if ('waitUntil' in event && typeof event.waitUntil === 'function') event.waitUntil(adding)
  }
}

/** Of lines like `a-1`, how many different writers there are. */
async function writersIn(storage: StorageAdapter): Promise<number> {
  const lines = text(await (await storage.open('index.json'))?.bytes()).split('\n')
  return new Set(lines.filter(line => line.includes('-')).map(line => line.split('-')[0])).size
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}

function open({ medium, dir }: TabPlace): Promise<StorageAdapter> {
  return medium === 'opfs' ? opfs(dir) : indexedDb(dir)
}

interface Unlocked {
  readonly place: TabPlace
  readonly line: string
  readonly others: OthersBetween
}

async function addLineUnlocked(storage: StorageAdapter, { place, line, others }: Unlocked): Promise<void> {
  const now = await (await storage.open('index.json'))?.bytes()
  // Time for the other tab to come between, on a machine that is busy with other things, too.
  await pause(5)
  others.saw(text(now), text(addedTo(now, line)))
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
