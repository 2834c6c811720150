/** The suite's own assertions: it runs under any test runner, so it brings no other. */

import { isOciError, type OciErrorCode } from '../../src/errors.ts'

/** Fails unless the fact holds. */
export function ok(fact: unknown, message: string): asserts fact {
  if (!fact) throw new AssertionError(message)
}

/** Fails unless both are the same value, by `Object.is`. */
export function same(found: unknown, expected: unknown, message = 'value'): void {
  if (!Object.is(found, expected))
    throw new AssertionError(`${message}: expected ${show(expected)}, found ${show(found)}`)
}

/** Fails unless both hold the same bytes. */
export function sameBytes(found: Uint8Array | undefined, expected: Uint8Array, message = 'bytes'): void {
  ok(found instanceof Uint8Array, `${message}: expected a Uint8Array, found ${show(found)}`)
  same(found.length, expected.length, `${message}: length`)
  for (let i = 0; i < expected.length; i++) {
    if (found[i] !== expected[i])
      throw new AssertionError(`${message}: differ at byte ${i} of ${expected.length}`)
  }
}

/** Fails unless both lists hold the same strings in any order. */
export function sameNames(found: readonly string[], expected: readonly string[], message = 'names'): void {
  same(JSON.stringify([...found].sort()), JSON.stringify([...expected].sort()), message)
}

/** What an error must be: a code of `OciError`, a class, or a very value. */
export type ExpectedError =
  | { readonly code: OciErrorCode }
  | { readonly type: typeof TypeError | typeof RangeError }
  | { readonly value: unknown }

/** Fails unless the call throws or rejects as expected. Gives what it threw. */
export async function fails(
  call: () => unknown,
  expected: ExpectedError,
  message = 'call',
): Promise<unknown> {
  const thrown = await thrownBy(call, message)
  if ('value' in expected) same(thrown, expected.value, `${message}: thrown`)
  else if ('type' in expected) {
    ok(
      thrown instanceof expected.type,
      `${message}: expected a ${expected.type.name}, thrown was ${show(thrown)}`,
    )
  } else {
    ok(isOciError(thrown, expected.code), `${message}: expected ${expected.code}, thrown was ${show(thrown)}`)
  }
  return thrown
}

/** What a call throws or rejects with; fails where it does neither. */
export async function thrownBy(call: () => unknown, message = 'call'): Promise<unknown> {
  let result: unknown
  try {
    result = await call()
  } catch (error) {
    return error
  }
  throw new AssertionError(`${message}: expected an error, the result was ${show(result)}`)
}

class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
