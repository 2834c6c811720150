// @ts-check
/**
 * Other runtimes than the one that runs this, each as the npm package that holds nothing but the program of one
 * platform: so no script has to run at its installation. Versions are exact, for what a runtime does is tested.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {'bun' | 'deno' | 'node22' | 'node24'} RuntimeName */
/** @typedef {{ source: string, version: string, program: string }} RuntimePackage */

const { platform, arch } = process
const home = fileURLToPath(new URL('../.cache/runtimes', import.meta.url))
const ending = platform === 'win32' ? '.exe' : ''
const node = platform === 'darwin' ? `node-bin-darwin-${arch}` : `node-${platform.replace('32', '')}-${arch}`

/** @type {Readonly<Record<RuntimeName, RuntimePackage>>} */
const packages = {
  bun: {
    source: `@oven/bun-${platform.replace('win32', 'windows')}-${arch.replace('arm64', 'aarch64')}`,
    version: '1.4.5',
    program: `bin/bun${ending}`,
  },
  deno: {
    source: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`,
    version: '2.9.6',
    program: `deno${ending}`,
  },
  node22: { source: node, version: '22.23.3', program: `bin/node${ending}` },
  node24: { source: node, version: '24.21.0', program: `bin/node${ending}` },
}

/** @type {readonly RuntimeName[]} */
export const runtimeNames = ['bun', 'deno', 'node22', 'node24']

/**
 * A runtime as a tool of `provision.mjs`.
 * @param {RuntimeName} name
 */
export function runtimeTool(name) {
  const { program } = packages[name]
  return {
    why: 'the built package in another runtime',
    commands: [],
    places: [join(folderOf(name), program)],
    elsewhere: `node scripts/provision.mjs installs it by npm: ${specifierOf(name)}`,
    accepts: () => isCurrent(name),
  }
}

/** The arguments of the `npm` that installs all of them: one call, for each takes away what it doesn't name. */
export function npmArguments() {
  const options = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund']
  return ['install', '--prefix', home, ...options, ...runtimeNames.map(specifierOf)]
}

/** @param {RuntimeName} name */
function isCurrent(name) {
  const manifest = join(folderOf(name), 'package.json')
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === packages[name].version
}

/** @param {RuntimeName} name */
function folderOf(name) {
  return join(home, 'node_modules', name)
}

/** @param {RuntimeName} name */
function specifierOf(name) {
  return `${name}@npm:${packages[name].source}@${packages[name].version}`
}
