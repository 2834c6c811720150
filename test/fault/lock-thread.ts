/** A thread that takes a layout's lock, and stands for ever at a point of its section. Bundled by `child.ts`. */

import { parentPort, workerData } from 'node:worker_threads'
import { FolderStorage, type SectionPoint } from '../../adapters/node/folder.ts'

/** What the thread is given. */
export interface LockThread {
  readonly dir: string
  readonly line: string
  readonly at: SectionPoint
}

const { dir, line, at }: LockThread = workerData
const storage = new FolderStorage(
  dir,
  {},
  {
    async reached(point) {
      if (point !== at) return
      parentPort?.postMessage('holds')
      await new Promise(() => {})
    },
  },
)
storage
  .update('index.json', now => new TextEncoder().encode(`${new TextDecoder().decode(now)}${line}\n`))
  .catch(error => parentPort?.postMessage(String(error)))
// A thread with nothing to wait for ends, and the heartbeat alone doesn't keep it.
parentPort?.on('message', () => {})
