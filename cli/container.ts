/** What an image's container runs, from the options of `build`: merged with the base's as Docker does. */

import { posix } from 'node:path'
import type { ContainerConfig } from '../src/index.ts'
import { quoted } from './args.ts'
import { UsageError } from './command.ts'

/** The options, as they were given. */
export interface ContainerArgs {
  readonly entrypoint?: readonly string[] | undefined
  readonly cmd?: readonly string[] | undefined
  readonly env?: readonly string[] | undefined
  readonly label?: readonly string[] | undefined
  readonly workdir?: string | undefined
  readonly user?: string | undefined
}

/** The fields that change. Throws `UsageError`. */
export interface ContainerEdit {
  readonly Entrypoint?: readonly string[] | null | undefined
  readonly Cmd?: readonly string[] | null | undefined
  readonly Env?: readonly string[] | undefined
  readonly Labels?: Readonly<Record<string, string>> | undefined
  readonly WorkingDir?: string | undefined
  readonly User?: string | undefined
}

/**
 * What the options change in a base's config. An entrypoint drops the base's Cmd, which was made for another one.
 *
 * Throws `UsageError` for an argument that can't be read.
 */
export function containerEdit(args: ContainerArgs, base: ContainerConfig = {}): ContainerEdit {
  const entrypoint = wordsOf('entrypoint', args.entrypoint)
  const cmd = wordsOf('cmd', args.cmd)
  return {
    Entrypoint: unlessEmpty(entrypoint),
    Cmd: entrypoint !== undefined && cmd === undefined ? null : unlessEmpty(cmd),
    Env: args.env && mergedEnv(base.Env ?? [], args.env),
    Labels: args.label && { ...base.Labels, ...labelsOf(args.label) },
    WorkingDir: args.workdir === undefined ? undefined : workingDir(base.WorkingDir, args.workdir),
    User: args.user,
  }
}

/** One element for each value, or a whole JSON array where a value begins with `[`. */
function wordsOf(name: string, values: readonly string[] | undefined): string[] | undefined {
  return values?.flatMap(value => (value.startsWith('[') ? arrayOf(name, value) : [value]))
}

function arrayOf(name: string, text: string): string[] {
  const words = parsed(text)
  if (Array.isArray(words) && words.every(word => typeof word === 'string')) return words
  throw new UsageError(`--${name} begins with "[" and is not a JSON array of strings: ${quoted(text)}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `[]` takes the base's away. */
function unlessEmpty(words: readonly string[] | undefined): readonly string[] | null | undefined {
  return words?.length === 0 ? null : words
}

/** A name that is there keeps its place and gets the new value. */
function mergedEnv(base: readonly string[], changes: readonly string[]): string[] {
  const env = new Map(base.map(entry => [nameOf(entry), entry]))
  for (const change of changes) {
    const name = nameOf(change)
    if (name === '' || name === change) throw new UsageError(`--env is NAME=VALUE, not ${quoted(change)}`)
    env.set(name, change)
  }
  return [...env.values()]
}

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? entry
}

function labelsOf(labels: readonly string[]): Record<string, string> {
  const pairs = labels.map((label): [string, string] => {
    const name = nameOf(label)
    if (name === '') throw new UsageError(`--label is NAME=VALUE, not ${quoted(label)}`)
    return [name, label.slice(name.length + 1)]
  })
  return Object.fromEntries(pairs)
}

/** A relative folder starts from the base's, as WORKDIR does. */
function workingDir(base: string | null | undefined, given: string): string {
  if (given === '') throw new UsageError('--workdir is empty')
  return posix.isAbsolute(given) ? given : posix.resolve('/', base || '/', given)
}
