import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from 'playwright'
import { createServer } from 'vite'
import { expect, it } from 'vitest'
import { browserArgs } from '../setup/browser.ts'
import { tool } from '../setup/tools.ts'

const run = promisify(execFile)
const top = fileURLToPath(new URL('../../', import.meta.url))

/** The README's example of this kind, as it stands there. */
async function example(kind: 'node' | 'store' | 'recompress' | 'workers' | 'browser'): Promise<string> {
  const readme = await readFile(join(top, 'README.md'), 'utf8')
  const code = new RegExp(`\`\`\`js ${kind}\\n([^]*?)\`\`\``).exec(readme)?.[1]
  if (code === undefined) throw new Error(`README.md has no example of kind ${kind}`)
  return code
}

/** A folder as a user would have it: an app, and ocidir (built) among the packages. */
async function project(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ocidir-readme-'))
  await mkdir(join(folder, 'app'))
  await writeFile(join(folder, 'app/run'), '#!/bin/sh\necho hello\n')
  await mkdir(join(folder, 'node_modules'))
  await symlink(top, join(folder, 'node_modules/ocidir'))
  return folder
}

it("runs the README's Node examples on the built package", async () => {
  const folder = await project()
  try {
    await writeFile(join(folder, 'example.mjs'), await example('node'))
    const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: folder })
    expect(stdout).toBe('#!/bin/sh\necho hello\n []\n')
    // The second begins with what the first has built, saved by a tool.
    await run(tool('tar'), ['-cf', 'saved.tar', '-C', 'layout', '.'], { cwd: folder })
    await writeFile(join(folder, 'store.mjs'), await example('store'))
    const second = await run(process.execPath, ['store.mjs'], { cwd: folder })
    expect(second.stdout).toBe('1 [] true\n')
    // The third works on what the second has copied.
    await writeFile(join(folder, 'recompress.mjs'), await example('recompress'))
    const third = await run(process.execPath, ['recompress.mjs'], { cwd: folder })
    expect(third.stdout).toBe('1 true\n')
    await writeFile(join(folder, 'workers.mjs'), await example('workers'))
    await writeFile(join(folder, 'rootfs.tar'), await readFile(join(folder, 'saved.tar')))
    const fourth = await run(process.execPath, ['workers.mjs'], { cwd: folder })
    expect(fourth.stdout).toMatch(/\nsha256:[0-9a-f]{64} sha256:[0-9a-f]{64}\n$/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

it("runs the README's browser example in Chromium", async () => {
  const folder = await project()
  const pages = join(top, '.cache', `readme-${process.pid}`)
  await mkdir(pages, { recursive: true })
  const server = await createServer({
    root: top,
    configFile: join(top, 'vite.config.ts'),
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0 },
  })
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: tool('chromium'),
    args: [...browserArgs],
  })
  try {
    await writeFile(
      join(pages, 'example.js'),
      `const chosen = document.querySelector('input').files\n${await example('browser')}`,
    )
    await writeFile(
      join(pages, 'index.html'),
      '<!doctype html><title>README</title><input type="file" webkitdirectory>',
    )
    await server.listen()
    const address = server.httpServer?.address()
    const origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
    const path = `/.cache/readme-${process.pid}`
    const page = await context.newPage()
    await page.goto(`${origin}${path}/index.html`)
    await page.setInputFiles('input', join(folder, 'app'))
    const [line] = await Promise.all([
      page.waitForEvent('console', message => message.text().startsWith('sha256:')),
      page.addScriptTag({ type: 'module', url: `${path}/example.js` }),
    ])
    expect(line.text()).toMatch(/^sha256:[0-9a-f]{64} true$/)
  } finally {
    await context.close()
    await server.close()
    await rm(pages, { recursive: true })
    await rm(folder, { recursive: true })
  }
})
