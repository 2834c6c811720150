/** How much memory something takes at its most, in this process. */

import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** MiB in buffers and in the heap above what was there before, garbage included; and seconds. */
export async function peakOf(work: () => Promise<unknown>): Promise<{ mebibytes: number; seconds: number }> {
  // Buffers are given back by another thread, a little after their garbage was found.
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await wait(20)
  }
  const before = held()
  let peak = before
  const look = (): void => {
    peak = Math.max(peak, held())
  }
  const timer = setInterval(look, 5)
  const start = performance.now()
  try {
    await work()
  } finally {
    look()
    clearInterval(timer)
  }
  return { mebibytes: (peak - before) / 2 ** 20, seconds: (performance.now() - start) / 1000 }
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
