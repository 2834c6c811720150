/** Tables in docs that a test makes: the document must say what the test has found. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const top = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Compares the table between `<!-- name -->` and `<!-- /name -->` of a document with what was found; with
 * `UPDATE_DOCS=1` it is written there instead.
 */
export async function expectTable(path: string, name: string, rows: readonly string[][]): Promise<void> {
  const file = join(top, path)
  const text = await readFile(file, 'utf8')
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const start = text.indexOf(open) + open.length
  const end = text.indexOf(close)
  expect(start).toBeGreaterThanOrEqual(open.length)
  expect(end).toBeGreaterThanOrEqual(start)
  const table = markdown(rows)
  if (process.env.UPDATE_DOCS) await writeFile(file, text.slice(0, start) + table + text.slice(end))
  else expect(text.slice(start, end)).toBe(table)
}

function markdown(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |\n`
  const [head = [], ...body] = rows
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...body.map(line)].join('')
}
