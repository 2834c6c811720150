/** The worker that writes large blobs, whose calls to the sync access handle can be made to fail. Its name is the order. */

// Evaluated first: a message that comes before its listener would be lost.
import '../../adapters/fsa/worker.ts'
import type { PlainOrder } from './faults.ts'

type Call = (this: object, ...args: unknown[]) => unknown

/** What such a worker is to do. */
export interface WorkerOrder extends PlainOrder {
  /** It takes the short count for the whole. */
  readonly isCareless?: boolean
}

const order = JSON.parse(self.name) as WorkerOrder
const told = new BroadcastChannel('faulty-worker')
let calls = 0

function isHit(): boolean {
  calls++
  const hit = order.isLasting ? calls >= order.at : calls === order.at
  if (hit) told.postMessage('fired')
  return hit
}

function patch(prototype: object, name: string, wrong: (call: () => unknown) => unknown): void {
  const call = Reflect.get(prototype, name) as Call
  Reflect.set(prototype, name, function (this: object, ...args: unknown[]) {
    const done = (): unknown => call.apply(this, args)
    if (order.kind === 'short write' && name !== 'write') return done()
    const hit = isHit()
    if (!hit) return done()
    if (order.kind === 'short write') {
      const [bytes, at] = args as [Uint8Array, object]
      // Where nothing goes any more, nothing is taken.
      const half = bytes.subarray(0, order.isLasting ? 0 : bytes.length >> 1)
      const count = call.apply(this, [half, at])
      return order.isCareless ? bytes.length : count
    }
    return wrong(done)
  })
}

const fail = (): never => {
  throw new DOMException('injected', order.kind === 'quota' ? 'QuotaExceededError' : 'UnknownError')
}
const handle: object = Reflect.get(globalThis, 'FileSystemSyncAccessHandle').prototype
patch(FileSystemFileHandle.prototype, 'createSyncAccessHandle', async () => fail())
for (const name of ['write', 'flush', 'getSize']) patch(handle, name, fail)
// One that isn't closed would lock its file for ever.
patch(handle, 'close', done => {
  done()
  return fail()
})
