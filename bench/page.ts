/** What the benchmark times in a tab: a layout in OPFS, filled once and checked several times. */

import { draft, fsck, OciDir, pushLayer } from 'ocidir'
import { opfs } from 'ocidir/fsa'
import { gzip } from 'ocidir/gzip'

declare global {
  var bench: {
    fill(sizes: readonly number[]): Promise<void>
    check(): Promise<{ seconds: number; validated: number; ok: boolean }>
    build(size: number, level: 1 | 6): Promise<{ seconds: number; digest: string }>
    /** Seconds to store so many files of a size, without hashing them: by a worker, or by `createWritable` alone. */
    store(files: { count: number; size: number }, by: 'worker' | 'createWritable'): Promise<number>
  }
}

async function* noise(total: number, seed: number): AsyncGenerator<Uint8Array> {
  let state = seed
  const words = new Uint32Array(1 << 14)
  for (let made = 0; made < total; made += words.byteLength) {
    for (let i = 0; i < words.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      words[i] = state
    }
    yield new Uint8Array(words.slice().buffer).subarray(0, Math.min(words.byteLength, total - made))
  }
}

globalThis.bench = {
  async fill(sizes) {
    const dir = await OciDir.ensure(await opfs('bench'))
    let image = draft({ os: 'linux', architecture: 'amd64' })
    for (const [i, size] of sizes.entries())
      image = pushLayer(image, await dir.writeLayer(noise(size, i + 1)))
    await dir.writeImage(image, { tag: 'bench' })
  },
  async check() {
    const storage = await opfs('bench')
    const started = performance.now()
    const { ok, validated } = await fsck(storage)
    return { seconds: (performance.now() - started) / 1000, ok, validated }
  },
  async build(size, level) {
    const dir = await OciDir.ensure(await opfs('bench-build'))
    const started = performance.now()
    const layer = await dir.writeLayer(noise(size, 7), { codec: gzip({ level }) })
    return { seconds: (performance.now() - started) / 1000, digest: layer.descriptor.digest }
  },
  async store({ count, size }, by) {
    const storage = await opfs('bench-store', by === 'worker' ? {} : { worker: noWorker })
    const chunk = new Uint8Array(Math.min(size, 2 ** 18)).fill(7)
    const started = performance.now()
    for (let i = 0; i < count; i++) {
      const staged = await storage.stage()
      const writer = staged.writable.getWriter()
      for (let at = 0; at < size; at += chunk.length) await writer.write(chunk)
      await writer.close()
      await staged.commit(`blobs/sha256/${i}`)
    }
    const seconds = (performance.now() - started) / 1000
    await storage.close()
    await (await navigator.storage.getDirectory()).removeEntry('bench-store', { recursive: true })
    return seconds
  },
}

function noWorker(): Worker {
  throw new Error('none')
}
