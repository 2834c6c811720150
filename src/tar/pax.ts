/** pax records, `LENGTH KEY=VALUE\n`: what a header has no room for (POSIX.1-2001, pax interchange format). */

import { tarFault, textOf } from './fault.ts'

/** One record; its value is a copy. */
export type PaxRecord = readonly [key: string, value: Uint8Array]

/** A time in seconds, rounded down, and the nanoseconds after it. */
export interface PaxTime {
  readonly seconds: number
  readonly nanoseconds: number
}

/** The records of a pax header's body, in order. Throws `TAR_INVALID`; `offset` is where the body stands in the tar. */
export function parsePax(bytes: Uint8Array, offset: number): PaxRecord[] {
  const records: PaxRecord[] = []
  // Some writers fill up with NULs.
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const end = at + lengthAt(bytes, at, offset)
    const start = bytes.indexOf(0x20, at) + 1
    const equals = bytes.indexOf(0x3d, start)
    if (end > bytes.length || bytes[end - 1] !== 0x0a) throw tarFault('bad pax record length', offset + at)
    if (equals <= start || equals >= end - 1) throw tarFault('pax record without a key', offset + at)
    records.push([textOf(bytes.subarray(start, equals)), bytes.slice(equals + 1, end - 1)])
    at = end
  }
  return records
}

/** The records as a pax header's body, in the order of their keys' bytes. */
export function formatPax(records: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts = Array.from(records, ([key, value]) => ({ key: encoder.encode(key), value }))
  parts.sort((a, b) => compareBytes(a.key, b.key))
  const sizes = parts.map(({ key, value }) => recordSize(key.length + value.length + 3))
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0))
  let at = 0
  for (const [index, { key, value }] of parts.entries()) {
    const size = sizes[index] ?? 0
    const lead = encoder.encode(`${size} `)
    bytes.set(lead, at)
    bytes.set(key, at + lead.length)
    bytes[at + lead.length + key.length] = 0x3d
    bytes.set(value, at + lead.length + key.length + 1)
    at += size
    bytes[at - 1] = 0x0a
  }
  return bytes
}

/** A whole number in decimal; `undefined` where it isn't one that JavaScript holds exactly. */
export function parseDecimal(value: Uint8Array): number | undefined {
  if (value.length > 20) return undefined
  const text = textOf(value)
  const number = Number(text)
  return /^-?[0-9]+$/.test(text) && Number.isSafeInteger(number) ? number : undefined
}

/** Seconds with a fraction, `-1.5`; digits after the ninth are dropped. */
export function parseTime(value: Uint8Array): PaxTime | undefined {
  if (value.length > 100) return undefined
  const [, sign, whole = '', fraction = ''] = /^(-?)([0-9]+)(?:\.([0-9]*))?$/.exec(textOf(value)) ?? []
  if (sign === undefined || !Number.isSafeInteger(Number(whole))) return undefined
  const seconds = Number(whole)
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'))
  if (sign === '') return { seconds, nanoseconds }
  // `0 -` and not `-`: there is no second of minus zero.
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds }
  return { seconds: -seconds - 1, nanoseconds: second - nanoseconds }
}

/** The shortest text of a time. */
export function formatTime({ seconds, nanoseconds }: PaxTime): string {
  if (nanoseconds === 0) return String(seconds)
  const negative = seconds < 0
  const whole = negative ? -seconds - 1 : seconds
  const fraction = String(negative ? second - nanoseconds : nanoseconds).padStart(9, '0')
  return `${negative ? '-' : ''}${whole}.${fraction.replace(/0+$/, '')}`
}

/** The order of two byte strings, byte by byte. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

const second = 1_000_000_000
const encoder = new TextEncoder()

function lengthAt(bytes: Uint8Array, at: number, offset: number): number {
  let length = 0
  for (let i = at; i < at + 10; i++) {
    const byte = bytes[i] ?? 0
    if (byte === 0x20 && length > i - at) return length
    if (byte < 0x30 || byte > 0x39) break
    length = length * 10 + byte - 0x30
  }
  throw tarFault('bad pax record length', offset + at)
}

/** A record's length counts its own digits. */
function recordSize(rest: number): number {
  const size = rest + String(rest).length
  return rest + String(size).length
}
