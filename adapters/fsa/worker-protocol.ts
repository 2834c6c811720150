/** What a page and the worker that writes for it say to each other. Each message gets one answer, in their order. */

/** To the worker. `file` is the page's number for one private file. */
export type ToWorker = { readonly file: number } /** Behind the `at` bytes that the file has. */ & (
  | { readonly open: readonly string[]; readonly at: number }
  | { readonly write: Uint8Array<ArrayBuffer>; readonly size: number }
  | { readonly end: 'close' | 'release' }
)

/** From the worker: that it was done, the buffer of a write to be used again, or why not. */
export interface FromWorker {
  readonly file: number
  readonly buffer?: Uint8Array<ArrayBuffer> | undefined
  /** Of a `DOMException`, which not every browser can send. */
  readonly fault?: { readonly name: string; readonly message: string } | undefined
}

/** The fault of a worker that will never give a sync access handle. */
export const unsupported = 'NotSupportedError'
