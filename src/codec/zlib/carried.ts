import { carried } from '../wasm/carried.ts'

/** zlib's module. Workers are sent it, so that they need no way to load it. */
export const zlibModule: () => Promise<WebAssembly.Module> = /* @__PURE__ */ carried(
  'zlib',
  () => import('../wasm/zlib.ts'),
)
