// @ts-check
// One layer in a process of its own:
//   layer.mjs LAYOUT TAR --codec gzip|zstd|none --deflate fflate|zlib|platform --level N --workers N
import { parseArgs } from 'node:util'
import { OciDir } from 'ocidir'
import { file, folder } from 'ocidir/node'
import { codecOf, engineOf, NotInThisBuild } from './codec.mjs'
import { missingCode } from './measure.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    codec: { type: 'string', default: 'gzip' },
    deflate: { type: 'string' },
    level: { type: 'string' },
    workers: { type: 'string' },
  },
})
/** @typedef {import('./codec.mjs').Build} Build */

const [layout = '', input = ''] = positionals
/** @param {string | undefined} text */
const number = text => (text === undefined ? undefined : Number(text))

try {
  const started = performance.now()
  const codec = codecOf({
    codec: /** @type {Build['codec']} */ (values.codec),
    deflate: /** @type {Build['deflate']} */ (values.deflate),
    level: number(values.level),
  })
  const dir = await OciDir.ensure(folder(layout), { engine: engineOf(number(values.workers)) })
  const { descriptor, diffId } = await dir.writeLayer((await file(input)).stream(), codec && { codec })
  const inside = (performance.now() - started) / 1000
  console.log(JSON.stringify({ inside, size: descriptor.size, digest: descriptor.digest, diffId }))
} catch (error) {
  if (!(error instanceof NotInThisBuild)) throw error
  console.error(error.message)
  process.exitCode = missingCode
}
