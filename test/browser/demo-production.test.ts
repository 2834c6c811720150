/** The page as `npx vite build` makes it, on a plain file server under a path of its own. */

import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { build as buildPage } from 'vite'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { browserArgs } from '../setup/browser.ts'
import { describeWith, tool } from '../setup/tools.ts'
import { build, openPage, runShownCommand } from '../tools/demo-page.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))

// A machine with two busy cores needs many times what a quiet one does.
vi.setConfig({ testTimeout: 90_000 })

describeWith(['chromium'], 'the built page', () => {
  let scratch: string
  let server: Server
  let address: string

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'ocidir-page-'))
    const outDir = join(scratch, 'page')
    await buildPage({
      configFile: join(top, 'vite.config.ts'),
      root: join(top, 'demo'),
      logLevel: 'error',
      build: { outDir, emptyOutDir: true },
    })
    ;({ server, address } = await serve(outDir))
  }, 120_000)

  afterAll(async () => {
    server?.close()
    await rm(scratch, { recursive: true, force: true })
  })

  it('builds a folder under a strict policy in page and worker, without the sample of npm start', async () => {
    await mkdir(join(scratch, 'site', 'empty'), { recursive: true })
    await writeFile(join(scratch, 'site', 'index.html'), '<p>hello')
    const browser = await chromium.launch({ executablePath: tool('chromium'), args: [...browserArgs] })
    try {
      const { page, complaints } = await openPage(browser, address)
      expect(await page.locator('#sample').isVisible()).toBe(false)
      await page.locator('#folder-input').setInputFiles(join(scratch, 'site'))
      const digest = await build(page)
      await rm(join(scratch, 'site', 'empty'), { recursive: true })
      expect(await runShownCommand(page, scratch)).toBe(digest)
      // The sample that isn't there is asked for once, and that is all that the console may know.
      expect(complaints.filter(text => !text.includes('404'))).toEqual([])
    } finally {
      await browser.close()
    }
  })

  it('P20: builds the same without WebAssembly, where the server forbids more than the page does', async () => {
    await mkdir(join(scratch, 'strict'))
    await writeFile(join(scratch, 'strict', 'index.html'), '<p>hello')
    const browser = await chromium.launch({ executablePath: tool('chromium'), args: [...browserArgs] })
    try {
      const { page, complaints } = await openPage(browser, `${address}strict/`)
      await page.locator('#folder-input').setInputFiles(join(scratch, 'strict'))
      const digest = await build(page)
      expect(await runShownCommand(page, scratch)).toBe(digest)
      const header = await page.evaluate(async () => {
        const { headers } = await fetch(document.scripts[0]?.src ?? '')
        return headers.get('content-security-policy')
      })
      expect(header).toBe("default-src 'self'")
      expect(complaints.filter(text => !text.includes('404'))).toEqual([])
    } finally {
      await browser.close()
    }
  })

  it('loads nothing from elsewhere, and carries its policy', async () => {
    const html = await readFile(join(scratch, 'page', 'index.html'), 'utf8')
    expect(html).toContain("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'")
    expect(html).not.toMatch(/(?:src|href)="(?!\.\/|#)/)
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)/)
  })
})

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/**
 * A file server that knows nothing of the page, with the page's policy as a header: a worker obeys only that. Below
 * `strict/` it says `default-src 'self'`.
 */
async function serve(folder: string): Promise<{ server: Server; address: string }> {
  const policy =
    /content="(default-src[^"]+)"/.exec(readFileSync(join(folder, 'index.html'), 'utf8'))?.[1] ?? ''
  expect(policy).not.toBe('')
  const server = createServer(async (request, response) => {
    const asked = new URL(request.url ?? '', 'http://localhost').pathname.replace(/^\/some\/place/, '')
    const path = asked.replace(/^\/strict\//, '/')
    const header = path === asked ? policy : "default-src 'self'"
    try {
      const body = await readFile(join(folder, path.endsWith('/') ? 'index.html' : path))
      const type = types[extname(path) || '.html'] ?? 'application/octet-stream'
      response.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': header }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return { server, address: `http://127.0.0.1:${port}/some/place/` }
}
