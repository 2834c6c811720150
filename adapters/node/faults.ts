/** What the operating system's errors mean in this library: one table. */

import { OciError } from '../../src/errors.ts'
import { type Faulty, type Place, translating } from '../../src/faults.ts'

/** The `OciError` of an errno; what isn't an errno comes back as it is. */
export function faultOf(error: unknown, place: Place): unknown {
  const code = errnoOf(error)
  if (code === undefined) return error
  if (full.has(code)) return new OciError('STORAGE_FULL', { storage: place.storage }, { cause: error })
  return new OciError(denied.has(code) ? 'STORAGE_DENIED' : 'STORAGE_FAILED', { ...place }, { cause: error })
}

/** Runs calls to the file system; an error of theirs becomes an `OciError`, anything else passes through. */
export const faulty: Faulty = translating(faultOf)

/** The name of a system error (`ENOENT`), or `undefined` for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Awaits a call and gives `undefined` where one of the named errnos says that it found nothing. */
export async function unless<T>(errnos: readonly string[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (errnos.includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}

/** There is nothing under that name. */
export const absent: readonly string[] = ['ENOENT', 'ENOTDIR']

const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const denied = new Set(['EACCES', 'EPERM', 'EROFS'])
