/** What a page gets of an import: the code as a bundler makes it, and the files that it is of. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { build, type Plugin } from 'vite'
import { wasmModules } from '../../scripts/wasm.mjs'
import { sourceAlias } from '../setup/entries.ts'
import { top } from './sources.ts'

/** The core, and what each entry adds. */
export const core = `export { OciDir } from 'ocidir'`
export const parts = {
  memory: `export { memory } from 'ocidir/memory'`,
  fsa: `export { opfs } from 'ocidir/fsa'`,
  indexeddb: `export { indexedDb } from 'ocidir/indexeddb'`,
  archive: `export { archive } from 'ocidir/archive'`,
  zstd: `export { zstd } from 'ocidir/zstd'`,
  gzip: `export { gzip } from 'ocidir/gzip'`,
  tar: `export { entriesOf } from 'ocidir/tar'`,
  files: `export { files } from 'ocidir/files'`,
  deep: `export { layerCheck } from 'ocidir/deep'`,
  repair: `export { repair } from 'ocidir'`,
}

/** A bundle, minified. */
export interface Bundle {
  /** What is loaded at once. */
  readonly code: string
  /** What is loaded when it is needed, by the names of its files. */
  readonly lazy: Readonly<Record<string, string>>
  /** The files that are in it, from the top of the project. */
  readonly modules: readonly string[]
}

/** Bundles a module of these imports. */
export async function bundleOf(imports: readonly string[]): Promise<Bundle> {
  const work = await mkdtemp(join(tmpdir(), 'ocidir-bundle-'))
  try {
    const entry = join(work, 'entry.js')
    await writeFile(entry, imports.join('\n'))
    const result = await build({
      root: top,
      configFile: false,
      logLevel: 'error',
      resolve: { alias: [...sourceAlias] },
      plugins: [wasmModules(), bareImports],
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
    const lazy = chunks.filter(({ isDynamicEntry }) => isDynamicEntry)
    return {
      code: chunks.flatMap(({ code, isDynamicEntry }) => (isDynamicEntry ? [] : code)).join('\n'),
      lazy: Object.fromEntries(lazy.map(({ name, code }) => [name, code])),
      modules: chunks.flatMap(({ moduleIds }) => moduleIds.map(id => relative(top, id))),
    }
  } finally {
    await rm(work, { recursive: true })
  }
}

/** vite's own way to load a chunk would count as ours. */
const bareImports: Plugin = {
  name: 'bare-imports',
  enforce: 'pre',
  load: id =>
    id.includes('vite/preload-helper') ? 'export const __vitePreload = load => load()' : undefined,
}
