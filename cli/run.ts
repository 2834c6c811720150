/** One call of the command: which command it is, and what its end means to the shell. */

import { suggestion, withWords } from './args.ts'
import { type Command, type Io, UsageError } from './command.ts'
import { commands } from './commands.ts'
import { printable } from './text.ts'
import { version } from './version.ts'

/** Runs a command line. Gives the exit code: 0 ok, 1 a failure or a finding, 2 a wrong call. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    const exitCode = await closing(io, () => dispatch(args, io))
    // A full disk behind stdout is a failure too.
    await io.out.flush()
    return exitCode
  } catch (error) {
    await io.progress.clear()
    if (io.signal.aborted) return await interrupted(io)
    await report(error, args, io)
    return error instanceof UsageError ? 2 : 1
  } finally {
    await io.progress.clear()
    // With stderr gone there is nobody left to tell.
    await io.err.flush().catch(() => {})
  }
}

/** Storages take their private folders away when they are closed. */
async function closing<T>({ opened }: Io, command: () => Promise<T>): Promise<T> {
  try {
    return await command()
  } finally {
    for (const storage of opened) await storage.close()
  }
}

async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined) {
    await io.err.line(overview())
    return 2
  }
  if (name === '--version' || name === '-V') return print(`ocidir ${await version()}`, io)
  if (helpNames.has(name)) return help(rest, io)
  const command = commandNamed(name)
  const own = withWords(rest, command.wordOptions ?? [])
  return asksForHelp(own) ? print(command.help.trimEnd(), io) : command.run(own, io)
}

const helpNames: ReadonlySet<string> = new Set(['--help', '-h', 'help'])

async function help([name, ...more]: readonly string[], io: Io): Promise<number> {
  if (more.length > 0) throw new UsageError('help takes one command')
  const isOverview = name === undefined || helpNames.has(name)
  return print(isOverview ? overview() : commandNamed(name).help.trimEnd(), io)
}

function commandNamed(name: string): Command {
  const command = commands.find(known => known.name === name)
  if (command !== undefined) return command
  const what = name.startsWith('-') ? 'option' : 'command'
  const known = commands.map(({ name }) => name)
  throw new UsageError(`unknown ${what} ${JSON.stringify(name)}${suggestion(name, known)}`)
}

/** A `--help` among a command's options, but not behind `--`. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? args.length : end).some(arg => arg === '--help' || arg === '-h')
}

async function print(text: string, { out }: Io): Promise<number> {
  await out.line(text)
  return 0
}

function overview(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`)
  return `Usage: ocidir COMMAND [arguments]

Container images as folders (OCI image layouts): build, check, list and change them.

${lines.join('\n')}
  help       show the help of a command

LAYOUT and DIR are folders. REF is DIR:TAG, DIR@DIGEST, or DIR alone where it holds one image.
To read, a tar of a layout (an oci-archive) does as well as a folder; it isn't unpacked.
Data goes to stdout, all else to stderr; --format json gives data as JSON.
Exit code: 0 ok, 1 a failure or a finding of severity error, 2 a wrong call, 130 interrupted.
Environment: SOURCE_DATE_EPOCH, NO_COLOR, OCIDIR_DEBUG (failures with their stack).

  ocidir build layout:app:1 --layer ./app:/app --cmd /app/run
  ocidir ls layout:app:1
  ocidir fsck layout`
}

/** What is only half done has been taken back by now. */
async function interrupted({ err, signal }: Io): Promise<number> {
  await err.line('ocidir: interrupted')
  return signal.reason instanceof Interrupt ? signal.reason.exitCode : 1
}

/** Why the signal was aborted. */
export class Interrupt extends Error {
  override readonly name = 'AbortError'
  /** 128 and the number of the signal. */
  readonly exitCode: number

  constructor(exitCode: number) {
    super('interrupted')
    this.exitCode = exitCode
  }
}

async function report(error: unknown, [name = '']: readonly string[], { err, env }: Io): Promise<void> {
  await err.line(`${err.paint('red', 'ocidir:')} ${printable(messageOf(error))}`)
  if (error instanceof UsageError) {
    const isCommand = commands.some(known => known.name === name)
    await err.line(`See: ocidir ${isCommand ? `${name} ` : ''}--help`)
  } else if (env.OCIDIR_DEBUG) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      for (const line of (cause.stack ?? cause.message).split('\n')) await err.line(printable(line))
    }
  }
}

/** The message and those of its causes that say more. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error) || error.message.includes(cause.message)) return error.message
  return `${error.message}: ${messageOf(cause)}`
}
