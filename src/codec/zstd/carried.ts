import { carried } from '../wasm/carried.ts'

/** The module of zstd's encoder. Workers are sent it, so that they need no way to load it. */
export const zstdModule: () => Promise<WebAssembly.Module> = /* @__PURE__ */ carried(
  'zstd',
  () => import('../wasm/zstd.ts'),
)
