/** How many chunks are given and not yet taken: a storage that is slow, and one that counts what is read. */

import type { StorageAdapter } from '../../src/storage.ts'
import { streamOf } from '../../src/streams.ts'
import { forwarding } from './forwarding.ts'
import { bytesOf, pause } from './material.ts'

/** Chunks that a source gives. */
export const chunks = 24
/** Bytes of each. */
export const chunkSize: number = 64 * 1024

/** Counts the chunks that were given and not yet taken. */
export class InFlight {
  given = 0
  taken = 0
  most = 0

  give(): void {
    this.given++
    this.most = Math.max(this.most, this.given - this.taken)
  }

  /** A source of chunks that don't compress. */
  async *source(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < chunks; i++) {
      this.give()
      yield bytesOf(chunkSize, i + 1)
    }
  }
}

/** A storage that takes its time for every chunk; small writes count once they make up a chunk. */
export function slow(inner: StorageAdapter, flow: InFlight): StorageAdapter {
  return forwarding(inner, {
    stage: async options => {
      const staged = await inner.stage(options)
      const sink = staged.writable.getWriter()
      let bytes = 0
      const writable = new WritableStream<Uint8Array>({
        async write(chunk) {
          await pause(2)
          bytes += chunk.length
          flow.taken = Math.floor(bytes / chunkSize)
          await sink.write(chunk)
        },
        close: () => sink.close(),
        abort: reason => sink.abort(reason),
      })
      return {
        writable,
        commit: (path, commitOptions) => staged.commit(path, commitOptions),
        discard: () => staged.discard(),
      }
    },
  })
}

/** A storage that counts what is read of its blobs, in chunks. */
export function counted(inner: StorageAdapter, flow: InFlight): StorageAdapter {
  return forwarding(inner, {
    open: async (path, options) => {
      const file = await inner.open(path, options)
      if (file === undefined || !path.startsWith('blobs/')) return file
      async function* pieces(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < (file?.size ?? 0); at += chunkSize) {
          flow.give()
          const end = Math.min(at + chunkSize, file?.size ?? 0)
          yield (await file?.bytes({ start: at, end })) ?? new Uint8Array()
        }
      }
      return { ...file, stream: () => streamOf(pieces()) }
    },
  })
}
