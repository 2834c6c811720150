// npm test [-- vitest arguments]: packages, tools, build, types, lint, then every test; the last line is the sum.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const isCi = Boolean(process.env.CI)
const report = '.cache/test-report.json'
let passed = 0
let failed = 0
let skipped = 0

step('packages', () => existsSync('node_modules/vitest') || run('npm', ['ci', '--ignore-scripts']))
if (failed > 0) finish()
step('tools', await provisionTools())
step('build', () => run(process.execPath, ['scripts/build.mjs']))
step('types', () => run(process.execPath, ['node_modules/typescript/bin/tsc', '-b']))
step('format and lint', () => run(process.execPath, ['node_modules/@biomejs/biome/bin/biome', 'ci', '.']))
runTests()
finish()

/** On a developer's machine a missing tool is said, and its tests fail by themselves; in CI it ends the run as failed. */
async function provisionTools() {
  const { provision } = await import('./provision.mjs')
  return () => provision().length === 0 || !isCi
}

function step(name, check) {
  console.log(`\n== ${name}`)
  if (check()) passed += 1
  else failed += 1
}

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
}

function runTests() {
  console.log('\n== tests')
  mkdirSync('.cache', { recursive: true })
  rmSync(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const isClean = run(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...reporters,
    ...process.argv.slice(2),
  ])
  const sums = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {}
  const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 } = sums
  passed += numPassedTests
  failed += numFailedTests
  skipped += numPendingTests + numTodoTests
  // A file that doesn't load, an unhandled error, or no test at all: the runner failed though no test did.
  if ((!isClean && numFailedTests === 0) || numPassedTests + numFailedTests === 0) failed += 1
}

function finish() {
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exit(failed === 0 ? 0 : 1)
}
