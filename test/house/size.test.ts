/** What each import costs a page, minified and compressed, and the most that it may. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sourceAlias } from '../setup/entries.ts'
import { top } from './sources.ts'

const core = `export { OciDir } from 'ocidir'`
const parts = {
  memory: `export { memory } from 'ocidir/memory'`,
  fsa: `export { opfs } from 'ocidir/fsa'`,
  indexeddb: `export { indexedDb } from 'ocidir/indexeddb'`,
  archive: `export { archive } from 'ocidir/archive'`,
  zstd: `export { zstd } from 'ocidir/zstd'`,
  gzip: `export { gzip } from 'ocidir/gzip'`,
  tar: `export { entriesOf } from 'ocidir/tar'`,
  files: `export { files } from 'ocidir/files'`,
}

/** Bytes after gzip that an import may cost: what it cost in November 2026 and a tenth more. */
const budgets = {
  core: { imports: [core], most: 29_500 },
  'core + copy, gc, referrers': {
    imports: [core, `export { cloneTo, copy, gc, referrers } from 'ocidir'`],
    most: 36_000,
  },
  'core + memory': { imports: [core, parts.memory], most: 31_300 },
  'core + fsa': { imports: [core, parts.fsa], most: 35_400 },
  'core + indexeddb': { imports: [core, parts.indexeddb], most: 36_000 },
  'core + archive': { imports: [core, parts.archive], most: 38_000 },
  'core + gzip': { imports: [core, parts.gzip], most: 39_500 },
  'core + zstd': { imports: [core, parts.zstd], most: 37_500 },
  'core + tar': { imports: [core, parts.tar], most: 33_500 },
  'core + files': { imports: [core, parts.files], most: 48_800 },
  'a page that builds: core, fsa, gzip, tar': {
    imports: [core, parts.fsa, parts.gzip, parts.tar],
    most: 49_600,
  },
}

let work = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-size-'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

it('no import costs more than its budget', async () => {
  const table: Record<string, { minified: number; gzip: number; budget: number }> = {}
  for (const [name, { imports, most }] of Object.entries(budgets)) {
    const { code } = await bundleOf(imports)
    table[name] = { minified: code.length, gzip: gzipSync(code, { level: 9 }).length, budget: most }
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

interface Bundle {
  readonly code: string
  /** The files that are in it, from the top of the project. */
  readonly modules: readonly string[]
}

async function bundleOf(imports: readonly string[]): Promise<Bundle> {
  const entry = join(work, 'entry.js')
  await writeFile(entry, imports.join('\n'))
  const result = await build({
    root: top,
    configFile: false,
    logLevel: 'error',
    resolve: { alias: [...sourceAlias] },
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      modulePreload: false,
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict' },
    },
  })
  if (!('output' in result)) throw new Error('vite gave no bundle')
  const chunks = result.output.filter(chunk => chunk.type === 'chunk')
  return {
    code: chunks.map(({ code }) => code).join('\n'),
    modules: chunks.flatMap(({ moduleIds }) => moduleIds.map(id => relative(top, id))),
  }
}
