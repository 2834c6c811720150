/** @bokuweb/zstd-wasm's build of zstd, deflated, in base64: empty in the sources, filled in by `scripts/wasm.mjs`. */
export const deflated: string = ''
