import manifest from '../../package.json' with { type: 'json' }

/** The source files behind the package's public entries. */
export const entryFiles: readonly string[] = Object.values(manifest.exports)
  .filter(target => target.endsWith('.js'))
  .map(target => target.replace('./dist/', '').replace(/\.js$/, '.ts'))
