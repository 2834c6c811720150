// @ts-check
/**
 * `npm run soak [-- test files]`: the long forms of all tests that inject faults, races, kills and hostile input. Their
 * figures go into docs/reliability.md, with commit, seed and date. Of some test files: the rows of the others stay.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

/** @typedef {{ attempts: number, fired: number, lost: number, run: string }} Figures */

const document = 'docs/reliability.md'
const [open, close] = ['<!-- figures -->\n', '<!-- /figures -->']
const line = /^(P\d+: .*): (\d+) attempts, (\d+) fired, (\d+) lost$/

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const date = new Date().toISOString().slice(0, 10)
const seed = process.env.OCIDIR_SEED ?? String(Math.floor(Date.now() / 86_400_000))
const chosen = process.argv.slice(2)
const { rows, status } = await run(chosen.length > 0 ? chosen : testsWithTallies())
if (status === 0) write(rows)
else console.error(`the tests ended with ${status}: ${document} stays as it was`)
console.log(`${rows.size} figures, seed ${seed}`)
process.exitCode = status === 0 ? 0 : 1

function testsWithTallies() {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `test/${name}`)
    .filter(path => hasLongForm(path, new Set()))
}

/**
 * Tells whether a file, or one that it imports, has figures or a long form.
 * @param {string} path
 * @param {Set<string>} seen
 * @returns {boolean}
 */
function hasLongForm(path, seen) {
  if (/^test\/setup\/(tally|rounds)\.ts$/.test(path)) return true
  if (seen.has(path) || !path.startsWith('test/') || !existsSync(path)) return false
  seen.add(path)
  const imports = readFileSync(path, 'utf8').matchAll(/ from '(\.[^']+)'/g)
  return [...imports].some(([, to = '']) => hasLongForm(posix.join(posix.dirname(path), to), seen))
}

/** @param {readonly string[]} files */
async function run(files) {
  console.log(`long forms, seed ${seed}: ${files.length} test files`)
  const vitest = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // In CI a missing tool is a failure; elsewhere its figures would be missing without a word.
    env: { ...process.env, CI: 'true', OCIDIR_LONG: '1', OCIDIR_SEED: seed },
  })
  /** @type {Map<string, Figures>} */
  const rows = new Map()
  for await (const text of createInterface({ input: vitest.stdout })) {
    console.log(text)
    const [, name, attempts, fired, lost] = line.exec(stripVTControlCharacters(text)) ?? []
    if (name === undefined) continue
    // Tests that run in Node and in Chromium say it twice.
    const before = rows.get(name)
    rows.set(name, {
      attempts: Number(attempts) + (before?.attempts ?? 0),
      fired: Number(fired) + (before?.fired ?? 0),
      lost: Number(lost) + (before?.lost ?? 0),
      run: `${commit()}, ${seed}, ${date}`,
    })
  }
  const status = vitest.exitCode ?? (await new Promise(resolve => vitest.once('close', resolve)))
  return { rows, status }
}

function commit() {
  const git = (/** @type {string[]} */ ...args) => spawnSync('git', args, { encoding: 'utf8' }).stdout.trim()
  const isClean = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'adapters', 'test') === ''
  return git('rev-parse', '--short=10', 'HEAD') + (isClean ? '' : ' and changes')
}

/** @param {ReadonlyMap<string, Figures>} found */
function write(found) {
  const text = readFileSync(document, 'utf8')
  const start = text.indexOf(open) + open.length
  const end = text.indexOf(close)
  if (start < open.length || end < start) throw new Error(`${document} has no place for the figures`)
  const kept = chosen.length > 0 ? rowsOf(text.slice(start, end)) : new Map()
  writeFileSync(document, text.slice(0, start) + tableOf(new Map([...kept, ...found])) + text.slice(end))
}

/** @param {string} table */
function rowsOf(table) {
  /** @type {Map<string, Figures>} */
  const rows = new Map()
  for (const row of table.split('\n').slice(2)) {
    const [, id, what, attempts, fired, lost, run] = row.split('|').map(cell => cell.trim())
    if (run === undefined) continue
    rows.set(`${id}: ${what}`, {
      attempts: Number(attempts),
      fired: Number(fired),
      lost: Number(lost),
      run,
    })
  }
  return rows
}

/** @param {ReadonlyMap<string, Figures>} rows */
function tableOf(rows) {
  const number = (/** @type {string} */ name) => Number(name.slice(1, name.indexOf(':')))
  const sorted = [...rows].sort(([a], [b]) => number(a) - number(b) || (a < b ? -1 : 1))
  const cells = sorted.map(([name, { attempts, fired, lost, run }]) => {
    const colon = name.indexOf(':')
    return [name.slice(0, colon), name.slice(colon + 2), attempts, fired, lost, run].map(String)
  })
  const head = ['', 'what', 'attempts', 'fired', 'lost', 'commit, seed, date']
  const all = [head, ...cells]
  const widths = head.map((_, i) => Math.max(3, ...all.map(row => row[i]?.length ?? 0)))
  const row = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |\n`
  return [row(head), row(widths.map(width => '-'.repeat(width))), ...cells.map(row)].join('')
}
