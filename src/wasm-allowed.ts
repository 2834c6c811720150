/** Whether WebAssembly may run here. */

let wasmAllowed: boolean | undefined

/** Whether WebAssembly may run here. Found once, by the smallest module there is. */
export function isWasmAllowed(): boolean {
  wasmAllowed ??= runs(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
  return wasmAllowed
}

function runs(module: Uint8Array<ArrayBuffer>): boolean {
  try {
    // WebKit compiles what it then refuses to instantiate.
    return new WebAssembly.Instance(new WebAssembly.Module(module)) instanceof WebAssembly.Instance
  } catch {
    return false
  }
}
