// @ts-check
/**
 * The WebAssembly modules of other packages that the library carries: optimized, deflated and as text, so that they load
 * in every runtime, bundler and policy by an import, and no page has to fetch or serve a file. The sources hold an empty
 * text in their place; the build fills it in in dist/, and this plugin where vite runs the sources.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'fflate'

/**
 * By source file: whose module stands there, and the hashes of the only one that it may be, as it comes and as it goes.
 * Functions are inlined, for the engines of Node 20 and some browsers don't: zstd is 1.4 times as fast there, zlib 1.1 to 1.2.
 * `inlineLoops` makes zlib's inflater faster, and zstd only larger.
 */
export const carried = {
  'src/codec/wasm/zlib.ts': {
    file: '@zip.js/zip.js/dist/zip-module.wasm',
    sha256: '1ebaf6e62f247a005189493097f460bc9050f248755c55ecba34fd54257a6bb2',
    inlineLoops: true,
    optimized: '7cdd7cfc05e9ac6235b1cba1754cd8a5ae8421ba7498e2a5ebf638606f698fe5',
  },
  'src/codec/wasm/zstd.ts': {
    file: '@bokuweb/zstd-wasm/dist/common/zstd.wasm',
    sha256: '80260eee5795ee8072bb5821e203730c74dca3909938f5ac1128da67f96223df',
    inlineLoops: false,
    optimized: '44ab105dd4c72d4786e9889e4829070ce146c5df1213b8dd00033cd14c89f1a6',
  },
}

/**
 * What stands in a source file's place.
 * @param {keyof typeof carried} source
 */
export async function carriedText(source) {
  const deflated = deflateSync(await carriedModule(source), { level: 9, mem: 8 })
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

/**
 * The optimized module: made once on each machine, which takes some seconds.
 * @param {keyof typeof carried} source
 */
async function carriedModule(source) {
  const { file, sha256, inlineLoops, optimized } = carried[source]
  const kept = fileURLToPath(new URL(`../.cache/wasm/${optimized}.wasm`, import.meta.url))
  try {
    const bytes = readFileSync(kept)
    if (hashOf(bytes) === optimized) return bytes
  } catch {
    // It is made below.
  }
  const bytes = readFileSync(fileURLToPath(new URL(`../node_modules/${file}`, import.meta.url)))
  checkHash(file, bytes, sha256)
  const made = await optimize(bytes, inlineLoops)
  checkHash(`${file}, optimized,`, made, optimized)
  mkdirSync(fileURLToPath(new URL('../.cache/wasm', import.meta.url)), { recursive: true })
  // In one step: others may be at it.
  writeFileSync(`${kept}.${process.pid}`, made)
  renameSync(`${kept}.${process.pid}`, kept)
  return made
}

/**
 * @param {Uint8Array} bytes
 * @param {boolean} inlineLoops
 */
async function optimize(bytes, inlineLoops) {
  const { default: binaryen } = await import('binaryen')
  const module = binaryen.readBinary(bytes)
  // What the modules use already, so that they run wherever they did.
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt } = binaryen.Features
  module.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SignExt)
  binaryen.setOptimizeLevel(3)
  binaryen.setShrinkLevel(0)
  binaryen.setAlwaysInlineMaxSize(20)
  binaryen.setFlexibleInlineMaxSize(100)
  binaryen.setOneCallerInlineMaxSize(1000)
  binaryen.setAllowInliningFunctionsWithLoops(inlineLoops)
  module.optimize()
  const made = module.emitBinary()
  module.dispose()
  return made
}

/**
 * @param {string} what
 * @param {Uint8Array} bytes
 * @param {string} expected
 */
function checkHash(what, bytes, expected) {
  const found = hashOf(bytes)
  if (found !== expected) throw new Error(`${what} is another module than was looked at: ${found}`)
}

/** @param {Uint8Array} bytes */
function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}
