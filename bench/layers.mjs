// @ts-check
// Layers built by ocidir in Node and in a tab, beside the crate and the commands that only compress; all in turn.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mb, race, rate, run, table } from './measure.mjs'
import { command, crate } from './peers.mjs'

const top = fileURLToPath(new URL('..', import.meta.url))

/** @typedef {import('./measure.mjs').Racer} Racer */
/** @typedef {import('./measure.mjs').Run} Run */
/** @typedef {import('./measure.mjs').Standings} Standings */
/** @typedef {import('./variants.mjs').LayerTable} LayerTable */
/** @typedef {import('./variants.mjs').PeerName} PeerName */
/** @typedef {import('./variants.mjs').Variant} Variant */

/**
 * Where layers are built, and from what.
 * @typedef {object} Place
 * @property {string} work
 * @property {import('./tab.mjs').Tab} tab
 * @property {string} tar
 */

/** The name of a variant's row. @param {Variant} variant */
export const rowOf = ({ where, name }) => `${where}, ${name}`

/**
 * One table on one input, which the tab must have been given.
 * @param {LayerTable} layerTable
 * @param {{ place: Place, runs: number, warmUps: number }} options
 */
export async function raceOfLayers({ build, peers, variants }, { place, runs, warmUps }) {
  const own = variants.map(variant => ({ name: rowOf(variant), run: () => built(build, { variant, place }) }))
  const others = peers.flatMap(name => peer(name, { build, place }) ?? [])
  const standings = await race({ racers: [...own, ...others], runs, warmUps })
  checkDigests(standings, { build, peers, variants })
  return standings
}

/**
 * @param {Standings} standings
 * @param {{ name: string, peers: readonly PeerName[], input: number, gzipped: number }} about
 */
export function layersTable(standings, { name, peers, input, gzipped }) {
  const head = [name, 'MB/s', ...peers.map(peer => `× ${peer}`), '× the crate, without start']
  const rows = standings.names.map(row => {
    const missing = standings.missing(row)
    const result = standings.of(row)
    if (result === undefined) return [`${row}: ${missing}`, ...Array(peers.length + 4).fill('')]
    const against = peers.map(peer => (peer === row ? '' : ratioOf(standings, [row, peer]).whole))
    const isProcess = row.startsWith('Node')
    return [
      row,
      rate(input, result.seconds),
      ...against,
      isProcess ? ratioOf(standings, [row, 'the crate']).inside : '',
      ((result.size ?? Number.NaN) / gzipped).toFixed(3),
      result.peak ? mb(result.peak) : '',
    ]
  })
  return table([[...head, 'bytes / those of gzip -6', 'peak MB'], ...rows])
}

/** Bytes that `gzip -6` makes of a file. @param {string} tar @param {string} work */
export async function gzippedSize(tar, work) {
  const { size } = await compressed([command('gzip') ?? 'gzip', '-n', '-6', '-c'], { tar, work })
  return size
}

/** @param {Standings} standings @param {readonly [string, string]} names */
function ratioOf(standings, [row, peer]) {
  const { whole, inside } = standings.ratio(row, peer) ?? {}
  return { whole: whole?.toFixed(2) ?? 'not there', inside: inside?.toFixed(2) ?? 'not there' }
}

/**
 * @param {LayerTable['build']} build
 * @param {{ variant: Variant, place: Place }} options
 * @returns {Promise<Run>}
 */
async function built(build, { variant, place }) {
  const how = { ...build, deflate: variant.deflate, workers: variant.workers }
  return variant.where === 'Node' ? builtInNode(how, place) : place.tab.build(how)
}

/**
 * One build in a process of its own.
 * @param {import('./codec.mjs').Build} how
 * @param {{ work: string, tar: string }} place
 */
export async function builtInNode(how, { work, tar }) {
  const flags = Object.entries(how).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, `${value}`],
  )
  return intoLayout(work, layout =>
    run(process.execPath, [join(top, 'bench/layer.mjs'), layout, tar, ...flags]),
  )
}

/**
 * @param {string} work
 * @param {(layout: string) => Promise<Run & { output: string }>} build
 * @returns {Promise<Run>}
 */
async function intoLayout(work, build) {
  const layout = mkdtempSync(join(work, 'layer-'))
  try {
    const { output, ...result } = await build(layout)
    return { ...result, ...JSON.parse(output) }
  } finally {
    rmSync(layout, { recursive: true })
  }
}

/**
 * @param {PeerName} name
 * @param {{ build: LayerTable['build'], place: Place }} options
 * @returns {Racer | undefined}
 */
function peer(name, { build: { codec, level = 0 }, place }) {
  if (name === 'the crate') {
    const program = crate()
    if (program === undefined) return undefined
    const words = [place.tar, codec, `${level}`]
    return {
      name,
      run: () => intoLayout(place.work, layout => run(program, ['build', layout, ...words])),
    }
  }
  /** @type {readonly [import('./peers.mjs').CommandName, ...string[]]} */
  const [needed, ...args] = {
    gzip: /** @type {const} */ (['gzip', '-n', `-${level}`, '-c']),
    'pigz -p2': /** @type {const} */ (['pigz', '-n', `-${level}`, '-p2', '-c']),
    'zstd -T1': /** @type {const} */ (['zstd', '-q', `-${level}`, '-T1', '-c']),
  }[name]
  const program = command(needed)
  return program === undefined ? undefined : { name, run: () => compressed([program, ...args], place) }
}

/**
 * @param {readonly string[]} words
 * @param {{ work: string, tar: string }} place
 */
async function compressed(words, { work, tar }) {
  const out = join(work, 'compressed')
  const { seconds, peak } = await run('sh', ['-c', `exec "$@" > ${out}`, 'sh', ...words, tar])
  const { size } = statSync(out)
  rmSync(out)
  return { seconds, peak, size }
}

/**
 * Whatever builds a layer has read the same tar, and each of our codecs makes the same bytes wherever it runs.
 * @param {Standings} standings
 * @param {LayerTable} layerTable
 */
function checkDigests(standings, { variants }) {
  /** @param {string} what @param {readonly (string | undefined)[]} digests */
  const isOne = (what, digests) => {
    const all = new Set(digests.filter(digest => digest !== undefined))
    if (all.size > 1) throw new Error(`${what} differ: ${[...all].join(', ')}`)
  }
  isOne(
    'diffIDs',
    standings.names.flatMap(name => standings.runs(name).map(({ diffId }) => diffId)),
  )
  for (const deflate of /** @type {const} */ ([undefined, 'fflate', 'zlib'])) {
    const same = variants.filter(variant => variant.deflate === deflate).map(rowOf)
    isOne(
      `digests of ${same.join(' and ')}`,
      same.flatMap(name => standings.runs(name).map(({ digest }) => digest)),
    )
  }
}
