/**
 * The worker that compresses and hashes for a page: a module to be started by `new Worker`, not imported. An engine starts
 * it by itself; a page whose bundler or policy forbids that starts it in `EngineOptions.worker`.
 */

import { createHasher, digestOf } from './digest.ts'
import type { ToWorker } from './jobs.ts'
import { performer } from './perform.ts'
import { readHandle } from './read-handle.ts'

const perform = performer((answer, transfer) => self.postMessage(answer, { transfer }), {
  makeHasher: createHasher,
  digest: async (bytes, algorithm) => (await digestOf(bytes, { algorithm })).slice(algorithm.length + 1),
  readPart: readHandle,
})

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => perform(data))
