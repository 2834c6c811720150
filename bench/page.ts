/** What the benchmark times in a tab: layers built into OPFS, and a layout there, filled once and checked several times. */

import { draft, type Engine, fsck, OciDir, pushLayer } from 'ocidir'
import { opfs } from 'ocidir/fsa'
import { type Build, codecOf, engineOf, NotInThisBuild } from './codec.mjs'

/** A layer that was built, or why this library can't build it. */
export type Built =
  | { readonly seconds: number; readonly size: number; readonly digest: string; readonly diffId: string }
  | { readonly missing: string }

declare global {
  var bench: {
    /** A layer of the file that the page's input holds; of so many `bytes`, with the file again and again. */
    build(build: Build, bytes?: number): Promise<Built>
    fill(sizes: readonly number[]): Promise<void>
    check(): Promise<{ seconds: number; validated: number; ok: boolean }>
    /** Seconds to store so many files of a size, without hashing them: by a worker, or by `createWritable` alone. */
    store(files: { count: number; size: number }, by: 'worker' | 'createWritable'): Promise<number>
  }
}

/** One for each number of workers, as long as the page lives: what a page starts once isn't timed again. */
const engines = new Map<number | undefined, Engine>()

globalThis.bench = {
  async build(build, bytes) {
    try {
      return await timedBuild(build, bytes)
    } catch (error) {
      if (error instanceof NotInThisBuild) return { missing: error.message }
      throw error
    }
  },
  async fill(sizes) {
    const dir = await OciDir.ensure(await opfs('bench'))
    let image = draft({ os: 'linux', architecture: 'amd64' })
    for (const [i, size] of sizes.entries())
      image = pushLayer(image, await dir.writeLayer(noise(size, i + 1)))
    await dir.writeImage(image, { tag: 'bench' })
  },
  async check() {
    const storage = await opfs('bench')
    const engine = engineWith(undefined)
    const started = performance.now()
    const { ok, validated } = await fsck(storage, { engine })
    return { seconds: (performance.now() - started) / 1000, ok, validated }
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
    await removed('bench-store')
    return seconds
  },
}

async function timedBuild(build: Build, bytes: number | undefined): Promise<Built> {
  const file = document.querySelector('input')?.files?.[0]
  if (file === undefined) throw new Error('no file was given to the page')
  const codec = codecOf(build)
  const engine = engineWith(build.workers)
  const started = performance.now()
  const storage = await opfs('bench-build')
  const dir = await OciDir.ensure(storage, { engine })
  const source = bytes === undefined ? file : repeated(file, bytes)
  const { descriptor, diffId } = await dir.writeLayer(source, codec && { codec })
  const seconds = (performance.now() - started) / 1000
  await storage.close()
  await removed('bench-build')
  return { seconds, size: descriptor.size, digest: descriptor.digest, diffId }
}

function engineWith(workers: number | undefined): Engine {
  const made = engines.get(workers) ?? engineOf(workers)
  engines.set(workers, made)
  return made
}

/** A file again and again. No compressor here looks back as far as its length. */
function repeated(file: File, bytes: number): Blob {
  const whole = Math.floor(bytes / file.size)
  return new Blob([...Array<File>(whole).fill(file), file.slice(0, bytes % file.size)])
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

async function removed(name: string): Promise<void> {
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
}

function noWorker(): Worker {
  throw new Error('none')
}
