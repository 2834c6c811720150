/** Tars written: the same entries make the same bytes, everywhere. */

import { OciError } from '../errors.ts'
import type { AbortOptions, TarSource } from '../storage.ts'
import { type ByteSource, chunksOf, streamOf } from '../streams.ts'
import { encodeHeader, pathOf } from './encode.ts'
import { textOf } from './fault.ts'
import { paddingOf } from './header.ts'
import type { TarInput } from './input.ts'

/** Entries to be written, in the order of the tar. */
export type TarInputs = Iterable<TarInput> | AsyncIterable<TarInput>

/**
 * Writes a tar, reading bodies as it is read itself.
 *
 * Headers are ustar's; what they can't hold stands in pax records, keys sorted: all that isn't ASCII, long names,
 * numbers that don't fit, times before 1970 or with a fraction, xattrs. A name that isn't UTF-8 stands as it is in its
 * record, with `hdrcharset=BINARY`: GNU tar (which warns of that key), Python and Go read it. The tar ends with two
 * zero blocks and isn't filled up to 10,240 bytes. Paths are written as they are given, also twice.
 *
 * Throws `ENTRY_INVALID` for a name that no tar can hold, `SIZE_MISMATCH` where a body isn't of its size; `TypeError`
 * for a stream without `size`, `RangeError` for a number that can't be.
 *
 * @example
 * const tar = writeTar([{ path: 'etc/motd', body: 'hello\n' }, { path: 'etc/.wh.issue' }])
 * await dir.writeLayer(tar)
 */
export async function* writeTar(
  entries: TarInputs,
  options: AbortOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const entry of entries) yield* encodeEntry(entry, options)
  yield tarEnd()
}

/** One entry: its headers, its body and what fills its last block. */
export async function* encodeEntry(
  entry: TarInput,
  options: AbortOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = options
  signal?.throwIfAborted()
  const { body, size } = contentOf(entry)
  yield encodeHeader(entry, size)
  if (body !== undefined) yield* exactly(body, size, { signal, entry })
  if (paddingOf(size) > 0) yield new Uint8Array(paddingOf(size))
}

/** The two zero blocks that end a tar. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(1024)
}

/**
 * Entries as a source of layers, for `writeLayer`.
 *
 * It can be read any number of times if every body can.
 *
 * @example
 * await dir.writeLayer(tarSource([{ path: 'etc/.wh.passwd' }]))
 */
export function tarSource(entries: readonly TarInput[] | (() => TarInputs)): TarSource {
  return {
    tar: ({ signal } = {}) =>
      streamOf(writeTar(typeof entries === 'function' ? entries() : entries, { signal }), { signal }),
  }
}

/** Bytes and their number; nothing for what has no body. */
function contentOf(entry: TarInput): { readonly body?: ByteSource; readonly size: number } {
  const { type = 'file' } = entry
  if (type !== 'file' && type !== 'other') return { size: 0 }
  const given = typeof entry.body === 'function' ? entry.body() : (entry.body ?? new Uint8Array())
  const body = typeof given === 'string' ? new TextEncoder().encode(given) : given
  const size = entry.size ?? sizeOf(body)
  if (size === undefined)
    throw new TypeError(`the size of ${nameOf(entry)} isn't known: give it with the stream`)
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RangeError(`${nameOf(entry)} can't have ${size} bytes`)
  return { body, size }
}

function sizeOf(body: ByteSource): number | undefined {
  if (body instanceof Uint8Array) return body.length
  return typeof body === 'object' && 'size' in body && typeof body.size === 'number' ? body.size : undefined
}

async function* exactly(
  body: ByteSource,
  expected: number,
  { signal, entry }: { signal: AbortSignal | undefined; entry: TarInput },
): AsyncGenerator<Uint8Array, void, undefined> {
  let found = 0
  for await (const chunk of chunksOf(body, { signal })) {
    found += chunk.length
    if (found > expected) break
    yield chunk
  }
  if (found !== expected) throw new OciError('SIZE_MISMATCH', { expected, found, where: nameOf(entry) })
}

function nameOf(entry: TarInput): string {
  return textOf(pathOf(entry))
}
