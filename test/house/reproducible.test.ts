/** P21: two builds of one source are the same bytes, wherever and whenever they are made. */

import { createHash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, symlink, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from './run.ts'
import { top } from './sources.ts'

/** What a build makes: paths and the SHA-256 of what is there. */
type Made = Readonly<Record<string, string>>

let work: string
let first: Made
let second: Made
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-builds-'))
  first = await make(join(work, 'a'), { TZ: 'UTC', LANG: 'C', SOURCE_DATE_EPOCH: '0' })
  second = await make(join(work, 'another folder, deeper/b'), { TZ: 'Asia/Kolkata', LANG: 'de_DE.UTF-8' })
}, 240_000)
afterAll(() => rm(work, { recursive: true, force: true }))

it('P21: the packed package and the page of two builds are byte for byte the same', () => {
  const tarballs = Object.keys(first).filter(path => path.endsWith('.tgz'))
  expect(tarballs).toHaveLength(1)
  expect(Object.keys(first).length).toBeGreaterThan(250)
  expect(Object.keys(first)).toContain('dist/page/index.html')
  console.log(`P21: 2 builds of ${Object.keys(first).length} files, sha256 ${first[tarballs[0] ?? '']}`)
  expect(second).toEqual(first)
})

/** Copies the sources, as new as the copy is, builds library, page and package, and hashes all of it. */
async function make(folder: string, environment: Readonly<Record<string, string>>): Promise<Made> {
  await cp(top, folder, { recursive: true, filter: path => !left.test(relative(top, path)) })
  // Compilers look at times, and npm packs them unless it knows better.
  const age = new Date(Object.keys(environment).length * 1e11)
  for (const path of await filesIn(folder)) await utimes(path, age, age)
  await symlink(join(top, 'node_modules'), join(folder, 'node_modules'))
  const { VITEST: _, NODE_ENV: __, ...inherited } = process.env
  const options = { cwd: folder, env: { ...inherited, ...environment } }
  await run(process.execPath, ['scripts/build.mjs'], options)
  await run(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'error'], options)
  await run('npm', ['pack', '--ignore-scripts'], options)
  const made: Record<string, string> = {}
  for (const path of await filesIn(folder)) {
    const name = relative(folder, path)
    if (!/^dist\/|\.tgz$/.test(name) || name.endsWith('.tsbuildinfo')) continue
    made[name] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  }
  return made
}

/** What is no source. */
const left = /^(?:node_modules|dist|\.git|\.cache|test\/fixtures|bench\/results|[^/]*\.tgz)(?:\/|$)/

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}
