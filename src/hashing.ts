/** What makes hashes where the platform gives none: WebAssembly, or JavaScript where a policy forbids that. */

import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { createSHA256, createSHA512 } from 'hash-wasm'
import type { Hasher, NativeTools } from './storage.ts'
import { isWasmAllowed } from './wasm-allowed.ts'
import { wasmHashes } from './wasm-hash.ts'

/** What makes hashes and checksums: the platform, WebAssembly or JavaScript. */
export type Hashing = 'native' | 'wasm' | 'javascript'

/**
 * Tells by what streams are hashed here; pass the storage's `native` tools where it has some.
 *
 * The digests are the same. `javascript` means that WebAssembly is missing, or that the page's policy forbids it
 * (`script-src` without `'wasm-unsafe-eval'`), and that hashing takes several times as long. No script can ask what a
 * policy allows: the first hash or call of this tries it, once, and a policy that forbids it reports one violation.
 *
 * @example
 * if (hashing(dir.storage.native) === 'javascript') console.warn('hashing is slow under this policy')
 */
export function hashing(native?: NativeTools): Hashing {
  if (native?.hasher?.('sha256') !== undefined) return 'native'
  return isWasmAllowed() ? 'wasm' : 'javascript'
}

/** Gives hashers, which may be used at the same time. */
export async function hasherMaker(algorithm: 'sha256' | 'sha512'): Promise<() => Hasher> {
  if (!isWasmAllowed()) return () => javascriptHasher(algorithm)
  return algorithm === 'sha256' ? wasmSha256() : wasmSha512()
}

const wasmSha256 = /* @__PURE__ */ wasmHashes(createSHA256)
const wasmSha512 = /* @__PURE__ */ wasmHashes(createSHA512)

/** A hasher that needs no WebAssembly. */
export function javascriptHasher(algorithm: 'sha256' | 'sha512'): Hasher {
  return hasherOver((algorithm === 'sha256' ? sha256 : sha512).create())
}

/** Bytes as lower-case hex. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

function hasherOver(hash: ReturnType<typeof sha256.create | typeof sha512.create>): Hasher {
  return {
    update(bytes) {
      hash.update(bytes)
    },
    hex: () => hexOf(hash.digest()),
    save() {
      const state = hash.clone()
      return { restore: () => hasherOver(state.clone()) }
    },
  }
}
