// @ts-check
/**
 * `npm test [-- vitest arguments]`: installs what is missing, builds, checks types and format, then runs
 * every test. The last line is the sum of what ran: each check counts as one, each test as one.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const minutes = 60_000
const sum = { passed: 0, failed: 0, skipped: 0 }

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
if (installPackages()) {
  await findTools()
  check('build', ['scripts/build.mjs'])
  check('types', ['node_modules/typescript/bin/tsc', '-b'])
  check('format and lint', ['node_modules/@biomejs/biome/bin/biome', 'ci', '.'])
  await runTests()
}
if (sum.skipped > 0) console.log(`${sum.skipped} skipped`)
console.log(`${sum.passed} passed, ${sum.failed} failed`)
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1

function installPackages() {
  if (existsSync('node_modules/.package-lock.json')) return true
  say('packages: npm ci')
  const { status } = spawnSync('npm', ['ci'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) fail('npm ci failed')
  return status === 0
}

// On a developer's machine the tests of a missing tool are skipped by name; in CI that is a failure.
async function findTools() {
  say('tools')
  const { howToGet, provision } = await import('./provision.mjs')
  for (const name of provision()) {
    if (process.env.CI) fail(howToGet(name))
    else console.error(howToGet(name))
  }
}

/**
 * @param {string} name
 * @param {readonly string[]} args
 */
function check(name, args) {
  say(name)
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) sum.passed++
  else fail(`${name} failed`)
}

/** Those in Node and those in a browser at once: vitest would run the second when the first have ended. */
async function runTests() {
  say('tests')
  mkdirSync('.cache', { recursive: true })
  const { findTool } = await import('./provision.mjs')
  const given = process.argv.slice(2)
  const runs =
    given.length > 0 || !findTool('chromium')
      ? [given]
      : ['node', 'chromium'].map(name => ['--project', name])
  await Promise.all(runs.map((args, i) => runSome(args, `.cache/test-counts-${i}.json`)))
}

/**
 * @param {readonly string[]} args
 * @param {string} countsFile
 */
async function runSome(args, countsFile) {
  rmSync(countsFile, { force: true })
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, OCIDIR_COUNTS: countsFile },
    timeout: 60 * minutes,
  })
  const status = await new Promise(resolve => child.once('close', (code, signal) => resolve(code ?? signal)))
  if (!existsSync(countsFile)) return fail(`vitest ended with ${status} and without a result`)
  const { passed, failed, skipped, broken } = JSON.parse(readFileSync(countsFile, 'utf8'))
  sum.passed += passed
  sum.failed += failed
  sum.skipped += skipped
  for (const fault of broken) fail(fault)
  if (status !== 0 && failed + broken.length === 0) fail(`vitest ended with ${status}, though no test failed`)
}

/** @param {string} fault */
function fail(fault) {
  console.log(`FAILED: ${fault}`)
  sum.failed++
}

/** @param {string} text */
function say(text) {
  console.log(`\n== ${text}`)
}
