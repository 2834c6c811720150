import { OciError } from '../../errors.ts'

/** An instance of a module. `UNSUPPORTED` where it needs other imports than these, or finds no room for its memory. */
export async function started(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.Instance> {
  try {
    return await WebAssembly.instantiate(module, imports)
  } catch (cause) {
    throw new OciError(
      'UNSUPPORTED',
      { feature: `a WebAssembly module that doesn't start: ${cause}` },
      { cause },
    )
  }
}
