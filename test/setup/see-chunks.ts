/** Tells of each chunk that comes to a storage: progress is told at its own pace. */

import type { StorageAdapter, StoredFile } from '../../src/storage.ts'
import { chunksOf, streamOf } from '../../src/streams.ts'

/** Calls `see` with each chunk that is staged, or read of what was adopted, before it goes on. */
export function seeChunks(storage: StorageAdapter, see: (chunk: Uint8Array) => void): void {
  const stage = storage.stage.bind(storage)
  storage.stage = async options => {
    const staged = await stage(options)
    const sink = staged.writable.getWriter()
    sink.closed.catch(() => {})
    const writable = new WritableStream<Uint8Array>({
      write(chunk) {
        see(chunk)
        return sink.write(chunk)
      },
      close: () => sink.close(),
      abort: reason => sink.abort(reason),
    })
    return { ...staged, writable }
  }
  const adopt = storage.adopt?.bind(storage)
  if (adopt === undefined) return
  storage.adopt = async (file, options) => {
    const adopted = await adopt(file, options)
    return adopted && { ...adopted, file: seen(adopted.file, see) }
  }
}

function seen(file: StoredFile, see: (chunk: Uint8Array) => void): StoredFile {
  async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunksOf(stream)) {
      see(chunk)
      yield chunk
    }
  }
  return {
    ...file,
    stream: range => streamOf(chunks(file.stream(range)), { signal: range?.signal }),
    async bytes(range) {
      const bytes = await file.bytes(range)
      see(bytes)
      return bytes
    },
  }
}
