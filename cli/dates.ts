/** When an image was made: `--created`, SOURCE_DATE_EPOCH, else now. */

import { quoted } from './args.ts'
import { UsageError } from './command.ts'

/** The seconds of SOURCE_DATE_EPOCH, if it is set. Throws `UsageError` unless they are digits. */
export function sourceDateEpoch(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const text = env.SOURCE_DATE_EPOCH
  if (text === undefined || text === '') return undefined
  if (/^\d{1,12}$/.test(text) && Number(text) <= latest) return Number(text)
  throw new UsageError(`SOURCE_DATE_EPOCH is seconds since 1970, not ${quoted(text)}`)
}

/** The time that an image says of itself, RFC 3339. Throws `UsageError`. */
export function createdTime(given: string | undefined, epoch: number | undefined): string {
  if (given !== undefined) return checked(given)
  const date = epoch === undefined ? new Date() : new Date(epoch * 1000)
  return date.toISOString().replace('.000Z', 'Z')
}

/** The text as it is: a `Date` would lose its nanoseconds. */
function checked(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.exec(text)
  const day = match?.[1]
  // Date knows that there is no 25:00 and rolls over from the 30th of February: that shows in its day.
  const isTime = day !== undefined && !Number.isNaN(Date.parse(text))
  if (isTime && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)) return text
  throw new UsageError(`--created is a time of RFC 3339 (2026-01-31T12:00:00Z), not ${quoted(text)}`)
}

// The end of the year 9999, after which RFC 3339 has no dates.
const latest = 253_402_300_799
