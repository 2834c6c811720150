// A layout whose image has plain layers of these sizes: fill.mjs LAYOUT BYTES…
import { draft, OciDir, pushLayer } from 'ocidir'
import { folder } from 'ocidir/node'

const [layout, ...sizes] = process.argv.slice(2)
const dir = await OciDir.ensure(folder(layout))
let image = draft({ os: 'linux', architecture: 'amd64' })
for (const [i, size] of sizes.entries())
  image = pushLayer(image, await dir.writeLayer(noise(Number(size), i + 1)))
await dir.writeImage(image, { tag: 'bench' })

async function* noise(total, seed) {
  let state = seed
  for (let made = 0; made < total; made += 1 << 18) {
    const words = new Uint32Array(1 << 16)
    for (let i = 0; i < words.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      words[i] = state
    }
    yield new Uint8Array(words.buffer).subarray(0, Math.min(1 << 18, total - made))
  }
}
