/** A page of one script, bundled from TypeScript and served on a free port of this machine: a secure context. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { sourceAlias } from './entries.ts'

/** A page that is being served. Its script is also `/page.js`, for workers. */
export interface ServedPage {
  readonly origin: string
  close(): Promise<void>
}

/** Bundles and serves a script. What the page posts goes to `onPost`. */
export async function servePage(
  entry: URL,
  options: { readonly onPost?: RequestListener } = {},
): Promise<ServedPage> {
  const script = await bundle(fileURLToPath(entry))
  const server = createServer((request, response) => {
    if (request.method === 'POST' && options.onPost) return options.onPost(request, response)
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><script type="module" src="/page.js"></script>')
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

async function bundle(entry: string): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'ocidir-page-'))
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      resolve: { alias: sourceAlias },
      build: { outDir, lib: { entry, formats: ['es'], fileName: () => 'page.js' } },
    })
    return await readFile(join(outDir, 'page.js'), 'utf8')
  } finally {
    await rm(outDir, { recursive: true })
  }
}
