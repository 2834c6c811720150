/** What an image is built from, before it is known whether it can be read. */

import type { AnyHandle, PickedFile } from './worker/protocol.ts'

/** What was chosen. */
export type Choice =
  | { readonly kind: 'files'; readonly name: string; readonly files: readonly PickedFile[] }
  | { readonly kind: 'handles'; readonly name: string; readonly handles: readonly AnyHandle[] }
  | { readonly kind: 'tar'; readonly name: string; readonly file: File }
