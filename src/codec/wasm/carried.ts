/** The WebAssembly modules that come with the package: unpacked when they are first needed. */

import { OciError } from '../../errors.ts'
import { concat } from '../../streams.ts'
import { isWasmAllowed } from '../../wasm-allowed.ts'
import { Inflater } from '../inflate.ts'

/** The modules by name. */
export type CarriedName = 'zlib' | 'zstd'

const texts: Readonly<Record<CarriedName, () => Promise<{ readonly deflated: string }>>> = {
  zlib: () => import('./zlib.ts'),
  zstd: () => import('./zstd.ts'),
}
const unpacked = new Map<CarriedName, Promise<WebAssembly.Module>>()

/**
 * A carried module, compiled once for all that ask. Throws `UNSUPPORTED` where WebAssembly is missing or forbidden, and where
 * the sources run without the build that fills it in.
 */
export function carriedModule(name: CarriedName): Promise<WebAssembly.Module> {
  const known = unpacked.get(name) ?? unpack(name)
  unpacked.set(name, known)
  // A chunk that a page couldn't load may be there the next time.
  known.catch(() => unpacked.delete(name))
  return known
}

async function unpack(name: CarriedName): Promise<WebAssembly.Module> {
  if (!isWasmAllowed()) throw new OciError('UNSUPPORTED', { feature: `${name} without WebAssembly` })
  const { deflated } = await texts[name]()
  if (deflated === '') throw new OciError('UNSUPPORTED', { feature: `${name} in a copy that was not built` })
  const bytes = Uint8Array.from(atob(deflated), letter => letter.charCodeAt(0))
  const inflater = new Inflater()
  inflater.reset()
  return WebAssembly.compile(concat([...inflater.push(bytes)]) as Uint8Array<ArrayBuffer>)
}
