/** The sum that CI reads is true: what fails outside of a test is a failure too, and so is a run of nothing. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { top } from './sources.ts'

let work = ''
beforeAll(async () => {
  await mkdir(join(top, '.cache'), { recursive: true })
  work = await mkdtemp(join(top, '.cache/sum-'))
  await writeFile(join(work, 'vitest.config.ts'), config)
})
afterAll(() => rm(work, { recursive: true, force: true }))

const config = `
import { CountReporter } from '../../test/setup/reporter.ts'
export default { test: { include: ['*.test.ts'], reporters: [new CountReporter()] } }`

const files = {
  sound: `it('a', () => {}); it('b', () => {}); it.skip('c', () => {})`,
  failing: `it('a', () => { throw new Error('no') })`,
  hook: `describe('hook', () => { beforeAll(() => { throw new Error('no') }); it('never runs', () => {}) })`,
  broken: `throw new Error('no')`,
  unhandled: `it('a', () => { setTimeout(() => { throw new Error('later') }) }); it('b', () => new Promise(r => setTimeout(r, 50)))`,
}

it.each([
  ['passed and skipped tests', ['sound'], { sum: '2 passed, 0 failed', status: 0 }],
  ['a test that fails', ['sound', 'failing'], { sum: '2 passed, 1 failed', status: 1 }],
  ['a hook that fails', ['sound', 'hook'], { sum: '2 passed, 1 failed', status: 1 }],
  ['a file that does not load', ['sound', 'broken'], { sum: '2 passed, 1 failed', status: 1 }],
  ['an error after its test', ['unhandled'], { sum: '2 passed, 1 failed', status: 1 }],
  ['nothing', ['absent'], { sum: '0 passed, 1 failed', status: 1 }],
] as const)('counts %s', async (_, names, expected) => {
  expect(await run(names)).toEqual(expected)
})

it('writes the figures for the script that adds its own', async () => {
  const counts = join(work, 'counts.json')
  await run(['sound', 'hook'], { OCIDIR_COUNTS: counts })
  expect(JSON.parse(await readFile(counts, 'utf8'))).toEqual({
    passed: 2,
    failed: 0,
    skipped: 2,
    broken: [expect.stringContaining('a hook of hook')],
  })
})

async function run(names: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  for (const [name, text] of Object.entries(files)) {
    const imports = `import { beforeAll, describe, it } from 'vitest'\n`
    await writeFile(join(work, `${name}.test.ts`), imports + text)
  }
  const { OCIDIR_COUNTS: _, VITEST: __, ...inherited } = process.env
  const args = [join(top, 'node_modules/vitest/vitest.mjs'), 'run', ...names.map(name => `${name}.test.ts`)]
  return new Promise(resolve => {
    execFile(process.execPath, args, { cwd: work, env: { ...inherited, ...env } }, (error, stdout) => {
      resolve({ sum: stdout.trimEnd().split('\n').at(-1), status: error ? Number(error.code) : 0 })
    })
  })
}

interface Outcome {
  readonly sum: string | undefined
  readonly status: number
}
