import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { createServer } from 'vite'
import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { folder, readFolder } from '../../adapters/node/index.ts'
import { tool } from '../setup/tools.ts'
import { buildAll } from './same-digest/build.ts'
import { content, modes, mtime } from './same-digest/folder.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
async function makeFolder(root: string): Promise<void> {
  for (const [path, bytes] of Object.entries(content)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), bytes)
    await chmod(join(root, path), modes[path] ?? 0o644)
  }
}

it('one folder gives one digest: Node and Chromium, memory, disk and OPFS', async () => {
  const work = await mkdtemp(join(tmpdir(), 'ocidir-same-'))
  const server = await createServer({
    root: top,
    configFile: join(top, 'vite.config.ts'),
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0 },
  })
  const profile = join(work, 'profile')
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: tool('chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  try {
    const root = join(work, 'folder')
    await mkdir(root)
    await makeFolder(root)
    let count = 0
    const onDisk = async () => folder(join(work, `layout-${count++}`))
    const results: Record<string, Record<string, string>> = {
      'Node, memory': await buildAll(async () => memory(), readFolder(root), { mtime }),
      'Node, disk': await buildAll(onDisk, readFolder(root), { mtime }),
    }
    await server.listen()
    const address = server.httpServer?.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${port}/test/interop/same-digest/page.html`)
    await page.waitForFunction(() => 'build' in globalThis)
    await page.setInputFiles('#folder', root)
    for (const medium of ['memory', 'opfs'] as const) {
      results[`Chromium, ${medium}`] = await page.evaluate(kind => globalThis.build(kind), medium)
    }
    console.table(results)
    const [first, ...others] = Object.values(results)
    expect(others).toHaveLength(3)
    expect(new Set(Object.values(first ?? {})).size).toBe(3)
    for (const other of others) expect(other).toEqual(first)
  } finally {
    await context.close()
    await server.close()
    await rm(work, { recursive: true, force: true })
  }
}, 120_000)
