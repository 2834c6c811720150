// @ts-check
// Other people's programs beside which ocidir is timed. What is missing is installed where that may be, else left out.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, cpSync, existsSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('..', import.meta.url))

/** @type {Map<string, string | undefined>} */
const found = new Map()

/** @typedef {'gzip' | 'pigz' | 'zstd' | 'sha256sum'} CommandName */

/**
 * The path of a command, installed by apt as root on Debian when it is missing; `undefined` when it can't be had.
 * @param {CommandName} name
 */
export function command(name) {
  if (found.has(name)) return found.get(name)
  if (onPath(name) === undefined) install(name)
  const path = onPath(name)
  if (path === undefined) say(`${name} is missing: it is left out`)
  found.set(name, path)
  return path
}

/** The crate's program (`bench/crate`), built where cargo is. */
export function crate() {
  if (!found.has('crate')) found.set('crate', builtCrate())
  return found.get('crate')
}

function builtCrate() {
  const target = join(top, '.cache/crate')
  const source = join(target, 'source')
  // With its lock file: the next build has the same dependencies.
  rmSync(join(source, 'src'), { recursive: true, force: true })
  cpSync(join(top, 'bench/crate'), source, { recursive: true })
  const manifest = ['--manifest-path', join(source, 'Cargo.toml')]
  const built = spawnSync('cargo', ['build', '--release', '--quiet', ...manifest, '--target-dir', target], {
    stdio: ['ignore', 2, 2],
  })
  if (built.status === 0) return join(target, 'release/peer')
  say('the crate could not be built (is cargo there?): it is left out')
  return undefined
}

/** @param {string} name */
function install(name) {
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) return
  say(`installing ${name} by apt-get`)
  spawnSync('apt-get', ['-q', '-y', 'install', '--no-install-recommends', name], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}

/** @param {string} name */
function onPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(isProgram)
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @param {string} text */
function say(text) {
  console.error(`bench: ${text}`)
}
