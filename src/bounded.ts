/** Several things at once, but not all of them. */

import type { AbortOptions } from './storage.ts'

/** As many reads as keep a medium busy, and few enough that none of them waits long. */
const concurrency = 16

/** Runs a step for every item, a few at a time. The first fault ends it, after the steps that have begun. */
export async function eachOf<Item>(
  items: readonly Item[],
  step: (item: Item) => Promise<void>,
  { signal }: AbortOptions = {},
): Promise<void> {
  const queue = items.values()
  const faults: unknown[] = []
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (faults.length > 0) return
      signal?.throwIfAborted()
      await step(item)
    }
  }
  const lanes = Array.from({ length: Math.min(concurrency, items.length) }, () =>
    lane().catch(error => void faults.push(error)),
  )
  await Promise.all(lanes)
  if (faults.length > 0) throw faults[0]
}
