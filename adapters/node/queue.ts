/** Sections on one folder within this process, one after another: no polling among neighbours. */

import { orAborted } from '../../src/streams.ts'

// One per process on purpose: two storages on the same folder stand in the same queue.
const tails = new Map<string, Promise<void>>()

/** Runs a section when all earlier ones of the same key have ended. An abort while it waits gives up its place. */
export async function inTurn<T>(
  key: string,
  signal: AbortSignal | undefined,
  section: () => Promise<T>,
): Promise<T> {
  const before = tails.get(key) ?? Promise.resolve()
  let leave = (): void => {}
  const left = new Promise<void>(resolve => {
    leave = resolve
  })
  const tail = before.then(() => left)
  tails.set(key, tail)
  try {
    await orAborted(before, signal)
    return await section()
  } finally {
    leave()
    if (tails.get(key) === tail) tails.delete(key)
  }
}
