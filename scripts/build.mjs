// @ts-check
/**
 * `npm run build`: library and command, 1:1 by the TypeScript compiler, into dist/. Only what changed is compiled again;
 * what has no source any more is removed, for all of dist/ goes into the package. Then the same in a few files for Node,
 * which takes longer to find and load two hundred modules than to run most calls.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { carried, carriedText } from './wasm.mjs'

/** Where Node, Bun and Deno find all of it, by the condition `node` of the package's exports. */
const forNode = 'dist/node'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const { name, exports, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const compiled = ['src', 'adapters', 'cli', 'test/suites'].flatMap(outputsOf)
// The compiler trusts its notes: it doesn't see that an output has gone.
const force = compiled.some(path => !existsSync(path)) ? ['--force'] : []
const { status } = spawnSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.core.json', 'tsconfig.node.json', ...force],
  { stdio: 'inherit' },
)
/** @type {string[]} */
const bundled = []
if (status === 0) {
  for (const source of /** @type {(keyof typeof carried)[]} */ (Object.keys(carried)))
    writeFileSync(join('dist', source.replace(/\.ts$/, '.js')), await carriedText(source))
  // All that nearly every call loads is one file; what is carried as text stays apart until it is needed.
  const library = { name: 'library', test: /\/dist\/(?:adapters\/node|src)\/(?!codec\/wasm\/z)/ }
  bundled.push(...(await bundle(entriesForNode(), { groups: [library] })))
  // Started by their addresses, each from the file beside it.
  bundled.push(...(await bundle({ thread: 'dist/adapters/node/thread.js' }, false)))
  bundled.push(...(await bundle({ worker: 'dist/src/worker.js' }, false)))
}

const expected = new Set([...compiled, ...bundled])
const stale = ['src', 'adapters', 'bin', 'cli', 'node', 'test']
  .flatMap(folder => filesIn(join('dist', folder)))
  .filter(path => !expected.has(path))
if (status === 0) for (const path of stale) rmSync(path)

const missing = compiled.filter(path => !existsSync(path))
for (const path of missing) console.error(`build: ${path} was not made`)
const isGood = status === 0 && missing.length === 0
if (isGood) console.log(`built dist/: ${expected.size} files, ${stale.length} stale ones removed`)
process.exitCode = isGood ? 0 : 1

/**
 * The command, and what the package's exports name for Node.
 * @returns {Record<string, string>}
 */
function entriesForNode() {
  const targets = Object.values(exports).flatMap(({ node, default: source }) =>
    node ? [[basename(node, '.js'), source]] : [],
  )
  return { ...Object.fromEntries(targets), ocidir: 'dist/cli/main.js' }
}

/**
 * Ours alone: what was installed stays apart, as others' work under others' licences. Gives what it made.
 * @param {Record<string, string>} entries what is compiled already, by the names of their files
 * @param {false | { groups: { name: string, test: RegExp }[] }} codeSplitting
 */
async function bundle(entries, codeSplitting) {
  const { build } = await import('vite')
  const made = await build({
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: [name], external: Object.keys(dependencies) },
    build: {
      ssr: true,
      target: 'node20',
      minify: false,
      write: false,
      rolldownOptions: {
        input: entries,
        output: { chunkFileNames: 'part-[name].js', codeSplitting },
      },
    },
  })
  const chunks = 'output' in made ? made.output.filter(chunk => chunk.type === 'chunk') : []
  mkdirSync(forNode, { recursive: true })
  return chunks.map(({ fileName, code }) => {
    const path = join(forNode, fileName)
    // In one step: somebody may be running it.
    writeFileSync(`${path}.${process.pid}`, code, { mode: code.startsWith('#!') ? 0o755 : 0o644 })
    renameSync(`${path}.${process.pid}`, path)
    return path
  })
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
