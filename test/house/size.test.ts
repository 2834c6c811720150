/** What each import costs a page, minified and compressed, and the most that it may. */

import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { bundleOf, core, parts } from './bundle.ts'

/**
 * Bytes after gzip that an import may cost: what it cost at the end of November 2026, with the engine's
 * workers and copies that go on, and a twentieth more.
 */
const budgets = {
  core: { imports: [core], most: 38_700 },
  'core + copy, gc, referrers': {
    imports: [core, `export { cloneTo, copy, gc, referrers } from 'ocidir'`],
    most: 44_700,
  },
  'core + transcode': { imports: [core, `export { transcode } from 'ocidir'`], most: 42_400 },
  'core + memory': { imports: [core, parts.memory], most: 41_200 },
  'core + fsa': { imports: [core, parts.fsa], most: 47_100 },
  'core + indexeddb': { imports: [core, parts.indexeddb], most: 45_300 },
  'core + archive': { imports: [core, parts.archive], most: 45_400 },
  'core + gzip': { imports: [core, parts.gzip], most: 52_900 },
  'core + zstd': { imports: [core, parts.zstd], most: 52_100 },
  'core + tar': { imports: [core, parts.tar], most: 42_800 },
  'core + deep, repair': {
    imports: [core, `export { fsck } from 'ocidir'`, parts.deep, parts.repair],
    most: 74_800,
  },
  'core + files': { imports: [core, parts.files], most: 60_400 },
  'a page that builds: core, fsa, gzip, tar': {
    imports: [core, parts.fsa, parts.gzip, parts.tar],
    most: 64_900,
  },
}

/** Bytes after gzip of what is loaded when it is needed: WebAssembly as text, which grows with its package alone. */
const lazyBudgets: Readonly<Record<string, number>> = { zlib: 24_000, zstd: 90_000 }

it('no import costs more than its budget', async () => {
  const table: Record<string, { minified: number; gzip: number; budget: number }> = {}
  for (const [name, { imports, most }] of Object.entries(budgets)) {
    const { code } = await bundleOf(imports)
    table[name] = { minified: code.length, gzip: gzipSync(code, { level: 9 }).length, budget: most }
  }
  const { lazy } = await bundleOf([parts.gzip, parts.zstd])
  expect(Object.keys(lazy).sort()).toEqual(Object.keys(lazyBudgets))
  for (const [name, code] of Object.entries(lazy)) {
    const budget = lazyBudgets[name] ?? 0
    table[`when needed: ${name}`] = {
      minified: code.length,
      gzip: gzipSync(code, { level: 9 }).length,
      budget,
    }
  }
  console.table(table)
  const over = Object.entries(table).filter(([, { gzip, budget }]) => gzip > budget)
  expect(over).toEqual([])
})

it('the core pulls in no adapter, no codec and no tar', async () => {
  const own = (await bundleOf([core])).modules
  const all = (await bundleOf([core, ...Object.values(parts)])).modules
  for (const room of [
    'adapters/',
    'src/tar/',
    'src/files/',
    'src/archive/',
    'src/codec/gzip.ts',
    'src/codec/zstd/',
    'node_modules/fflate/',
  ]) {
    expect(own.filter(path => path.startsWith(room))).toEqual([])
    expect(all.filter(path => path.startsWith(room))).not.toEqual([])
  }
})
