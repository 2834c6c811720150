/** The page of the real folder's test: takes the folder that is dropped on it, and runs the storage suite in it. */

import { folder } from '../../adapters/fsa/index.ts'
import { runStorageCase, storageCases } from '../suites/index.ts'

/** What became of one case. */
export interface CaseResult {
  readonly name: string
  readonly outcome: 'passed' | 'left out' | string
}

declare global {
  var dropped: FileSystemDirectoryHandle | undefined
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

function droppedFolder(): FileSystemDirectoryHandle {
  if (globalThis.dropped === undefined) throw new Error('no folder was dropped')
  return globalThis.dropped
}
