/** A thread that compresses and hashes for an engine: started by `threads.ts`. */

import { parentPort } from 'node:worker_threads'
import { performer } from '../../src/perform.ts'
import { nativeHasher } from './native.ts'
import { readShared } from './shared-file.ts'

const perform = performer((answer, transfer) => parentPort?.postMessage(answer, transfer), {
  makeHasher: async algorithm => nativeHasher(algorithm),
  readPart: readShared,
})

parentPort?.on('message', perform)
