/** Digests: their grammar, the paths they name, and the hashers that make them. */

import { OciError } from './errors.ts'
import { hasherMaker, hexOf } from './hashing.ts'
import type { Digest } from './spec.ts'
import type { BlobPath, Hasher, NativeTools } from './storage.ts'

/** The algorithms that are written and verified here; others are carried as they are (D5, D6). */
export type DigestAlgorithm = 'sha256' | 'sha512'

// descriptor.md, "Digests" (D4). No `/` and no leading dot can pass, so a digest names no other path.
const grammar = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/
// A map, not an object: `constructor` is in the grammar of algorithms.
const strict: ReadonlyMap<string, RegExp> = new Map([
  ['sha256', /^sha256:[a-f0-9]{64}$/],
  ['sha512', /^sha512:[a-f0-9]{128}$/],
  ['blake3', /^blake3:[a-f0-9]{64}$/],
])
// An algorithm or an encoding longer than a file name can be is nobody's.
const longestDigest = 300

/** Tells whether a string is a digest: the specification's grammar, and the strict form of a registered algorithm. */
export function isDigest(text: unknown): text is Digest {
  if (typeof text !== 'string' || text.length > longestDigest || !grammar.test(text)) return false
  return strict.get(text.slice(0, text.indexOf(':')))?.test(text) ?? true
}

/** Tells whether a digest is of an algorithm that the specification names. */
export function isRegistered(digest: Digest): boolean {
  return strict.has(digest.slice(0, digest.indexOf(':')))
}

/** The same check as `isDigest`, as an assertion. Throws `DIGEST_INVALID`. */
export function parseDigest(text: unknown, where?: string): { algorithm: string; encoded: string } {
  if (!isDigest(text)) {
    throw new OciError('DIGEST_INVALID', { digest: String(text), ...(where !== undefined && { where }) })
  }
  const colon = text.indexOf(':')
  return { algorithm: text.slice(0, colon), encoded: text.slice(colon + 1) }
}

/** Where the blob of a digest lives in a layout. Throws `DIGEST_INVALID`: nothing else ever becomes a path. */
export function blobPath(digest: string): BlobPath {
  const { algorithm, encoded } = parseDigest(digest)
  return `blobs/${algorithm}/${encoded}`
}

/** The algorithm of a digest, if it is one that can be verified here. Throws `DIGEST_UNSUPPORTED`. */
export function verifiableAlgorithm(digest: string): DigestAlgorithm {
  const { algorithm } = parseDigest(digest)
  if (algorithm === 'sha256' || algorithm === 'sha512') return algorithm
  throw new OciError('DIGEST_UNSUPPORTED', { digest, algorithm })
}

/** Tells whether bytes can be checked against this digest here. Throws `DIGEST_INVALID`. */
export function isVerifiable(digest: string): boolean {
  const { algorithm } = parseDigest(digest)
  return algorithm === 'sha256' || algorithm === 'sha512'
}

/** Tells whether bytes are what a digest says; one that can't be verified here is believed. */
export async function isContent(bytes: Uint8Array, digest: string): Promise<boolean> {
  if (!isVerifiable(digest)) return true
  return (await digestOf(bytes, { algorithm: verifiableAlgorithm(digest) })) === digest
}

/** A hasher of the platform where it has one, else what `hashing` tells; the results are equal. */
export async function createHasher(algorithm: DigestAlgorithm, native?: NativeTools): Promise<Hasher> {
  const fast = native?.hasher?.(algorithm)
  if (fast !== undefined) return fast
  return (await hasherMaker(algorithm))()
}

/**
 * Gives hashers for many small things, each asked for when the one before is spent: in WebAssembly they are one,
 * since it takes half a millisecond to make.
 */
export async function hasherSeries(
  algorithm: DigestAlgorithm,
  native?: NativeTools,
): Promise<() => Promise<Hasher>> {
  if (native?.hasher?.(algorithm) !== undefined) return () => createHasher(algorithm, native)
  const next = await hasherMaker(algorithm)
  return async () => next()
}

/** The digest of bytes in memory, by Web Crypto where the context has it. */
export async function digestOf(
  bytes: Uint8Array,
  options: { readonly algorithm?: DigestAlgorithm; readonly native?: NativeTools | undefined } = {},
): Promise<Digest> {
  const { algorithm = 'sha256', native } = options
  if (native?.hasher === undefined && globalThis.crypto?.subtle !== undefined) {
    return `${algorithm}:${await webCryptoHex(bytes, algorithm)}`
  }
  const hasher = await createHasher(algorithm, native)
  hasher.update(bytes)
  return `${algorithm}:${hasher.hex()}`
}

async function webCryptoHex(bytes: Uint8Array, algorithm: DigestAlgorithm): Promise<string> {
  const name = algorithm === 'sha256' ? 'SHA-256' : 'SHA-512'
  // Web Crypto refuses views of a SharedArrayBuffer, so such bytes are copied first.
  const own = bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
  return hexOf(new Uint8Array(await globalThis.crypto.subtle.digest(name, own)))
}
