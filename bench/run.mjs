// @ts-check
// npm run build && node bench/run.mjs [--quick] [--only TABLE,…] [--inputs rootfs,large] [--runs N] [--write]: the tables
// of bench/README.md, all that is compared timed in turn in this one run; --write puts them there.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fsckTable, raceOfChecks } from './fsck.mjs'
import { goalsTable } from './goals.mjs'
import { gzippedSize, layersTable, raceOfLayers } from './layers.mjs'
import { mb, mib } from './measure.mjs'
import { memoryOfBuilds, memoryTable } from './memory.mjs'
import { whence, writeReadme } from './readme.mjs'
import { rootfs } from './rootfs.mjs'
import { storeTable } from './store.mjs'
import { withTab } from './tab.mjs'
import { tagsTable } from './tags.mjs'
import { layerTables } from './variants.mjs'

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    inputs: { type: 'string', default: 'rootfs,large' },
    runs: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const MiB = 2 ** 20
const scale = given.quick ? 16 : 1
const runs = Number(given.runs ?? (given.quick ? 1 : 3))
const warmUps = given.quick ? 0 : 1
/** A long build is noisy for less of its time, and has nothing to warm up. */
const inputs = {
  rootfs: { name: 'Debian root', runs, warmUps, quickMiB: 12 },
  large: { name: 'large Debian root', runs: Math.max(1, runs >> 1), warmUps: 0, quickMiB: 16 },
}

const layers = Object.keys(layerTables)
const only = (given.only ?? 'layers,fsck,memory,tags,store')
  .split(',')
  .flatMap(name => (name === 'layers' ? layers : [name]))
const unknown = only.filter(name => ![...layers, 'fsck', 'memory', 'tags', 'store'].includes(name))
if (unknown.length > 0) throw new Error(`no such table: ${unknown.join(', ')}`)

const isWhole = given.only === undefined && given.inputs === 'rootfs,large' && !given.quick
if (given.write && !isWhole) throw new Error('only a whole run is written into the README')

const work = mkdtempSync(join(tmpdir(), 'ocidir-bench-'))
/** @type {import('./goals.mjs').Raced[]} */
const races = []
/** @type {import('./memory.mjs').Held[]} */
let memory = []

/** What was printed, by its place in the README. @type {Map<string, string>} */
const sections = new Map()

try {
  tell('run', whence())
  if (only.some(name => layers.includes(name))) await allLayers()
  if (only.includes('fsck')) await allChecks()
  if (only.includes('memory')) await allMemory()
  if (only.includes('tags')) tell('tags', await tagsTable(work, { runs, count: given.quick ? 100 : 10_000 }))
  if (only.includes('store')) tell('store', await storeTable(work, { runs, scale }))
  if (races.length > 0 || memory.length > 0) tell('goals', goalsTable(races, memory))
  if (given.write) writeReadme(sections)
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function allLayers() {
  await withTab(work, async tab => {
    for (const name of /** @type {const} */ (['rootfs', 'large'])) {
      if (!given.inputs.split(',').includes(name)) continue
      const { tar, about } = tarOf(name)
      tell('layers', about)
      await tab.give(tar)
      const gzipped = await gzippedSize(tar, work)
      for (const [table, layerTable] of Object.entries(layerTables)) {
        if (!only.includes(table)) continue
        const input = inputs[name]
        say(`${table} of the ${input.name}`)
        const standings = await raceOfLayers(layerTable, { place: { work, tab, tar }, ...input })
        races.push({ table, input: input.name, standings, gzipped })
        const { peers } = layerTable
        const options = { name: `${table}, ${input.name}`, peers, input: statSync(tar).size, gzipped }
        tell('layers', layersTable(standings, options))
      }
    }
  })
}

async function allChecks() {
  for (const [count, size] of /** @type {const} */ ([
    [32, 8],
    [64, 32],
    [1, 1024],
  ])) {
    const bytes = (size * MiB) / scale
    const input = `${count} × ${mib(bytes)} MiB`
    say(`fsck of ${input}`)
    const { standings, bytes: all } = await raceOfChecks(Array(count).fill(bytes), { work, runs, warmUps })
    races.push({ table: 'fsck', input, standings })
    tell('fsck', fsckTable(standings, { name: `fsck, ${input}`, bytes: all }))
  }
}

async function allMemory() {
  say('memory')
  const { tar } = tarOf('rootfs')
  const sizes = given.quick ? [16 * MiB, 64 * MiB] : [1024 * MiB, 4096 * MiB]
  memory = await memoryOfBuilds({ work, tar, sizes })
  tell('memory', memoryTable(memory))
}

/** The tar, or for a quick look its beginning. @param {keyof typeof inputs} name */
function tarOf(name) {
  const made = rootfs(name)
  const tar = given.quick ? beginningOf(made.tar, inputs[name].quickMiB * MiB) : made.tar
  const about = `${inputs[name].name}: ${mb(statSync(tar).size)} MB of ${made.packages.length} packages`
  return { tar, about }
}

/** @param {string} path @param {number} length */
function beginningOf(path, length) {
  const bytes = new Uint8Array(length)
  const file = openSync(path, 'r')
  readSync(file, bytes)
  closeSync(file)
  const beginning = join(work, `${length}.tar`)
  writeFileSync(beginning, bytes)
  return beginning
}

/** Prints what belongs into a section of the README, and keeps it. @param {string} section @param {string} text */
function tell(section, text) {
  console.log(`${text}\n`)
  sections.set(section, [sections.get(section), text].filter(Boolean).join('\n\n'))
}

/** Where it is; stdout has the tables. @param {string} what */
function say(what) {
  console.error(`bench: ${what}`)
}
