/** Arguments: `node:util` parseArgs, with errors that help. */

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type Platform, parsePlatform } from '../src/index.ts'
import { UsageError } from './command.ts'

/** The options that a command declares. */
export type Options = NonNullable<ParseArgsConfig['options']>

/** Options and positionals as parseArgs types them. */
export type Parsed<Declared extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Declared; allowPositionals: true; strict: true }>
>

/** How many positionals a command takes. */
export interface Arity {
  readonly min: number
  readonly max?: number
  /** What they are called, for the message. */
  readonly names: string
}

/** The option of every command that prints data. */
export const formatOption = { format: { type: 'string' } } as const

/** Reads a command's arguments. Throws `UsageError`. */
export function parseCommand<const Declared extends Options>(
  args: readonly string[],
  options: Declared,
  { min, max = min, names }: Arity,
): Parsed<Declared> {
  const parsed = parseStrictly(args, options)
  const { positionals } = parsed
  if (positionals.length < min) throw new UsageError(`missing argument: expected ${names}`)
  if (positionals.length > max) {
    throw new UsageError(
      `too many arguments: expected ${names}, but found ${quoted(positionals[max] ?? '')} too`,
    )
  }
  return parsed
}

/** Joins options and their words, `--cmd -v` to `--cmd=-v`: parseArgs takes what begins with a dash for an option. */
export function withWords(args: readonly string[], names: readonly string[]): string[] {
  const joined: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    const word = args[i + 1]
    if (arg === '--') return [...joined, ...args.slice(i)]
    if (word === undefined || !names.some(name => arg === `--${name}`)) joined.push(arg)
    else {
      joined.push(`${arg}=${word}`)
      i++
    }
  }
  return joined
}

/** The one positional of a command, or the first. */
export function first(positionals: readonly string[]): string {
  return positionals[0] ?? ''
}

/** True for `--format json`. Throws `UsageError` for a format that there isn't. */
export function wantsJson({ format = 'text' }: { readonly format?: string | undefined }): boolean {
  if (format !== 'json' && format !== 'text') {
    throw new UsageError(`--format is text or json, not ${quoted(format)}`)
  }
  return format === 'json'
}

/** The platform of `--platform`. A word alone is refused: `linux` would be taken for an architecture. */
export function platformArg(text: string | undefined): Platform | undefined {
  if (text === undefined) return undefined
  if (!text.includes('/')) {
    throw new UsageError(`--platform: a platform is os/architecture[/variant], not ${quoted(text)}`)
  }
  try {
    return parsePlatform(text)
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--platform: ${error.message}`)
    throw error
  }
}

/** The bounds of a number; `min` is 0 unless given. */
export interface NumberBounds {
  readonly min?: number
  readonly max: number
}

/** A whole number within bounds. Throws `UsageError`. */
export function numberArg(name: string, text: string | undefined, bounds: NumberBounds): number | undefined {
  if (text === undefined) return undefined
  const { min = 0, max } = bounds
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`--${name} is a whole number from ${min} to ${max}, not ${quoted(text)}`)
}

/** Milliseconds of an age: `90s`, `30m`, `24h`, `7d`, or `0`. Throws `UsageError`. */
export function ageArg(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, digits = '', unit = ''] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? []
  const seconds = text === '0' ? 0 : Number.parseInt(digits, 10) * (secondsOf[unit] ?? Number.NaN)
  if (seconds >= 0) return seconds * 1000
  throw new UsageError(`--${name} is an age such as 90s, 30m, 24h, 7d or 0, not ${quoted(text)}`)
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** `; did you mean X?` for a word that is nearly one of those known, else nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = known
    .map(candidate => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= (candidate.length < 4 ? 1 : 2))
    .sort((a, b) => a.distance - b.distance)[0]
  return near === undefined ? '' : `; did you mean ${near.candidate}?`
}

/** Text of the user's in quotes, for messages. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

function parseStrictly<const Declared extends Options>(
  args: readonly string[],
  options: Declared,
): Parsed<Declared> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(usageMessage(error.message, Object.keys(options)))
  }
}

function usageMessage(message: string, known: readonly string[]): string {
  const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1]
  if (unknown === undefined) return message.replaceAll('\n', ' ')
  return `unknown option ${unknown}${suggestion(
    unknown,
    known.map(name => `--${name}`),
  )}`
}

/** Levenshtein's distance: letters to insert, delete or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, char] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const change = (row[j] ?? 0) + (char === b[j] ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
