// @ts-check
/**
 * `npm start [-- --port N --no-open --check]`: on a bare clone installs the packages, builds, makes a sample image
 * with the command line, checks it, and serves the page that builds the same image in a tab. `--check` ends there,
 * without a server. Nothing but Node is needed before.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeSample, serveSample } from './sample.mjs'

const top = fileURLToPath(new URL('..', import.meta.url))
process.chdir(top)
const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const options = readOptions()
installPackages()
buildLibrary()
const sample = makeSample()
if (options.check) sample.remove()
else await serve()

function readOptions() {
  const declared = /** @type {const} */ ({
    port: { type: 'string' },
    'no-open': { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  })
  try {
    const { values } = parseArgs({ options: declared })
    const port = Number(values.port ?? 0)
    if (!/^\d*$/.test(values.port ?? '') || port > 65_535) throw new RangeError(`not a port: ${values.port}`)
    return { port, isFixed: port !== 0, open: !values['no-open'], check: values.check }
  } catch (error) {
    return end(
      `${error instanceof Error ? error.message : error}\nUsage: npm start [-- --port N --no-open --check]`,
      2,
    )
  }
}

/** Every package is pinned exactly, so what is missing or of another version can be seen. */
function installPackages() {
  const wanted = Object.entries({ ...dependencies, ...devDependencies })
  const missing = wanted.filter(([name, version]) => installedVersion(name) !== version)
  if (missing.length === 0) return
  say(`installing packages (npm ci): ${missing.length} of ${wanted.length} are missing`)
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) end('npm ci failed: the lines above say why')
}

/** @param {string} name */
function installedVersion(name) {
  const manifest = join('node_modules', name, 'package.json')
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined
}

function buildLibrary() {
  say('building the library and the command')
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) end('the build failed: the lines above say why')
}

/** The page as it is deployed; `npx vite` is for work on it. */
async function serve() {
  say('building the page')
  const { build, preview } = await import('vite')
  const common = {
    configFile: join(top, 'vite.config.ts'),
    root: join(top, 'demo'),
    logLevel: /** @type {const} */ ('warn'),
    // Its own, so that a second run or a test beside this one can't replace what this page is loading.
    build: { outDir: join(sample.place, 'page'), emptyOutDir: true },
  }
  await build(common).catch(error => end(error.message))
  const server = await preview({
    ...common,
    plugins: [serveSample(sample)],
    preview: {
      // Loopback only: the page is for this machine.
      host: '127.0.0.1',
      port: options.isFixed ? options.port : 5173,
      strictPort: options.isFixed,
      headers: { 'X-Content-Type-Options': 'nosniff' },
    },
  }).catch(error => end(error.message))
  const address = server.resolvedUrls?.local[0]
  if (address === undefined) end('the page has no address')
  say(`the page: ${address}\nCtrl-C ends it`)
  if (options.open) openBrowser(address)
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      sample.remove()
      await server.close()
      process.exit(0)
    })
  }
}

/** @param {string} address */
function openBrowser(address) {
  const [command, ...args] = browserCommand(address)
  if (command === undefined) return
  // Without a browser the address above is what there is.
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}

/**
 * What opens a page here, if anything can be seen at all.
 * @param {string} address
 * @returns {string[]}
 */
function browserCommand(address) {
  if (process.env.CI) return []
  if (process.platform === 'darwin') return ['open', address]
  if (process.platform === 'win32') return ['cmd', '/c', 'start', '', address]
  return process.env.DISPLAY || process.env.WAYLAND_DISPLAY ? ['xdg-open', address] : []
}

/** @param {string} text */
function say(text) {
  console.log(`ocidir: ${text.replaceAll('\n', '\n        ')}`)
}

/**
 * @param {string} text
 * @param {number} [code]
 * @returns {never}
 */
function end(text, code = 1) {
  console.error(`ocidir: ${text}`)
  process.exit(code)
}
