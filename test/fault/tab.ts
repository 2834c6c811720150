/** What a tab or a worker of the test does: bundled, served, and called from outside by name. */

import { opfs } from '../../adapters/fsa/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'

/** The deeds that the test calls in a page. */
export interface TabDeeds {
  addLines(dir: string, lines: readonly string[]): Promise<void>
  addLinesUnlocked(dir: string, lines: readonly string[]): Promise<void>
  addLinesInWorker(dir: string, lines: readonly string[]): Promise<void>
  /** Begins an update that never ends, and resolves when it holds the lock. */
  holdForEver(dir: string): Promise<void>
  linesIn(dir: string): Promise<string[]>
}

declare global {
  var deeds: TabDeeds
}

globalThis.deeds = {
  async addLines(dir, lines) {
    const storage = await opfs(dir)
    await Promise.all(lines.map(line => storage.update('index.json', now => addedTo(now, line))))
    await storage.close()
  },
  async addLinesUnlocked(dir, lines) {
    const storage = await opfs(dir)
    // One that meets the other tab's write may fail, too: that line is lost like those that are overwritten.
    for (const line of lines) await addLineUnlocked(storage, dir, line).catch(() => {})
  },
  addLinesInWorker(dir, lines) {
    const worker = new Worker('/page.js', { type: 'module' })
    return new Promise((resolve, reject) => {
      worker.onmessage = event => (event.data === 'done' ? resolve() : reject(new Error(String(event.data))))
      worker.onerror = event => reject(new Error(event.message))
      worker.postMessage({ dir, lines })
    })
  },
  holdForEver: dir =>
    new Promise(resolve => {
      navigator.locks
        .request(`ocidir:opfs:${dir}`, () => {
          resolve()
          return new Promise(() => {})
        })
        .catch(() => {})
    }),
  async linesIn(dir) {
    const file = await (await opfs(dir)).open('index.json')
    return text(await file?.bytes())
      .split('\n')
      .filter(line => line !== '')
  },
}

if (typeof window === 'undefined') {
  globalThis.onmessage = (event: MessageEvent<{ dir: string; lines: readonly string[] }>) => {
    globalThis.deeds.addLines(event.data.dir, event.data.lines).then(
      () => globalThis.postMessage('done'),
      error => globalThis.postMessage(String(error)),
    )
  }
}

async function addLineUnlocked(storage: StorageAdapter, dir: string, line: string): Promise<void> {
  const now = await (await storage.open('index.json'))?.bytes()
  // Time for the other tab to come between, on a machine that is busy with other things, too.
  await new Promise(resolve => setTimeout(resolve, 5))
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(dir)
  const writable = await (await root.getFileHandle('index.json', { create: true })).createWritable()
  await writable.write(new Uint8Array(addedTo(now, line)))
  await writable.close()
}

function addedTo(now: Uint8Array | undefined, line: string): Uint8Array {
  return new TextEncoder().encode(`${text(now)}${line}\n`)
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes)
}
