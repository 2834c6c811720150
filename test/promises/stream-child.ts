/** A process of its own that moves many bytes through one call, to a sink that is slow, and says how much memory it took. */

import { memory } from '../../adapters/memory.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { chunksOf, streamOf } from '../../src/streams.ts'
import { forwarding } from '../suites/forwarding.ts'
import { bytesOf } from '../suites/material.ts'

const MiB = 2 ** 20
const [call = '', mebibytes = '0'] = process.argv.slice(2)
const warmUp = 8
let size = warmUp
const chunk = bytesOf(MiB)

let peak = 0
function measure(): void {
  peak = Math.max(peak, process.memoryUsage().rss)
}

async function* source(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < size; i++) {
    measure()
    yield chunk.slice()
  }
}

/** Takes every byte and keeps none; now and then it rests. */
function slowSink(): StorageAdapter {
  const inner = memory()
  return forwarding(inner, {
    stage: async () => {
      let chunks = 0
      const writable = new WritableStream<Uint8Array>({
        async write() {
          measure()
          if (++chunks % 4 === 0) await new Promise(resolve => setTimeout(resolve, 1))
        },
      })
      return { writable, commit: async () => 'written', discard: async () => {} }
    },
  })
}

/** A blob of any size that was never stored. */
function endless(): StorageAdapter {
  const inner = memory()
  return forwarding(inner, {
    open: async (path, options) =>
      path.startsWith('blobs/')
        ? { size: size * MiB, stream: () => streamOf(source()), bytes: async () => chunk }
        : inner.open(path, options),
  })
}

const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  writeBlob: async () => (await OciDir.ensure(slowSink())).writeBlob(source()),
  writeLayer: async () =>
    (await OciDir.ensure(slowSink())).writeLayer(source(), { codec: gzip({ level: 1 }) }),
  readBlob: async () => {
    const dir = await OciDir.ensure(endless())
    const descriptor = {
      mediaType: 'a/b',
      digest: `sha256:${'0'.repeat(64)}`,
      size: size * MiB,
    } as const
    let chunks = 0
    try {
      for await (const _chunk of chunksOf(await dir.readBlob(descriptor))) {
        measure()
        if (++chunks % 4 === 0) await new Promise(resolve => setTimeout(resolve, 1))
      }
    } catch (error) {
      // It came to its end, and the digest is no digest of it.
      if (!String(error).includes('expected digest')) throw error
    }
  },
  // What a test of the test does: it keeps all that it reads.
  collect: async () => {
    const kept: Uint8Array[] = []
    for await (const piece of source()) kept.push(piece)
    return kept.length
  },
}

// What every run needs, code and wasm and their first garbage, is no part of what a long one takes.
await calls[call]?.()
const baseline = process.memoryUsage().rss
size = Number(mebibytes)
await calls[call]?.()
console.log(JSON.stringify({ baseline, peak }))
