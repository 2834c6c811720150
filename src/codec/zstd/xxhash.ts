/** The checksum of a frame's content: the low 32 bits of XXH64 (RFC 8878, 3.1.1). */

import { createXXHash64 } from 'hash-wasm'

/** A running checksum. */
export interface Checksum {
  /** Starts afresh. */
  reset(): void
  update(bytes: Uint8Array): void
  /** The checksum since `reset`, as an unsigned number. */
  value(): number
}

/** A running checksum by WebAssembly. */
export async function createChecksum(): Promise<Checksum> {
  const wasm = await createXXHash64()
  return {
    reset() {
      wasm.init()
    },
    update(bytes) {
      wasm.update(bytes)
    },
    value() {
      return Number.parseInt(wasm.digest('hex').slice(8), 16)
    },
  }
}
