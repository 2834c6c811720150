// @ts-check
/** The sample image: the project's own package, built and checked by the command line, and told to the page. */
import { spawnSync } from 'node:child_process'
import { cpSync, createReadStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * @typedef {object} SampleFile
 * @property {string} path
 * @property {'file' | 'directory'} kind
 * @property {number} mode permission bits
 * @property {number} size bytes
 */
/**
 * What the page needs to build the same image.
 * @typedef {object} Recipe
 * @property {string} tag
 * @property {string} destination
 * @property {string} platform
 * @property {readonly string[]} entrypoint
 * @property {readonly string[]} cmd
 * @property {readonly string[]} env
 * @property {string} workdir
 * @property {'gzip' | 'none'} compression
 * @property {number} level
 * @property {string} created
 * @property {number} epoch SOURCE_DATE_EPOCH
 * @property {readonly string[]} executables
 */
/**
 * @typedef {object} Sample
 * @property {string} digest as the command printed it
 * @property {Recipe} recipe
 * @property {readonly SampleFile[]} files
 * @property {string} folder where the files lie
 * @property {string} place a folder of this run's own, taken away at its end
 * @property {() => void} remove takes everything away
 */

const command = 'dist/node/ocidir.js'
/** What the image is made of: the built package. */
const parts = ['package.json', 'README.md', 'dist/src', 'dist/adapters', 'dist/node']

/**
 * Builds the sample with the command line, checks it with the command line, and prints its digest.
 * @returns {Sample}
 */
export function makeSample() {
  const place = mkdtempSync(join(tmpdir(), 'ocidir-sample-'))
  const remove = () => rmSync(place, { recursive: true, force: true })
  process.once('exit', remove)
  // A copy: the page reads the files later, and they must still be those of the digest.
  const folder = join(place, 'ocidir')
  for (const part of parts) cpSync(part, join(folder, part), { recursive: true })
  const recipe = recipeOf(sourceDateEpoch())
  const layout = join(place, 'layout')
  const digest = buildSample(layout, folder, recipe)
  checkSample(layout)
  return { digest, recipe, files: filesIn(folder), folder, place, remove }
}

/**
 * A Vite plugin: `sample/sample.json` and the files below `sample/files/`, and nothing else of the disk.
 * @param {Sample} sample
 * @returns {import('vite').Plugin}
 */
export function serveSample({ digest, recipe, files, folder }) {
  const known = new Set(files.filter(({ kind }) => kind === 'file').map(({ path }) => path))
  return {
    name: 'ocidir-sample',
    configurePreviewServer(server) {
      server.middlewares.use('/sample/', (request, response, next) => {
        const path = decoded(new URL(request.url ?? '', 'http://localhost').pathname)
        response.setHeader('Cache-Control', 'no-store')
        if (path === '/sample.json') {
          response.setHeader('Content-Type', 'application/json')
          return response.end(JSON.stringify({ digest, recipe, files }))
        }
        const name = path?.startsWith('/files/') ? path.slice('/files/'.length) : undefined
        if (name === undefined || !known.has(name)) return next()
        response.setHeader('Content-Type', 'application/octet-stream')
        createReadStream(join(folder, name)).on('error', next).pipe(response)
      })
    },
  }
}

/**
 * @param {number} epoch
 * @returns {Recipe}
 */
function recipeOf(epoch) {
  return {
    tag: 'ocidir:sample',
    destination: 'opt/ocidir',
    platform: 'linux/amd64',
    entrypoint: ['node', '/opt/ocidir/dist/node/ocidir.js'],
    cmd: ['--help'],
    env: ['NODE_ENV=production'],
    workdir: '/opt/ocidir',
    compression: 'gzip',
    level: 6,
    created: new Date(epoch * 1000).toISOString().replace('.000Z', 'Z'),
    epoch,
    executables: [],
  }
}

/** The time of the last commit: one clone gives one digest. */
function sourceDateEpoch() {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined && /^\d{1,10}$/.test(given)) return Number(given)
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' })
  return Number.parseInt(stdout, 10) || Math.floor(Date.now() / 1000)
}

/**
 * @param {string} layout
 * @param {string} folder
 * @param {Recipe} recipe
 */
function buildSample(layout, folder, recipe) {
  const { tag, destination, platform, entrypoint, cmd, env, workdir, created, epoch } = recipe
  const args = [
    ['build', `${layout}:${tag}`],
    ['--layer', `${folder}:/${destination}`],
    ['--platform', platform],
    ['--entrypoint', JSON.stringify(entrypoint)],
    ...cmd.map(word => [`--cmd=${word}`]),
    ...env.map(entry => ['--env', entry]),
    ['--workdir', workdir],
    ['--created', created],
  ].flat()
  console.log(`ocidir: building the sample image: the ${parts.join(', ')} of this clone, dated ${created}`)
  const digest = run(args, { SOURCE_DATE_EPOCH: String(epoch) }).trim()
  console.log(`ocidir: the command line built ${tag} for ${platform}\n        ${digest}`)
  return digest
}

/** @param {string} layout */
function checkSample(layout) {
  const { ok, validated, findings } = JSON.parse(run(['fsck', layout, '--format', 'json']))
  for (const { severity, code, message } of findings) console.log(`        ${severity} ${code}: ${message}`)
  if (!ok) throw new Error('the sample image is broken')
  console.log(`ocidir: fsck: sound, ${validated} blobs verified`)
}

/**
 * Runs the command and gives what it printed.
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} [env]
 */
function run(args, env = {}) {
  const { status, stdout, error } = spawnSync(process.execPath, [command, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? `exit ${status}`}`)
}

/**
 * @param {string} folder
 * @param {string} [below]
 * @returns {SampleFile[]}
 */
function filesIn(folder, below = '') {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap(entry => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    const { mode, size } = statSync(join(folder, path))
    if (!entry.isDirectory()) return [{ path, kind: 'file', mode: mode & 0o777, size }]
    return [{ path, kind: 'directory', mode: mode & 0o777, size: 0 }, ...filesIn(folder, path)]
  })
}

/** @param {string} path */
function decoded(path) {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
