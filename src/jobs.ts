/** What a pool's workers can do, and what their owner and they say to each other. Buffers are handed to and fro. */

import type { SharedPart } from './shared-file.ts'

/** One block to be compressed, and inflated again to see that it is whole. */
export interface BlockJob {
  /** By which compressor. */
  readonly kind: 'fflate' | 'zlib' | 'zstd' | 'platform'
  readonly block: Uint8Array
  /** What comes right before the block, for `fflate`: nothing for the first one, else 32 KiB. */
  readonly dictionary: Uint8Array
  readonly level: number
  /** Ends the stream. */
  readonly last: boolean
  /** For the error: which block of the stream. */
  readonly number: number
}

/** Bytes that a block which can't be compressed grows by, at the most: a buffer with so many more holds its compressed form, too. */
export const mostGrowth = 1024

/** A step of a hash that one worker keeps, from its first bytes to `end`. */
export interface HashStep {
  readonly kind: 'hash'
  /** The owner's number for the hash. */
  readonly hash: number
  readonly algorithm: 'sha256' | 'sha512'
  readonly bytes?: Uint8Array | undefined
  /** What comes next, in place of `bytes`. With a result as the end of a hash's first step it is all. */
  readonly part?: SharedPart | undefined
  readonly end?: 'result' | 'drop' | undefined
}

/** A WebAssembly module that jobs need: a worker is told of each once, before the first of them. */
export interface ModuleNote {
  readonly kind: 'module'
  readonly name: 'zlib' | 'zstd'
  readonly module: WebAssembly.Module
}

/** To a worker. */
export type ToWorker = { readonly id: number } & (BlockJob | HashStep | ModuleNote)

/** From a worker: one answer to each message, in any order. */
export interface FromWorker {
  readonly id: number
  /** The compressed block. */
  readonly made?: Uint8Array | undefined
  /** The buffer of the block or chunk, given back. `made` stands in it where it fits. */
  readonly spent?: ArrayBuffer | undefined
  /** The digest of a hash that has ended. */
  readonly hex?: string | undefined
  /** Why it couldn't be done: the owner then does it itself, and meets the error. */
  readonly fault?: string | undefined
}
