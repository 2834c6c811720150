/** The command line that makes the same image. */

import type { Recipe } from './worker/protocol.ts'

/** What stands for the files on the command line. */
export interface LayerArgument {
  readonly kind: 'folder' | 'tar'
  /** A path on the user's disk, as far as the page can know it. */
  readonly path: string
}

/** One command in a POSIX shell, a line for each option. */
export function commandOf(recipe: Recipe, layer: LayerArgument): string {
  const { tag, destination, platform, entrypoint, cmd, env, workdir, compression, level, created, epoch } =
    recipe
  const target = layer.kind === 'folder' && destination !== '' ? `${layer.path}:/${destination}` : layer.path
  const parts = [
    `SOURCE_DATE_EPOCH=${epoch} ocidir build ${quote(`layout:${tag}`)}`,
    option('layer', target),
    option('platform', platform),
    ...words('entrypoint', entrypoint),
    ...words('cmd', cmd),
    ...env.map(entry => option('env', entry)),
    ...(workdir === '' ? [] : [option('workdir', workdir)]),
    ...(compression === 'none' ? [option('compression', 'none')] : []),
    ...(compression === 'gzip' && level !== 6 ? [option('level', String(level))] : []),
    option('created', created),
  ]
  return parts.join(' \\\n  ')
}

/** Text as one word of a POSIX shell. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** A value that begins with a dash would be read as an option of its own. */
function option(name: string, value: string): string {
  return value.startsWith('-') ? `--${name}=${quote(value)}` : `--${name} ${quote(value)}`
}

/** A word that begins with `[` would be read as a JSON array, so then all of them go as one. */
function words(name: string, list: readonly string[]): string[] {
  if (list.some(word => word.startsWith('['))) return [option(name, JSON.stringify(list))]
  return list.map(word => option(name, word))
}
