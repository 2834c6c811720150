/** Findings of fsck as the commands print them. */

import { adviceFor, type Finding } from '../src/index.ts'
import type { Io } from './command.ts'
import { printable } from './text.ts'

/** Prints a line each, and after the first of a code what helps against it. */
export async function printFindings(findings: readonly Finding[], out: Io['out']): Promise<void> {
  const helped = new Set<string>()
  for (const finding of findings) {
    const { code } = finding
    await out.line(lineOf(finding, out))
    if (!helped.has(code)) await out.line(out.paint('dim', `  help: ${adviceFor(code)}`))
    helped.add(code)
  }
}

/** A finding in JSON. */
export function findingRow({ severity, code, digest, path, message, entry, offset }: Finding): object {
  return { severity, code, digest: digest ?? null, path, message, advice: adviceFor(code), entry, offset }
}

function lineOf({ severity, code, path, digest, message }: Finding, { paint }: Io['out']): string {
  const where = digest === undefined || path.includes(digest) ? path : `${path} ${digest}`
  return `${paint(colours[severity], severity)} ${code} ${printable(where)}: ${printable(message)}`
}

const colours = { error: 'red', warning: 'yellow', info: 'cyan' } as const
