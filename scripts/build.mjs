// npm run build: library and command, 1:1 by the TypeScript compiler, into a clean dist/.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('..', import.meta.url))
process.chdir(top)

// A file that is no longer in the sources must not be in the package.
for (const folder of ['src', 'adapters', 'cli', 'test'])
  rmSync(`dist/${folder}`, { recursive: true, force: true })
for (const project of ['core', 'node']) rmSync(`dist/${project}.tsbuildinfo`, { force: true })

const compiler = 'node_modules/typescript/bin/tsc'
const { status } = spawnSync(process.execPath, [compiler, '-b', 'tsconfig.core.json', 'tsconfig.node.json'], {
  stdio: 'inherit',
})
if (status !== 0) process.exit(status ?? 1)
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755)
console.log('built dist/')
