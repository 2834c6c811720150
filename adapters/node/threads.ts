/** Threads of this process as the workers of an engine. */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { ThreadTools } from '../../src/storage.ts'

/** Threads of `worker_threads`. */
export const threads: ThreadTools = { count: availableParallelism(), start }

function start(): ReturnType<ThreadTools['start']> {
  // Their garbage would wait for far more memory than a few blocks need.
  const worker = new Worker(new URL('./thread.js', import.meta.url), {
    name: 'ocidir',
    // A process's own flags may be none for a thread (`--input-type`), or load what it has no use for.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1 },
  })
  worker.unref()
  return {
    postMessage: (message, transfer) => worker.postMessage(message, transfer),
    addEventListener(type, listener) {
      if (type === 'message') worker.on(type, data => listener({ data }))
      else worker.on(type, () => listener({}))
      // A thread may end without an error.
      if (type === 'error') worker.on('exit', () => listener({}))
    },
    terminate: () => worker.terminate(),
    ref: () => worker.ref(),
    unref: () => worker.unref(),
  }
}
