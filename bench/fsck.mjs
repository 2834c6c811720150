// @ts-check
// Every byte of a layout checked, in Node and in a tab, beside `sha256sum` of the same blobs and the crate's check.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mb, race, rate, run, table } from './measure.mjs'
import { command, crate } from './peers.mjs'
import { withTab } from './tab.mjs'

const top = fileURLToPath(new URL('..', import.meta.url))

/** The names of the rows. */
export const fsckRows = /** @type {const} */ ({
  command: 'Node, the command',
  library: 'Node, without start',
  tab: 'Chromium',
})

/**
 * One layout of blobs of these sizes, on the disk and in OPFS.
 * @param {readonly number[]} sizes
 * @param {{ work: string, runs: number, warmUps: number }} options
 */
export async function raceOfChecks(sizes, { work, runs, warmUps }) {
  const layout = mkdtempSync(join(work, 'fsck-'))
  try {
    await run(process.execPath, [join(top, 'bench/fill.mjs'), layout, ...sizes.map(String)])
    const standings = await withTab(work, async tab => {
      await tab.page.evaluate(list => globalThis.bench.fill(list), sizes)
      const own = [
        { name: fsckRows.command, run: () => node('dist/node/ocidir.js', 'fsck', layout) },
        { name: fsckRows.library, run: () => inside(layout) },
        { name: fsckRows.tab, run: () => tab.check() },
      ]
      return race({ racers: [...own, ...peers(layout)], runs, warmUps })
    })
    return { standings, bytes: blobsOf(layout).reduce((sum, blob) => sum + statSync(blob).size, 0) }
  } finally {
    rmSync(layout, { recursive: true })
  }
}

/**
 * @param {import('./measure.mjs').Standings} standings
 * @param {{ name: string, bytes: number }} about
 */
export function fsckTable(standings, { name, bytes }) {
  const head = [name, 'MB/s', '× sha256sum', '× the crate', 'peak MB']
  const rows = standings.names.map(row => {
    const result = standings.of(row)
    if (result === undefined) return [`${row}: ${standings.missing(row)}`, '', '', '', '']
    const against = ['sha256sum', 'the crate'].map(peer =>
      peer === row ? '' : (standings.ratio(row, peer)?.whole.toFixed(2) ?? 'not there'),
    )
    return [row, rate(bytes, result.seconds), ...against, mb(result.peak)]
  })
  return table([head, ...rows])
}

/** @param {string} layout */
function peers(layout) {
  const program = crate()
  const hash = command('sha256sum')
  return [
    ...(hash ? [{ name: 'sha256sum', run: () => run(hash, blobsOf(layout)) }] : []),
    ...(program ? [{ name: 'the crate', run: () => run(program, ['fsck', layout]) }] : []),
  ]
}

/** @param {string} layout */
async function inside(layout) {
  const { output, peak } = await node('bench/check.mjs', layout)
  return { seconds: JSON.parse(output).inside, peak }
}

/** @param {readonly string[]} args */
function node(...[script = '', ...args]) {
  return run(process.execPath, [join(top, script), ...args])
}

/** @param {string} layout */
function blobsOf(layout) {
  const blobs = join(layout, 'blobs/sha256')
  return readdirSync(blobs).map(blob => join(blobs, blob))
}
