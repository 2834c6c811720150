/** A page of one script, bundled from TypeScript and served on a free port of this machine: a secure context. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { wasmModules } from '../../scripts/wasm.mjs'
import { sourceAlias } from './entries.ts'

/** A page that is being served. Its script is also `/page.js`, for workers; those that it starts stand beside it. */
export interface ServedPage {
  readonly origin: string
  close(): Promise<void>
}

/** How a page is served. */
export interface ServedPageOptions {
  /** Takes what the page posts. */
  readonly onPost?: RequestListener
  /**
   * Content-security policies by names: `/NAME/` is the page under one. Its scripts lie below that, too, since a worker
   * obeys the header of its own script.
   */
  readonly policies?: Readonly<Record<string, string>>
}

/** Bundles and serves a script. */
export async function servePage(entry: URL, options: ServedPageOptions = {}): Promise<ServedPage> {
  const scripts = await bundle(fileURLToPath(entry))
  const server = createServer((request, response) => {
    if (request.method === 'POST' && options.onPost) return options.onPost(request, response)
    const [, name = '', under] = /^\/([^/]*)(\/.*)?$/.exec(request.url ?? '') ?? []
    const policy = options.policies?.[name]
    if (policy !== undefined) response.setHeader('content-security-policy', policy)
    const script = scripts.get((policy === undefined ? request.url : under) ?? '')
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript')
    response.end(script ?? '<!doctype html><script type="module" src="./page.js"></script>')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** The scripts by their addresses. */
async function bundle(entry: string): Promise<ReadonlyMap<string, string>> {
  const outDir = await mkdtemp(join(tmpdir(), 'ocidir-page-'))
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      base: './',
      resolve: { alias: sourceAlias },
      build: {
        outDir,
        assetsDir: '',
        target: 'es2022',
        modulePreload: false,
        rolldownOptions: { input: entry, output: { entryFileNames: 'page.js' } },
      },
      plugins: [wasmModules()],
      worker: { format: 'es', plugins: () => [wasmModules()] },
    })
    const names = (await readdir(outDir)).filter(name => name.endsWith('.js'))
    const texts = names.map(async name => [`/${name}`, await readFile(join(outDir, name), 'utf8')] as const)
    return new Map(await Promise.all(texts))
  } finally {
    await rm(outDir, { recursive: true })
  }
}
