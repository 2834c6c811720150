// @ts-check
// What was asked of layers at full speed, on two cores, beside what a run measured.
import { fsckRows } from './fsck.mjs'
import { table } from './measure.mjs'

/** @typedef {import('./measure.mjs').Standings} Standings */

/** @typedef {{ table: string, input: string, standings: Standings, gzipped?: number }} Raced */

/**
 * At least so many times as fast as a peer.
 * @typedef {object} SpeedGoal
 * @property {string} table
 * @property {string} row
 * @property {string} peer
 * @property {number} least
 * @property {RegExp} [inputs] those that it is asked of; all unless given
 * @property {string} [withoutStart] the row that is timed without its process's start, if it isn't the same
 * @property {string} [tried] where it is missed: what was tried
 */

const places = ['Node', 'Chromium']

/** What was tried, and where the time is, by kind of work. */
const zlib =
  "zlib's WebAssembly takes nine tenths of the processor: 24 MB/s a core inlined (22 before), 31 in native code; checks by node:zlib, other settings of the inliner: no gain"
const zstd =
  "zstd's WebAssembly makes 165 MB/s a core inlined (117 before), 234 in native code, and the check takes a fifth more; five other builds in npm are slower"
const tab = 'in a tab both hashes are WebAssembly, too, at 400 MB/s, and files come from another process'
const plain = 'SHA-256 in WebAssembly makes 400 MB/s, and Web Crypto, twice as fast, needs all bytes at once'
const start =
  'Node, packages and our modules take 0.13 s to start (0.15 before they were a few files), Node alone 0.06'
const flush = 'flushes while it is written took 35 ms from 250 MB and added 200 ms to 1.1 GB'
const young =
  "what grows is V8's room for young objects, which it doubles as what was under way at each of its collections adds up"
const garbage =
  "garbage that V8 takes for old, some 400 bytes for each block, and its room for young objects, which doubles as with Node's"

/** @type {readonly SpeedGoal[]} */
const speeds = [
  ...places.map(at => ({ table: 'gzip-6', row: `${at}, fflate`, peer: 'the crate', least: 1.1 })),
  { table: 'gzip-6', row: 'Node, zlib', peer: 'the crate', least: 1.5, tried: zlib },
  { table: 'gzip-6', row: 'Chromium, zlib', peer: 'the crate', least: 1.5, tried: `${zlib}; ${tab}` },
  { table: 'gzip-6', row: 'Node, zlib', peer: 'pigz -p2', least: 0.75, tried: zlib },
  { table: 'gzip-6', row: 'Chromium, zlib', peer: 'pigz -p2', least: 0.75, tried: `${zlib}; ${tab}` },
  { table: 'gzip-6', row: 'Node, platform', peer: 'pigz -p2', least: 1 },
  { table: 'gzip-1', row: 'Node, zlib', peer: 'the crate', least: 1, tried: `${zlib}; ${start}` },
  { table: 'gzip-1', row: 'Chromium, zlib', peer: 'the crate', least: 1, tried: `${zlib}; ${tab}` },
  { table: 'zstd-3', row: 'Node, zstd', peer: 'the crate', least: 1, tried: `${zstd}; ${start}` },
  { table: 'zstd-3', row: 'Chromium, zstd', peer: 'the crate', least: 1, tried: `${zstd}; ${tab}` },
  { table: 'plain', row: 'Node, plain', peer: 'the crate', least: 0.7, tried: `${start}; ${flush}` },
  { table: 'plain', row: 'Chromium, plain', peer: 'the crate', least: 0.7, tried: plain },
  ...[
    { inputs: /^64 × /, tried: start },
    { inputs: /^32 × /, tried: `${start}: half of its time` },
    { inputs: /^1 × /, tried: 'a single blob is hashed by one core' },
  ].map(of => ({
    ...{ table: 'fsck', row: fsckRows.command, peer: 'the crate', least: 1.3 },
    ...{ withoutStart: fsckRows.library, ...of },
  })),
  { table: 'fsck', row: fsckRows.tab, peer: 'sha256sum', least: 2, inputs: /^\d\d × / },
  {
    ...{ table: 'fsck', row: fsckRows.tab, peer: 'sha256sum', least: 0.8, inputs: /^1 × / },
    tried: 'a single blob is hashed by one core, in WebAssembly at 400 MB/s, which also waits for its bytes',
  },
]

/** Against the bytes of `gzip -6`; fewer are no fault. */
const mostSize = 1.015
/** Between a build of 1 GiB and one of 4 GiB. */
const mostGrowth = 1.1
/** Bytes: of a process of Node, and of JavaScript and WebAssembly in a tab. */
const most = { Node: 150e6, Chromium: 100e6 }

/**
 * One row for each goal and input that were measured.
 * @param {readonly Raced[]} races
 * @param {readonly import('./memory.mjs').Held[]} memory
 */
export function goalsTable(races, memory) {
  const rows = [
    ...speeds.flatMap(goal => races.flatMap(raced => speedRows(goal, raced))),
    ...races.filter(raced => raced.table === 'gzip-6').flatMap(sizeRows),
    ...memoryRows(memory),
  ]
  return table([['goal', 'of', 'asked', 'measured', 'outcome'], ...rows], 5)
}

/** @param {SpeedGoal} goal @param {Raced} raced @returns {string[][]} */
function speedRows(goal, { table: racedIn, input, standings }) {
  const { table: name, row, peer, least, tried } = goal
  if (name !== racedIn || !(goal.inputs?.test(input) ?? true)) return []
  const about = [`${name}: ${row} × ${peer}`, input, `≥ ${least.toFixed(2)}`]
  const ratio = standings.ratio(row, peer)
  if (ratio === undefined) return [[...about, '', standings.missing(row) ?? `${peer} is not there`]]
  const measured = ratio.whole.toFixed(2)
  const withoutStart = standings.ratio(goal.withoutStart ?? row, peer)?.inside.toFixed(2)
  const both = withoutStart === measured ? measured : `${measured} (${withoutStart} without start)`
  return [[...about, both, verdict(ratio.whole / least, tried)]]
}

/** @param {Raced} raced */
function sizeRows({ input, standings, gzipped = Number.NaN }) {
  return standings.names
    .filter(name => places.some(at => name.startsWith(at)))
    .flatMap(name => {
      const size = standings.of(name)?.size
      if (size === undefined) return []
      const ratio = size / gzipped
      const asked = `≤ ${mostSize.toFixed(3)}`
      return [[`bytes: ${name} / gzip -6`, input, asked, ratio.toFixed(3), verdict(mostSize / ratio)]]
    })
}

/** @param {readonly import('./memory.mjs').Held[]} memory */
function memoryRows(memory) {
  const rows = []
  const names = new Set(memory.map(({ row }) => row))
  for (const row of names) {
    const isNode = row.startsWith('Node')
    const bound = isNode ? most.Node : most.Chromium
    const tried = isNode ? young : garbage
    const bytes = memory.flatMap(held =>
      held.row === row && !('missing' in held) ? (held.heap ?? held.peak) : [],
    )
    const [small, large] = bytes
    if (small === undefined || large === undefined) continue
    const of = isNode ? 'resident' : 'JS and WASM heap'
    const highest = Math.max(...bytes)
    const asked = `≤ ${(bound / 1e6).toFixed(0)} MB`
    rows.push([
      `memory: ${row}`,
      of,
      asked,
      `${(highest / 1e6).toFixed(0)} MB`,
      verdict(bound / highest, tried),
    ])
    const growth = Math.max(small / large, large / small)
    const apart = `${((growth - 1) * 100).toFixed(0)} % apart`
    rows.push([
      `memory: ${row}, of four times the input`,
      of,
      '≤ 10 % apart',
      apart,
      verdict(mostGrowth / growth, tried),
    ])
  }
  return rows
}

/**
 * @param {number} share of the goal that is reached; 1 and above meets it
 * @param {string} [tried]
 */
function verdict(share, tried) {
  if (share >= 1) return 'met'
  const percent = (1 - share) * 100
  return `missed by ${percent.toFixed(percent < 10 ? 1 : 0)} %${tried === undefined ? '' : `: ${tried}`}`
}
