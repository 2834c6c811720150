/** A WebAssembly module that comes with the package: unpacked and compiled when it is first needed. */

import { OciError } from '../../errors.ts'
import { concat } from '../../streams.ts'
import { isWasmAllowed } from '../../wasm-allowed.ts'
import { Inflater } from '../inflate.ts'

/**
 * Gives the module, compiled once for all that ask. It throws `UNSUPPORTED` where WebAssembly is missing or forbidden, and
 * where the sources run without the build that fills it in.
 */
export function carried(
  name: string,
  load: () => Promise<{ readonly deflated: string }>,
): () => Promise<WebAssembly.Module> {
  let compiled: Promise<WebAssembly.Module> | undefined
  return () => {
    compiled ??= compile(name, load)
    // A chunk that a page couldn't load may be there the next time.
    compiled.catch(() => {
      compiled = undefined
    })
    return compiled
  }
}

async function compile(
  name: string,
  load: () => Promise<{ readonly deflated: string }>,
): Promise<WebAssembly.Module> {
  if (!isWasmAllowed()) throw new OciError('UNSUPPORTED', { feature: `${name} without WebAssembly` })
  const { deflated } = await load().catch(cause => {
    // No network, or a service worker, which may not import at run time.
    throw new OciError('UNSUPPORTED', { feature: `${name}, whose module can't be loaded here` }, { cause })
  })
  if (deflated === '') throw new OciError('UNSUPPORTED', { feature: `${name} in a copy that was not built` })
  const inflater = new Inflater()
  const bytes = Uint8Array.from(atob(deflated), letter => letter.charCodeAt(0))
  return WebAssembly.compile(concat([...inflater.push(bytes)]) as Uint8Array<ArrayBuffer>)
}
