/** Text for people: nothing that came out of an image reaches a terminal as a command to it. */

import { styleText } from 'node:util'
import type { Progress } from '../src/index.ts'

/** What a text may be painted as. */
export type Colour = 'red' | 'yellow' | 'green' | 'cyan' | 'dim' | 'bold'

/**
 * Text with its control characters escaped: `\x1b`, `\u{202e}`. Names in an image are anybody's, and a terminal
 * obeys escape sequences and turns text around at bidirectional marks.
 */
export function printable(text: string): string {
  return text.replace(obeyed, char => {
    const code = char.codePointAt(0) ?? 0
    const hex = code.toString(16)
    return named[char] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`)
  })
}

/** Bytes as people read them: `812 B`, `1.9 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length)
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`
}

/** `1.9 MB`, `1.9 MB of 20.0 MB, 30.1 MB/s`: what is known of how far a call has come. */
export function formatProgress({ bytes, total, rate }: Progress): string {
  const whole = total === undefined ? '' : ` of ${formatBytes(total)}`
  return `${formatBytes(bytes)}${whole}${rate === undefined ? '' : `, ${formatBytes(rate)}/s`}`
}

/** `1 error`, `2 errors`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The colours of a terminal; anywhere else, and under NO_COLOR, text stays as it is. */
export function painter(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): (colour: Colour, text: string) => string {
  if (!isTerminal || env.NO_COLOR || env.TERM === 'dumb') return (_, text) => text
  // Judged above, for the stream that the text goes to.
  return (colour, text) => styleText(colour, text, { validateStream: false })
}

// Controls, line and paragraph separators, lone surrogates, bidirectional marks.
const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const units = ['kB', 'MB', 'GB', 'TB', 'PB']
