/** What a command is, and what it is given to work with. */

import type { Readable } from 'node:stream'
import type { Output, ProgressLine } from './output.ts'

/** The outside world of a command. */
export interface Io {
  /** Data. */
  readonly out: Output
  /** All that isn't data. */
  readonly err: Output
  readonly progress: ProgressLine
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  /** What the command has opened, closed at its end whatever that is. */
  readonly opened: { close(): Promise<void> }[]
}

/** A subcommand. */
export interface Command {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** What `--help` prints: usage first. */
  readonly help: string
  /** Options whose value is a word for another program, and may begin with a dash. */
  readonly wordOptions?: readonly string[]
  /** Gives the exit code: 0, or 1 for a finding. A wrong call throws `UsageError`, all else is a failure. */
  run(args: readonly string[], io: Io): Promise<number>
}

/** The command was called wrongly: exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A failure of the command that isn't the library's: exit 1. */
export class Failure extends Error {
  override readonly name = 'Failure'
}
