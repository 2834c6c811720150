// @ts-check
// What a run printed, as it stands in bench/README.md: between `<!-- NAME -->` and `<!-- /NAME -->`.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { findTool } from '../scripts/provision.mjs'

const top = fileURLToPath(new URL('..', import.meta.url))
const readme = fileURLToPath(new URL('README.md', import.meta.url))

/** Whence a run's figures are; others' work on the same cores shows in the load. */
export function whence() {
  const changed =
    said('git', ['status', '--porcelain', '--', ':!bench/README.md']) === '' ? '' : ' with changes'
  const commit = `commit \`${said('git', ['rev-parse', '--short', 'HEAD'])}\`${changed}`
  const browser = said(findTool('chromium') ?? 'chromium', ['--version'])
    .split(' ')
    .slice(0, 2)
    .join(' ')
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()})`
  const load = `load before the run ${loadavg()[0]?.toFixed(1)}`
  const date = new Date().toISOString().slice(0, 10)
  return `Measured on ${date} at ${commit}: Node ${process.versions.node}, ${browser}, ${machine}, ${load}.`
}

/** @param {ReadonlyMap<string, string>} sections by their names */
export function writeReadme(sections) {
  let text = readFileSync(readme, 'utf8')
  for (const [name, section] of sections) {
    const [from, to] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
    const start = text.indexOf(from) + from.length
    const end = text.indexOf(to)
    if (start < from.length || end < start) throw new Error(`bench/README.md has no place for ${name}`)
    text = `${text.slice(0, start)}\n${section}\n\n${text.slice(end)}`
  }
  writeFileSync(readme, text)
}

/** @param {string} command @param {readonly string[]} args */
function said(command, args) {
  return execFileSync(command, args, {
    cwd: top,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
}
