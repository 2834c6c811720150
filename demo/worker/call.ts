/** What a call may use while it runs. */

import type { Step } from './protocol.ts'

/** Given to every handler of a call. */
export interface CallOptions {
  readonly signal: AbortSignal
  onProgress(step: Step): void
}
