// @ts-check
// What a variant's words mean, in a process and in a tab alike.
import { engine } from 'ocidir'
import * as gzipEntry from 'ocidir/gzip'
import * as zstdEntry from 'ocidir/zstd'

/**
 * How a layer is built; what isn't given is left to the library.
 * @typedef {object} Build
 * @property {'gzip' | 'zstd' | 'none'} codec
 * @property {number | undefined} [level]
 * @property {'fflate' | 'zlib' | 'platform' | undefined} [deflate]
 * @property {number | undefined} [workers]
 */

/** Thrown for what this build of the library doesn't have. */
export class NotInThisBuild extends Error {}

/**
 * The codec of a build; `undefined` leaves the layer plain.
 * @param {Build} build
 * @returns {import('ocidir').Codec | undefined}
 */
export function codecOf({ codec, level, deflate }) {
  if (codec === 'none') return undefined
  // A library that doesn't know an option ignores it, and would be timed under another's name.
  if (deflate !== undefined && takes(() => gzip({ deflate: 'another' })))
    throw new NotInThisBuild(`no deflate: '${deflate}'`)
  const made = codec === 'gzip' ? gzip({ level, deflate }) : zstd({ level })
  if (!('encode' in made)) throw new NotInThisBuild(`${codec} is read only`)
  return /** @type {import('ocidir').Codec} */ (made)
}

/**
 * An engine with so many workers, or as it comes.
 * @param {number | undefined} workers
 */
export function engineOf(workers) {
  if (workers === undefined) return engine()
  if (takes(() => bareEngine({ workers: -1 }))) throw new NotInThisBuild('no workers')
  return bareEngine({ workers })
}

// As functions of any options: what is asked of them may be newer than their types.
const gzip = /** @type {(options: object) => object} */ (gzipEntry.gzip)
const zstd = /** @type {(options: object) => object} */ (zstdEntry.zstd)
const bareEngine = /** @type {(options: object) => import('ocidir').Engine} */ (engine)

/** @param {() => unknown} wrong */
function takes(wrong) {
  try {
    wrong()
    return true
  } catch {
    return false
  }
}
