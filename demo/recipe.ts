/** The form, read and checked. */

import { parsePlatform } from 'ocidir'
import { byId } from './dom.ts'
import { formatTime } from './format.ts'
import type { Recipe } from './worker/protocol.ts'

/** A field that can't stand as it is. */
export class FieldError extends Error {
  readonly field: string

  constructor(field: string, message: string) {
    super(message)
    this.field = field
  }
}

/** What the form says. Throws `FieldError` for the first field that can't be read. */
export function readRecipe(): Recipe {
  const epoch = readEpoch()
  return {
    tag: required('tag', 'Give the image a name, such as app:1'),
    destination: readDestination(),
    platform: readPlatform(),
    entrypoint: readWords('entrypoint'),
    cmd: readWords('cmd'),
    env: readEnv(),
    workdir: readWorkdir(),
    compression: textOf('compression') === 'none' ? 'none' : 'gzip',
    level: readLevel(),
    created: formatTime(epoch),
    epoch,
    executables: linesOf('executables').map(path => path.replace(/^\.?\//, '')),
  }
}

/** Sets the date to now, in whole seconds. */
export function fillDate(): void {
  byId('created', HTMLInputElement).value = new Date().toISOString().slice(0, 19)
}

/** Marks the field that an error is about, and takes the marks from all others. */
export function markField(form: HTMLFormElement, error: unknown): void {
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid')
  if (!(error instanceof FieldError)) return
  const field = document.getElementById(error.field)
  field?.setAttribute('aria-invalid', 'true')
  const details = field?.closest('details')
  if (details) details.open = true
  field?.focus()
}

function textOf(id: string): string {
  const field = document.getElementById(id)
  const isField =
    field instanceof HTMLInputElement ||
    field instanceof HTMLTextAreaElement ||
    field instanceof HTMLSelectElement
  if (!isField) throw new TypeError(`the page has no field #${id}`)
  return field.value.trim()
}

function required(id: string, message: string): string {
  const value = textOf(id)
  if (value === '') throw new FieldError(id, message)
  return value
}

/** From the image's root, without slashes at its ends: as the command reads it. */
function readDestination(): string {
  const names = textOf('destination')
    .split('/')
    .filter(name => name !== '' && name !== '.')
  if (names.includes('..')) throw new FieldError('destination', 'The folder in the image can’t hold ".."')
  return names.join('/')
}

function readPlatform(): string {
  const text = required('platform', 'Give a platform, such as linux/amd64')
  try {
    parsePlatform(text)
    return text
  } catch {
    throw new FieldError('platform', 'A platform is os/architecture or os/architecture/variant')
  }
}

/** One argument a line, or a JSON array: the rule of the command's options. */
function readWords(id: string): readonly string[] {
  const text = textOf(id)
  if (!text.startsWith('[')) return linesOf(id)
  const words = parsed(text)
  if (Array.isArray(words) && words.every(word => typeof word === 'string')) return words
  throw new FieldError(id, 'What begins with "[" must be a JSON array of texts: ["/app/run", "--fast"]')
}

/** A name given twice keeps its first place and gets the last value. */
function readEnv(): readonly string[] {
  const env = new Map<string, string>()
  for (const line of linesOf('env')) {
    const name = line.split('=', 1)[0] ?? ''
    if (name === '' || name === line) throw new FieldError('env', `Environment: "${line}" is not NAME=value`)
    env.set(name, line)
  }
  return [...env.values()]
}

function readWorkdir(): string {
  const text = textOf('workdir')
  if (text === '' || text.startsWith('/')) return text
  throw new FieldError('workdir', 'The working folder begins with a slash')
}

function readLevel(): number {
  const level = Number(textOf('level') || 'none')
  if (Number.isInteger(level) && level >= 0 && level <= 9) return level
  throw new FieldError('level', 'The level is a whole number from 0 to 9')
}

function readEpoch(): number {
  const text = required('created', 'Give a date')
  // A datetime-local leaves out the seconds when they are 0.
  const time = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`)
  if (time >= 0 && time < latest) return Math.floor(time / 1000)
  throw new FieldError('created', 'The date is between the years 1970 and 9999')
}

function linesOf(id: string): readonly string[] {
  return textOf(id)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// The end of the year 9999, after which RFC 3339 has no dates.
const latest = 253_402_300_800_000
