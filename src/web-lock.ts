/** Web Locks that are held for longer than a call: for as long as something is open. */

import type { ResumableMedium, StagingMedium } from './staging.ts'
import type { AbortOptions } from './storage.ts'

/** How long to wait for a lock. */
export interface LockOptions extends AbortOptions {
  /** Milliseconds. */
  readonly patience: number
}

/**
 * Takes a lock, and gives what lets go of it; the browser does so, too, when the page or worker ends. `undefined` where
 * somebody else holds it for longer than the patience lasts, and after an abort.
 */
export async function takeLock(
  name: string,
  { patience, signal }: LockOptions,
): Promise<(() => void) | undefined> {
  const waiting = new AbortController()
  const giveUp = (): void => waiting.abort()
  const timer = setTimeout(giveUp, patience)
  signal?.addEventListener('abort', giveUp, { once: true })
  if (signal?.aborted) giveUp()
  try {
    return await new Promise<() => void>((resolve, reject) => {
      navigator.locks
        .request(name, { signal: waiting.signal }, () => new Promise<void>(release => resolve(release)))
        .catch(reject)
    })
  } catch (error) {
    if (waiting.signal.aborted) return undefined
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}

/** What a medium stages so that it can be left. */
export type Leavable = StagingMedium & Pick<ResumableMedium, 'leave'>

/** A resumable file with a lock, which is let go of when its last call has ended. */
export function lockedPart(
  staged: Leavable,
  { kept, isUntouched, release }: Pick<ResumableMedium, 'kept' | 'isUntouched'> & { release(): void },
): ResumableMedium {
  return {
    kept,
    isUntouched,
    write: chunk => staged.write(chunk),
    close: () => staged.close(),
    async publish(path) {
      const outcome = await staged.publish(path)
      release()
      return outcome
    },
    async leave() {
      const left = await staged.leave()
      release()
      return left
    },
    drop: () => staged.drop().finally(release),
  }
}
