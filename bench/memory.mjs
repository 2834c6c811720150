// @ts-check
// What a build holds at the most, of 1 GiB and of four times that: in Node its process, in a tab its heaps and its process.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtInNode } from './layers.mjs'
import { Missing, mb, table } from './measure.mjs'
import { withTab } from './tab.mjs'
import { memoryBuilds } from './variants.mjs'

/**
 * Bytes at the most: of the process, and in a tab of JavaScript and WebAssembly, with garbage and without.
 * @typedef {{ seconds: number, peak: number, heap?: number, live?: number }} Peaks
 */
/** @typedef {{ row: string, missing: string } | ({ row: string, size: number } & Peaks)} Held */
/** @typedef {{ work: string, tar: string, sizes: readonly number[] }} MemoryOptions */

/** Each build at each size, or why it can't be; a tab is new for each. @param {MemoryOptions} options */
export async function memoryOfBuilds(options) {
  /** @type {Held[]} */
  const found = []
  for (const where of /** @type {const} */ (['Node', 'Chromium'])) {
    for (const { name, build } of memoryBuilds) {
      const row = `${where}, ${name}`
      const held = where === 'Node' ? inNode(build, options) : inTab(build, options)
      try {
        for (const [i, result] of (await held).entries())
          found.push({ row, size: options.sizes[i] ?? 0, ...result })
      } catch (error) {
        if (!(error instanceof Missing)) throw error
        found.push({ row, missing: error.message })
      }
    }
  }
  return found
}

/** @param {readonly Held[]} found */
export function memoryTable(found) {
  const head = [
    'build',
    'of MiB',
    'seconds',
    'peak MB of the process',
    'peak MB of JS and WASM',
    'of it live',
  ]
  const rows = found.map(held => {
    if ('missing' in held) return [`${held.row}: ${held.missing}`, '', '', '', '', '']
    const { row, size, seconds, peak, heap, live } = held
    const heaps = [heap, live].map(bytes => (bytes === undefined ? '' : mb(bytes)))
    return [row, `${Math.round(size / 2 ** 20)}`, seconds.toFixed(1), mb(peak), ...heaps]
  })
  return table([head, ...rows])
}

/** @param {import('./codec.mjs').Build} build @param {MemoryOptions} options @returns {Promise<Peaks[]>} */
async function inNode(build, { work, tar, sizes }) {
  const found = []
  for (const size of sizes) {
    const repeated = join(work, `${size}.tar`)
    if (!existsSync(repeated)) repeat(tar, repeated, size)
    const { seconds, peak } = await builtInNode(build, { work, tar: repeated })
    found.push({ seconds, peak })
  }
  return found
}

/** A file again and again. No compressor here looks back as far as its length. @param {string} from @param {string} to @param {number} size */
function repeat(from, to, size) {
  const bytes = readFileSync(from)
  for (let left = size; left > 0; left -= bytes.length) appendFileSync(to, bytes.subarray(0, left))
}

/** @param {import('./codec.mjs').Build} build @param {MemoryOptions} options @returns {Promise<Peaks[]>} */
async function inTab(build, { work, tar, sizes }) {
  const found = []
  for (const size of sizes) {
    found.push(
      await withTab(work, async tab => {
        await tab.give(tar)
        const { result, heap } = await tab.withHeap(() => tab.build(build, size))
        // Its collections would slow the build down; a quarter shows what it holds.
        const { heap: live } = await tab.withHeap(() => tab.build(build, size / 4), { collect: true })
        return { seconds: result.seconds, peak: result.peak, heap, live }
      }),
    )
  }
  return found
}
