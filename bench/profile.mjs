// @ts-check
// Where the time of one build goes: profile.mjs TAR, then the flags of layer.mjs. Self time by thread and module.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, table } from './measure.mjs'

const [tar = '', ...flags] = process.argv.slice(2)
const top = fileURLToPath(new URL('..', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'ocidir-profile-'))
try {
  const profiles = join(work, 'profiles')
  const layout = mkdtempSync(join(work, 'layer-'))
  const profiled = ['--cpu-prof', `--cpu-prof-dir=${profiles}`, join(top, 'bench/layer.mjs')]
  const { seconds } = await run(process.execPath, [...profiled, layout, tar, ...flags])
  console.log(`${seconds.toFixed(1)} s with the profiler\n`)
  const rows = readdirSync(profiles).flatMap((file, thread) => rowsOf(join(profiles, file), thread))
  console.log(table([['thread', 'module', 'seconds'], ...rows], 2))
} finally {
  rmSync(work, { recursive: true, force: true })
}

/**
 * @typedef {object} Profile as V8 writes it; times in microseconds
 * @property {readonly { id: number, callFrame: { functionName: string, url: string } }[]} nodes
 * @property {readonly number[]} samples
 * @property {readonly number[]} timeDeltas
 */

/** @param {string} path @param {number} thread */
function rowsOf(path, thread) {
  /** @type {Profile} */
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8'))
  const modules = new Map(nodes.map(({ id, callFrame }) => [id, moduleOf(callFrame)]))
  /** @type {Map<string, number>} */
  const times = new Map()
  for (const [i, id] of samples.entries()) {
    const module = modules.get(id) ?? ''
    times.set(module, (times.get(module) ?? 0) + (timeDeltas[i] ?? 0) / 1e6)
  }
  return [...times]
    .filter(([, seconds]) => seconds >= 0.05)
    .sort(([, a], [, b]) => b - a)
    .map(([module, seconds]) => [`${thread}`, module, seconds.toFixed(2)])
}

/** @param {Profile['nodes'][number]['callFrame']} frame */
function moduleOf({ functionName, url }) {
  if (url.startsWith('wasm:')) return `WebAssembly ${url.slice(-8)}`
  // `(idle)`, `(program)`, `(garbage collector)`; native functions have no module.
  const module = url === '' ? functionName : url.replace(/^.*\/(node_modules|dist)\//, '')
  // Many modules as one.
  return module.startsWith('node/part-') ? `${module} ${functionName}` : module
}
