// One layer build in a process of its own: layer.mjs LAYOUT TAR|made:BYTES LEVEL
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { OciDir } from 'ocidir'
import { gzip } from 'ocidir/gzip'
import { folder } from 'ocidir/node'

const [layout, input, level] = process.argv.slice(2)
const dir = await OciDir.ensure(folder(layout))
const made = /^made:(\d+)$/.exec(input)
const source = made
  ? pieces(Number(made[1]))
  : Readable.toWeb(createReadStream(input, { highWaterMark: 1 << 18 }))
const layer = await dir.writeLayer(source, { codec: gzip({ level: Number(level) }) })
console.log(JSON.stringify({ size: layer.descriptor.size, digest: layer.descriptor.digest }))

/** Half text-like, half noise, the same for every run. */
async function* pieces(total) {
  let seed = 1
  for (let made = 0; made < total; made += 1 << 16) {
    const piece = new Uint8Array(Math.min(1 << 16, total - made))
    for (let i = 0; i < piece.length; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      piece[i] = i & 1024 ? seed >>> 24 : 97 + ((seed >>> 28) & 7)
    }
    yield piece
  }
}
