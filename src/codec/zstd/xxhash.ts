/** The checksum of a frame's content: the low 32 bits of XXH64 (RFC 8878, 3.1.1). */

import { createXXHash64 } from 'hash-wasm'
import { isWasmAllowed } from '../../wasm-allowed.ts'
import { wasmHashes } from '../../wasm-hash.ts'
import { PlainXxh64 } from './plain-xxh64.ts'

/** A running checksum. */
export interface Checksum {
  /** Starts afresh. */
  reset(): void
  update(bytes: Uint8Array): void
  /** The checksum since `reset`, as an unsigned number. */
  value(): number
}

/** A running checksum by WebAssembly, or by JavaScript where a policy forbids that. */
export async function createChecksum(): Promise<Checksum> {
  if (!isWasmAllowed()) return new PlainXxh64()
  const hash = (await wasmXxh64())()
  return {
    reset() {
      hash.reset()
    },
    update(bytes) {
      hash.update(bytes)
    },
    value() {
      return Number.parseInt(hash.hex().slice(8), 16)
    },
  }
}

const wasmXxh64 = /* @__PURE__ */ wasmHashes(createXXHash64)
