// @ts-check
/**
 * Finds what the tests need beside Node (a browser, and other people's tools as judges), and installs what
 * it may: crane, regctl and oras by Go into `.cache/bin`; on Debian as root the rest by apt. Elsewhere it says what to do.
 * `node scripts/provision.mjs` prints what is there and ends with 1 when something is missing.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {'chromium' | 'skopeo' | 'umoci' | 'crane' | 'regctl' | 'oras' | 'python3' | 'tar' | 'go' | 'gzip' | 'zstd'} ToolName */
/**
 * @typedef {object} Tool
 * @property {string} why what it is needed for
 * @property {readonly string[]} commands the names it goes by
 * @property {string} [debian] the package that holds it
 * @property {string} [goModule] what `go install` makes it of
 * @property {string} [elsewhere] how to get it on other systems
 * @property {(path: string) => boolean} [accepts] tells it from another program of that name
 */

const bin = fileURLToPath(new URL('../.cache/bin', import.meta.url))

/** @type {Readonly<Record<ToolName, Tool>>} */
const tools = {
  chromium: {
    why: 'the tests in a real browser',
    commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'],
    debian: 'chromium',
    elsewhere: 'install Chromium or Chrome, and set CHROME_PATH to its program if it is not on PATH',
  },
  skopeo: { why: 'a judge of our layouts', commands: ['skopeo'], debian: 'skopeo' },
  umoci: { why: 'a judge of our layouts', commands: ['umoci'], debian: 'umoci' },
  go: { why: 'a judge of tar and gzip, and crane', commands: ['go'], debian: 'golang-go' },
  crane: {
    why: 'a judge of our layouts',
    commands: ['crane'],
    // The newest that Debian 12's own Go (1.19) still builds; regctl and oras need Go 1.24.
    goModule: 'github.com/google/go-containerregistry/cmd/crane@v0.20.2',
  },
  regctl: {
    why: 'a judge of our layouts',
    commands: ['regctl'],
    goModule: 'github.com/regclient/regclient/cmd/regctl@v0.8.3',
  },
  oras: { why: 'a judge of our layouts', commands: ['oras'], goModule: 'oras.land/oras/cmd/oras@v1.2.3' },
  python3: { why: 'a judge of tar and gzip', commands: ['python3'], debian: 'python3' },
  tar: {
    why: 'a judge of tar',
    commands: ['tar', 'gtar'],
    debian: 'tar',
    elsewhere: 'install GNU tar (as tar or gtar)',
    accepts: path => capture(path, ['--version']).includes('GNU tar'),
  },
  gzip: { why: 'a judge of gzip', commands: ['gzip'], debian: 'gzip' },
  zstd: { why: 'a judge of zstd', commands: ['zstd'], debian: 'zstd' },
}

/** The names of all tools. */
export const toolNames = /** @type {readonly ToolName[]} */ (Object.keys(tools))

/** Where Chromium is when it is not on PATH. */
const knownBrowsers = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** @type {Map<ToolName, string>} */
const found = new Map()

/**
 * The path of a tool, if it is there.
 * @param {ToolName} name
 * @returns {string | undefined}
 */
export function findTool(name) {
  const known = found.get(name)
  if (known !== undefined && isProgram(known)) return known
  const path = candidates(name).find(candidate => isProgram(candidate) && accepts(name, candidate))
  if (path !== undefined) found.set(name, path)
  return path
}

/**
 * Says how to get a tool that is missing.
 * @param {ToolName} name
 * @returns {string}
 */
export function howToGet(name) {
  const { why, debian, goModule, elsewhere } = tools[name]
  const ways = [
    debian && `on Debian: apt-get install ${debian}`,
    goModule && `by Go: go install ${goModule}`,
    elsewhere ?? `elsewhere: install ${name} so that it is on PATH`,
  ]
  return `${name} is missing (${why}). ${ways.filter(Boolean).join('; ')}`
}

/** The tools that are not there. */
export function missingTools() {
  return toolNames.filter(name => findTool(name) === undefined)
}

/**
 * Installs what is missing, as far as it may, and gives what is missing still.
 * @returns {readonly ToolName[]}
 */
export function provision() {
  installByApt(missingTools())
  installByGo(missingTools())
  return missingTools()
}

/** @param {ToolName} name */
function candidates(name) {
  const given = name === 'chromium' ? process.env.CHROME_PATH : undefined
  if (given) return [given]
  const folders = [bin, ...(process.env.PATH ?? '').split(delimiter).filter(Boolean)]
  const endings = process.platform === 'win32' ? ['.exe', ''] : ['']
  const onPath = tools[name].commands.flatMap(command =>
    folders.flatMap(folder => endings.map(ending => join(folder, command + ending))),
  )
  return name === 'chromium' ? [...onPath, ...knownBrowsers] : onPath
}

/**
 * @param {ToolName} name
 * @param {string} path
 */
function accepts(name, path) {
  return tools[name].accepts?.(path) ?? true
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** @param {readonly ToolName[]} missing */
function installByApt(missing) {
  const packages = missing.flatMap(name => tools[name].debian ?? [])
  const allowed = existsSync('/etc/debian_version') && process.getuid?.() === 0
  if (packages.length === 0 || !allowed) return
  const apt = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3']
  say(`Debian, as root: installing ${packages.join(' ')} by apt-get`)
  run('apt-get', [...apt, 'update'])
  run('apt-get', [...apt, 'install', '--no-install-recommends', ...packages])
}

/** @param {readonly ToolName[]} missing */
function installByGo(missing) {
  const go = findTool('go')
  if (go === undefined) return
  mkdirSync(bin, { recursive: true })
  for (const name of missing) {
    const { goModule } = tools[name]
    if (goModule === undefined) continue
    say(`installing ${goModule} into .cache/bin by go install`)
    run(go, ['install', goModule], { GOBIN: bin, GOFLAGS: '-mod=mod' })
  }
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} [env]
 */
function run(command, args, env = {}) {
  // Stdout belongs to the results, so what an installer says goes to stderr.
  const { status, error } = spawnSync(command, args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', ...env },
  })
  if (status !== 0) say(`${command} ${args.join(' ')} failed: ${error?.message ?? `exit ${status}`}`)
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function capture(command, args) {
  return spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).stdout ?? ''
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`provision: ${text}\n`)
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const missing = provision()
  for (const name of toolNames) process.stdout.write(`${name}: ${findTool(name) ?? 'missing'}\n`)
  for (const name of missing) say(howToGet(name))
  process.exitCode = missing.length > 0 ? 1 : 0
}
