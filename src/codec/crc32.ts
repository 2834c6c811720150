/** CRC-32 as gzip has it (RFC 1952, section 8). */

import { createCRC32 } from 'hash-wasm'
import { isWasmAllowed } from '../wasm-allowed.ts'
import { wasmHashes } from '../wasm-hash.ts'

/** A running CRC-32. */
export interface Crc32 {
  update(bytes: Uint8Array): void
  /** The checksum since the last call, as an unsigned number; the next one starts afresh. */
  take(): number
}

/** A running CRC-32 by WebAssembly, or by tables in JavaScript, which are slower, where a policy forbids that. */
export async function createCrc32(): Promise<Crc32> {
  if (!isWasmAllowed()) return new TableCrc32()
  const hash = (await wasmCrc32())()
  return {
    update(bytes) {
      hash.update(bytes)
    },
    take() {
      return Number.parseInt(hash.hex(), 16)
    },
  }
}

const wasmCrc32 = /* @__PURE__ */ wasmHashes(createCRC32)

/** The same without WebAssembly: four bytes a step, by four tables. */
export class TableCrc32 implements Crc32 {
  #crc = -1

  update(bytes: Uint8Array): void {
    tables ??= makeTables()
    const t = tables
    const { length } = bytes
    let crc = this.#crc
    let at = 0
    for (const end = length - 3; at < end; at += 4) {
      crc ^=
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
      crc =
        (t[768 + (crc & 255)] as number) ^
        (t[512 + ((crc >>> 8) & 255)] as number) ^
        (t[256 + ((crc >>> 16) & 255)] as number) ^
        (t[crc >>> 24] as number)
    }
    for (; at < length; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 255] as number)
    this.#crc = crc
  }

  take(): number {
    const value = ~this.#crc >>> 0
    this.#crc = -1
    return value
  }
}

let tables: Int32Array | undefined

/** Entry `256 n + byte`: what a byte does to the checksum when `n` zeros come after it. */
function makeTables(): Int32Array {
  const made = new Int32Array(1024)
  for (let i = 0; i < 1024; i++) {
    let crc = i < 256 ? i : (made[i - 256] as number)
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
    made[i] = crc
  }
  return made
}
