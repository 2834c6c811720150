/** The fastest inflater at hand: zlib's WebAssembly, or our own where that can't be had. They give the same. */

import { Inflater, type RawInflater } from './inflate.ts'
import { ZlibInflater } from './zlib/inflater.ts'

/** An inflater, to be ended after use. */
export async function createInflater(): Promise<RawInflater> {
  // A policy may forbid WebAssembly, and a page without a network may lack the chunk that holds it.
  return ZlibInflater.create().catch(() => new Inflater())
}
