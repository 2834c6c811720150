/** What a browser's `DOMException`s mean in this library: one table. */

import { OciError } from '../../src/errors.ts'
import { deniedNames, domNameOf, type Faulty, type Place, translating } from '../../src/faults.ts'

/** The `OciError` of a `DOMException`; what isn't one comes back as it is. */
export function faultOf(error: unknown, place: Place): unknown {
  const name = domNameOf(error)
  if (name === undefined) return error
  const cause = { cause: error }
  if (name === 'QuotaExceededError') return new OciError('STORAGE_FULL', { storage: place.storage }, cause)
  if (deniedNames.has(name)) return new OciError('STORAGE_DENIED', { ...place }, cause)
  // Another tab or worker holds this very file open for writing.
  if (name === 'NoModificationAllowedError') {
    return new OciError('STORAGE_LOCKED', { storage: place.storage }, cause)
  }
  return new OciError('STORAGE_FAILED', { ...place }, cause)
}

/** Runs calls to the file system; an error of theirs becomes an `OciError`, anything else passes through. */
export const faulty: Faulty = translating(faultOf)

/** Awaits a call and gives `undefined` where an exception of one of these names says that it found nothing. */
export async function unless<T>(names: readonly string[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (names.includes(domNameOf(error) ?? '')) return undefined
    throw error
  }
}

/** There is nothing under that name. */
export const absent: readonly string[] = ['NotFoundError']
