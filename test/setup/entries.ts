import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import manifest from '../../package.json' with { type: 'json' }

const top = fileURLToPath(new URL('../../', import.meta.url))
const entries = Object.entries(manifest.exports)
  .map(([entry, target]) => [entry, typeof target === 'string' ? target : target.default] as const)
  .filter(([, target]) => target.endsWith('.js'))
  .map(([entry, target]) => ({
    name: entry.replace('.', 'ocidir'),
    file: target.replace('./dist/', '').replace(/\.js$/, '.ts'),
  }))

/** The source files behind the package's public names, from the top of the project. */
export const entryFiles: readonly string[] = entries.map(({ file }) => file)

/** Leads `ocidir/fsa` and the like to the sources, so that page and tests run without a build. */
export const sourceAlias: { find: RegExp; replacement: string }[] = entries.map(({ name, file }) => ({
  find: new RegExp(`^${name}$`),
  replacement: join(top, file),
}))
