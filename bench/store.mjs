// @ts-check
// Files stored in OPFS from a page: by the worker's sync access handles, and by `createWritable`.
import { median, mib, table } from './measure.mjs'
import { withTab } from './tab.mjs'

const MiB = 2 ** 20

/** @param {string} work @param {{ runs: number, scale: number }} options */
export async function storeTable(work, { runs, scale }) {
  const rows = [['stored in OPFS from a page', 'worker, s', 'createWritable, s', 'ratio']]
  await withTab(work, async ({ page }) => {
    for (const files of [
      { count: 1, size: (256 * MiB) / scale },
      { count: scale > 1 ? 50 : 500, size: 1000 },
    ]) {
      const ways = /** @type {const} */ (['worker', 'createWritable']).map(by => ({
        store: () => page.evaluate((given, way) => globalThis.bench.store(given, way), files, by),
        seconds: /** @type {number[]} */ ([]),
      }))
      for (let i = 0; i <= runs; i++) {
        for (const { store, seconds } of ways) {
          const took = await store()
          if (i > 0) seconds.push(took)
        }
      }
      const [worker = Number.NaN, stream = Number.NaN] = ways.map(({ seconds }) => median(seconds))
      const size = files.size < MiB ? `${files.size} bytes` : `${mib(files.size)} MiB`
      const name = `${files.count} × ${size}`
      rows.push([name, worker.toFixed(2), stream.toFixed(2), (stream / worker).toFixed(2)])
    }
  })
  return table(rows)
}
