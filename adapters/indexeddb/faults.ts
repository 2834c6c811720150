/** What IndexedDB's exceptions mean in this library: one table. */

import { OciError } from '../../src/errors.ts'
import { deniedNames, domNameOf, type Faulty, type Place, translating } from '../../src/faults.ts'
import { ConnectionLost } from './connection.ts'

/** The operation under which the database itself is opened. */
export const connecting = 'connect'

/** The `OciError` of a `DOMException`; what isn't one comes back as it is. */
export function faultOf(error: unknown, place: Place): unknown {
  if (error instanceof ConnectionLost)
    return new OciError('STORAGE_FAILED', { ...place }, { cause: error.cause })
  const name = domNameOf(error)
  if (name === undefined) return error
  const cause = { cause: error }
  if (name === 'QuotaExceededError') return new OciError('STORAGE_FULL', { storage: place.storage }, cause)
  if (deniedNames.has(name)) return new OciError('STORAGE_DENIED', { ...place }, cause)
  if (place.operation === connecting && error instanceof Error && unopened.has(name)) {
    const reason = unopened.get(name) ?? error.message
    return new OciError('STORAGE_UNAVAILABLE', { storage: place.storage, reason }, cause)
  }
  return new OciError('STORAGE_FAILED', { ...place }, cause)
}

/** Runs calls to the database; an error of theirs becomes an `OciError`, anything else passes through. */
export const faulty: Faulty = translating(faultOf)

/** Why a database can't be opened here at all, where the exception says it less well. */
const unopened: ReadonlyMap<string, string | undefined> = new Map([
  ['InvalidStateError', 'the browser keeps no databases in this context, such as a private window'],
  ['NotSupportedError', 'the browser keeps no databases in this context'],
  ['TimeoutError', undefined],
  ['VersionError', 'a newer version of this library made the database'],
])
