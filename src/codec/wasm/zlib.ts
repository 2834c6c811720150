/** zip.js's build of zlib, deflated, in base64: empty in the sources, filled in by `scripts/wasm.mjs`. */
export const deflated: string = ''
