/** The carried modules as bytes, and changed ones: what a bundler or an override could bring in their place. */

import { Inflater } from '../../../src/codec/inflate.ts'
import { deflated as zlib } from '../../../src/codec/wasm/zlib.ts'
import { deflated as zstd } from '../../../src/codec/wasm/zstd.ts'
import { concat } from '../../../src/streams.ts'

/** The bytes of both. */
const carriedBytes = { zlib: () => unpacked(zlib), zstd: () => unpacked(zstd) } as const

function unpacked(deflated: string): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(deflated), letter => letter.charCodeAt(0))
  return new Uint8Array(concat([...new Inflater().push(bytes)]))
}

/** A module in which bytes that stand there once are others. */
async function changed(
  bytes: Uint8Array<ArrayBuffer>,
  from: readonly number[],
  to: readonly number[],
): Promise<WebAssembly.Module> {
  const isThere = (at: number): boolean => from.every((byte, i) => bytes[at + i] === byte)
  const places = Array.from(bytes.keys()).filter(isThere)
  if (places.length !== 1) throw new Error(`${places.length} places`)
  const copy = bytes.slice()
  copy.set(to, places[0])
  return WebAssembly.compile(copy)
}

/** zlib whose level 6 looks at 127 candidates in place of 128: its `configuration_table`. */
export function lazierZlib(): Promise<WebAssembly.Module> {
  return changed(carriedBytes.zlib(), [8, 0, 16, 0, 128, 0, 128, 0], [8, 0, 16, 0, 128, 0, 127, 0])
}

/** zstd whose level 1 has a smaller hash table for small inputs: its `ZSTD_defaultCParameters`. */
export function lazierZstd(): Promise<WebAssembly.Module> {
  const row = (hashLog: number) => [17, 12, hashLog, 1, 6].flatMap(value => [value, 0, 0, 0])
  return changed(carriedBytes.zstd(), row(13), row(12))
}

/** A module of nothing. */
export function emptyModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
}
