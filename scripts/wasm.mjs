// @ts-check
/**
 * The WebAssembly modules of other packages that the library carries: deflated and as text, so that they load in every
 * runtime, bundler and policy by an import, and no page has to fetch or serve a file. The sources hold an empty text
 * in their place; the build fills it in in dist/, and this plugin where vite runs the sources.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'fflate'

/** By source file: whose module stands there, and the hash of the only one that it may be. */
export const carried = {
  'src/codec/wasm/zlib.ts': {
    file: '@zip.js/zip.js/dist/zip-module.wasm',
    sha256: '1ebaf6e62f247a005189493097f460bc9050f248755c55ecba34fd54257a6bb2',
  },
  'src/codec/wasm/zstd.ts': {
    file: '@bokuweb/zstd-wasm/dist/common/zstd.wasm',
    sha256: '80260eee5795ee8072bb5821e203730c74dca3909938f5ac1128da67f96223df',
  },
}

/**
 * What stands in a source file's place.
 * @param {keyof typeof carried} source
 */
export function carriedText(source) {
  const { file, sha256 } = carried[source]
  const bytes = readFileSync(fileURLToPath(new URL(`../node_modules/${file}`, import.meta.url)))
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== sha256) throw new Error(`${file} is another one than was looked at: ${found}`)
  const deflated = deflateSync(bytes, { level: 9, mem: 8 })
  return `export const deflated = '${Buffer.from(deflated).toString('base64')}'\n`
}

/** For vite, over the sources. */
export function wasmModules() {
  return {
    name: 'ocidir-wasm',
    /** @param {string} id */
    load(id) {
      const path = id.split('?')[0]?.replaceAll('\\', '/') ?? ''
      const source = sources.find(name => path.endsWith(`/${name}`))
      return source && carriedText(source)
    },
  }
}

/** @type {(keyof typeof carried)[]} */
const sources = /** @type {any} */ (Object.keys(carried))
