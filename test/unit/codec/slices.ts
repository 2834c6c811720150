/** Slices of real files: noise never shows what match finders do wrong. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url))

/** The Node binary, and the largest files of our packages: programs, maps, wasm, sources, pictures. */
export const files: readonly Buffer[] = [process.execPath, ...largest(modules, 60)].map(path =>
  readFileSync(path),
)

/** A slice of any file, half of them beginning in a run of zeros, which is where fflate errs. */
export function slice(size: number, random: () => number): Uint8Array {
  const file = files[random() % 2 === 0 ? 0 : random() % files.length] ?? Buffer.alloc(0)
  const at = random() % Math.max(1, file.length - size)
  const zeros = random() % 2 === 0 ? file.indexOf('\0\0\0\0\0\0', at) : -1
  const from = zeros >= 0 ? zeros : at
  return file.subarray(from, from + size)
}

function largest(folder: string, count: number): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(path => `${folder}/${path}`)
  const sized = paths.map(path => ({ path, stat: statSync(path, { throwIfNoEntry: false }) }))
  const real = sized.filter(({ stat }) => stat?.isFile() && stat.size > 20_000)
  real.sort((a, b) => (b.stat?.size ?? 0) - (a.stat?.size ?? 0) || (a.path < b.path ? -1 : 1))
  return real.slice(0, count).map(({ path }) => path)
}
