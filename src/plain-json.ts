/** The fast way to read JSON: the platform's own parser, for texts in which it can't mislead. */

import type { JsonValue } from './spec.ts'

/**
 * The value of a text that `JSON.parse` reads as the careful reader would; `undefined` for any other, valid or not: one
 * with a key that stands twice, a number that isn't a short integer, an escaped surrogate, too deep nesting, perhaps too
 * many values, or a fault.
 */
export function parsePlain(text: string, bounds: Bounds): JsonValue | undefined {
  const members = membersIn(text, bounds)
  if (members === undefined) return undefined
  try {
    const value: JsonValue = JSON.parse(text)
    // Of two equal keys only one has come through.
    return countMembers(value) === members ? value : undefined
  } catch {
    return undefined
  }
}

/** What a text may hold to be read here. */
interface Bounds {
  readonly maxDepth: number
  readonly maxValues: number
}

/** Longer integers may be beyond 2^53. */
const longestInteger = 15

/** The members of all objects, if the text is JSON at all; `undefined` where it holds what has to be read with care. */
function membersIn(text: string, { maxDepth, maxValues }: Bounds): number | undefined {
  let members = 0
  // A value stands at the start, behind a comma or behind an opening bracket: there may be fewer, but not more.
  let values = 1
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at)
        if (at < 0) return undefined
        break
      case colon:
        members++
        break
      case openBrace:
      case openBracket:
        if (++depth > maxDepth) return undefined
        values++
        break
      case comma:
        values++
        break
      case closeBrace:
      case closeBracket:
        depth--
        break
      default: {
        const end = endOfNumber(text, at)
        if (end < 0) return undefined
        at = Math.max(at, end - 1)
      }
    }
  }
  return values > maxValues ? undefined : members
}

/** Where the closing quote stands; -1 where there is none, or an escape that may be half a surrogate pair. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) return at
    if (code !== backslash) continue
    at++
    if (text.charCodeAt(at) === letterU && (text.charCodeAt(at + 1) | lowerCase) === letterD) return -1
  }
  return -1
}

/** The end of the integer that begins here, or `start` where none does; -1 for a long one and for other numbers. */
function endOfNumber(text: string, start: number): number {
  let at = start
  while (isOfNumber(text.charCodeAt(at))) at++
  const next = text.charCodeAt(at)
  if (at > start && (at - start > longestInteger || next === dot || (next | lowerCase) === letterE)) return -1
  return at
}

function isOfNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === minus
}

function countMembers(value: JsonValue | undefined): number {
  if (typeof value !== 'object' || value === null) return 0
  const children = Object.values(value)
  let sum = Array.isArray(value) ? 0 : children.length
  for (const child of children) sum += countMembers(child)
  return sum
}

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const minus = 0x2d
const dot = 0x2e
const letterD = 0x64
const letterE = 0x65
const letterU = 0x75
/** Set in a letter's code, it makes the letter small. */
const lowerCase = 0x20
