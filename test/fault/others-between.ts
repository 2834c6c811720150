/** Whether writers met at all: how often a writer found something else than what it had left itself. */

import type { StorageAdapter } from '../../src/storage.ts'
import { forwarding } from '../suites/forwarding.ts'

/** What one writer of one document has seen. */
export class OthersBetween {
  /** Updates before which another writer came, since this one's last. */
  times = 0
  #left: string | undefined

  /** One update: what it found, and what it leaves. The first tells nothing. */
  saw(now: string, next: string): void {
    if (this.#left !== undefined && now !== this.#left) this.times++
    this.#left = next
  }

  /** A storage whose updates of one document are watched. */
  watched(inner: StorageAdapter): StorageAdapter {
    return forwarding(inner, {
      update: async (path, edit, options) => {
        // An edit may run again; the last run is the one that counts.
        let last: readonly [string, string] | undefined
        await inner.update(
          path,
          now => {
            const next = edit(now)
            last = [text(now), text(next ?? now)]
            return next
          },
          options,
        )
        if (last !== undefined) this.saw(...last)
      },
    })
  }
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes)
}
