/** The package as others get it: packed, looked at by publint and attw, installed elsewhere and used there. */

import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Worker } from 'playwright'
import { preview, build as viteBuild } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { browserArgs } from '../setup/browser.ts'
import { installInto, packInto } from '../setup/installed.ts'
import { itWith, tool } from '../setup/tools.ts'
import { node, run } from './run.ts'
import { top } from './sources.ts'

const entries = Object.keys(manifest.exports)
  .filter(entry => entry !== './package.json')
  .map(entry => entry.replace('.', 'ocidir'))

describe('the packed package', () => {
  let work = ''
  let tarball = ''
  let content: readonly string[] = []
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-package-'))
    const packed = await packInto(work)
    tarball = packed.tarball
    content = packed.content
  })
  afterAll(() => rm(work, { recursive: true, force: true }))

  it('holds what it needs, and nothing of the page, the tests and the compiler', async () => {
    const targets = Object.values(manifest.exports)
      .flatMap(target => (typeof target === 'string' ? target : Object.values(target)))
      .map(target => target.slice(2))
    const types = targets
      .filter(path => path.endsWith('.js') && !path.startsWith('dist/node/'))
      .map(path => path.replace(/\.js$/, '.d.ts'))
    const needed = [
      ...targets,
      ...types,
      ...['ocidir', 'thread', 'worker'].map(name => `dist/node/${name}.js`),
      'README.md',
      'LICENSE-APACHE',
      'LICENSE-MIT',
      'THIRD-PARTY.md',
    ]
    expect(needed.filter(path => !content.includes(path))).toEqual([])
    const allowed =
      /^(dist\/node\/[a-z-]+\.js|dist\/(src|adapters|test\/suites)\/.*\.(js|d\.ts)|docs\/.*|bench\/README\.md|package\.json|[A-Z-]+(\.md)?)$/
    expect(content.filter(path => !allowed.test(path))).toEqual([])
  })

  it('passes publint, warnings too', async () => {
    await node(top, 'node_modules/publint/src/cli.js', 'run', tarball, '--strict')
  })

  it('passes attw as a package of ES modules', { timeout: 60_000 }, async () => {
    const attw = 'node_modules/@arethetypeswrong/cli/dist/index.js'
    const output = await node(top, attw, tarball, '--profile', 'esm-only', '--format', 'ascii')
    for (const entry of entries) expect(output).toContain(entry)
  })

  describe('installed in an empty folder', () => {
    let home = ''
    beforeAll(async () => {
      home = join(work, 'home')
      await cp(new URL('consumer/', import.meta.url), home, { recursive: true })
      await installInto(home, tarball)
    })

    it('brings its own dependencies and no others', async () => {
      const installed = (await readdir(join(home, 'node_modules'))).filter(name => !name.startsWith('.'))
      const own = Object.keys(manifest.dependencies).map(name => name.split('/')[0])
      expect(installed.sort()).toEqual(['ocidir', ...own].sort())
    })

    it('builds and checks an image in Node', async () => {
      expect(JSON.parse(await node(home, 'main.js'))).toMatchObject(sound)
    })

    it('has the command, with its version', async () => {
      const { stdout } = await run(join(home, 'node_modules/.bin/ocidir'), ['--version'], { cwd: home })
      expect(stdout.trim()).toContain(manifest.version)
    })

    it.each([
      ['in a web project', 'Bundler', entries.filter(entry => entry !== 'ocidir/node'), []],
      ['in a web project', 'NodeNext', entries.filter(entry => entry !== 'ocidir/node'), []],
      ['in a Node project', 'NodeNext', entries, ['node']],
    ])('has types that hold by themselves %s (%s)', async (_, moduleResolution, used, types) => {
      const uses = used.map((entry, i) => `export * as e${i} from '${entry}'`)
      await writeFile(join(home, 'types.ts'), uses.join('\n'))
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        target: 'ES2022',
        module: moduleResolution === 'Bundler' ? 'ESNext' : 'NodeNext',
        moduleResolution,
        lib: ['ES2022', 'DOM', 'DOM.Iterable'],
        typeRoots: [join(top, 'node_modules/@types')],
        types,
      }
      await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }))
      await node(home, join(top, 'node_modules/typescript/bin/tsc'), '-p', '.')
    })

    itWith('builds the same image in a page', { tools: ['chromium'], timeout: 60_000 }, async () => {
      await viteBuild({ root: home, configFile: false, logLevel: 'error', build: { outDir: 'page' } })
      const server = await preview({
        root: home,
        configFile: false,
        build: { outDir: 'page' },
        preview: { host: '127.0.0.1', port: 0 },
      })
      const browser = await chromium.launch({ executablePath: tool('chromium'), args: [...browserArgs] })
      try {
        const page = await browser.newPage()
        const workers: Worker[] = []
        page.on('worker', worker => workers.push(worker))
        await page.goto(server.resolvedUrls?.local[0] ?? '')
        await page.waitForFunction(() => document.body.textContent.trim() !== '')
        const { image, stored } = JSON.parse((await page.textContent('body')) ?? '')
        expect(image).toMatchObject(sound)
        expect(image).toEqual(JSON.parse(await node(home, 'main.js')))
        expect(stored).toBe(6_000_000)
        // The bundler has found the workers of `ocidir/fsa` and of the engine, and the page has started both.
        const scripts = (await readdir(join(home, 'page/assets'))).filter(name => name.startsWith('worker-'))
        expect(scripts.length).toBe(2)
        const started = new Set(workers.map(worker => worker.url().split('/').at(-1)))
        expect([...started].sort()).toEqual(scripts.sort())
      } finally {
        await browser.close()
        await server.close()
      }
    })
  })
})

const sound = {
  digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
  ok: true,
  findings: 0,
  run: '#!/bin/sh\necho hello\n',
}
