// @ts-check
/**
 * `npm run build`: library and command, 1:1 by the TypeScript compiler, into dist/. Only what changed is
 * compiled again; what has no source any more is removed, for all of dist/ goes into the package. Then the command
 * as one file: Node takes longer to find and load its two hundred modules than to run most of its calls.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { carried, carriedText } from './wasm.mjs'

const command = 'dist/bin/ocidir.js'
/** What its threads run: it looks for them beside itself. */
const thread = 'dist/bin/worker.js'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const expected = new Set([command, thread, ...['src', 'adapters', 'cli', 'test/suites'].flatMap(outputsOf)])
const stale = ['src', 'adapters', 'bin', 'cli', 'test']
  .flatMap(folder => filesIn(join('dist', folder)))
  .filter(path => !expected.has(path))
for (const path of stale) rmSync(path)

// The compiler trusts its notes: it doesn't see that an output has gone.
const force = [...expected].some(path => path !== command && path !== thread && !existsSync(path))
  ? ['--force']
  : []
const compiler = 'node_modules/typescript/bin/tsc'
const { status } = spawnSync(
  process.execPath,
  [compiler, '-b', 'tsconfig.core.json', 'tsconfig.node.json', ...force],
  { stdio: 'inherit' },
)
if (status === 0) {
  for (const source of /** @type {(keyof typeof carried)[]} */ (Object.keys(carried)))
    writeFileSync(join('dist', source.replace(/\.ts$/, '.js')), await carriedText(source))
  await bundle('dist/cli/main.js', command)
  await bundle('dist/adapters/node/worker.js', thread)
}

const missing = [...expected].filter(path => !existsSync(path))
for (const path of missing) console.error(`build: ${path} was not made`)
const isGood = status === 0 && missing.length === 0
if (isGood) console.log(`built dist/: ${expected.size} files, ${stale.length} stale ones removed`)
process.exitCode = isGood ? 0 : 1

/**
 * Ours alone: what was installed stays apart, as others' work under others' licences.
 * @param {string} entry
 * @param {string} target
 */
async function bundle(entry, target) {
  const { build } = await import('vite')
  const { name, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const made = await build({
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: [name], external: Object.keys(dependencies) },
    build: {
      ssr: entry,
      target: 'node20',
      minify: false,
      write: false,
      // In one file, also what is loaded when it is needed.
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })
  const [chunk, ...others] = 'output' in made ? made.output : []
  if (chunk === undefined || others.length > 0) throw new Error(`${entry} was not bundled as one file`)
  // In one step: somebody may be running it.
  mkdirSync('dist/bin', { recursive: true })
  const next = `${target}.${process.pid}`
  writeFileSync(next, chunk.code, { mode: 0o755 })
  renameSync(next, target)
}

/** @param {string} folder */
function outputsOf(folder) {
  return filesIn(folder)
    .filter(path => path.endsWith('.ts'))
    .flatMap(path => ['.js', '.d.ts'].map(ending => join('dist', path.replace(/\.ts$/, ending))))
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesIn(path) : [path]
  })
}
