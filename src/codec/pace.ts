/** Room for others: long synchronous work lets the event loop run now and then. */

import type { AbortOptions } from '../storage.ts'

// Half a frame: a page stays smooth, and the detour of some 20 us costs nothing that could be measured.
const longestTurn = 8

/** Awaited between two steps: gives the event loop a turn when the last one is 8 ms ago, and heeds the signal. */
export function pace(options: AbortOptions): () => Promise<void> {
  const { signal } = options
  let turn = performance.now()
  return async () => {
    signal?.throwIfAborted()
    if (performance.now() - turn < longestTurn) return
    await nextTask()
    turn = performance.now()
    signal?.throwIfAborted()
  }
}

/** A message to oneself is a task of its own, without the 4 ms that browsers add to nested timers. */
function nextTask(): Promise<void> {
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      // An open port would keep Node alive.
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
