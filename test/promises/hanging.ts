/** Sources and media that stop in the middle and heed no signal: what an abort must get away from. */

import type { ReadableStorage, StorageAdapter, StoredFile } from '../../src/storage.ts'

/** Gives `chunks` of the bytes, says so, and then nothing any more. */
export async function* hangingAfter(
  chunks: number,
  { chunk, onHang }: { chunk: Uint8Array; onHang: () => void },
): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < chunks; i++) yield chunk.slice()
  onHang()
  await new Promise(() => {})
}

/** What media give at a time. */
const chunkSize = 256 * 1024

/** A medium whose blobs hang after so many chunks, whatever the signal says. */
export function hangingStorage(
  inner: StorageAdapter,
  { chunks, onHang }: { chunks: number; onHang: () => void },
): ReadableStorage {
  return {
    name: inner.name,
    traits: { ...inner.traits, writable: false },
    list: options => inner.list(options),
    open: async (path, options) => {
      const file = await inner.open(path, options)
      return path.startsWith('blobs/') && file ? hangingFile(file, { chunks, onHang }) : file
    },
  }
}

function hangingFile(
  file: StoredFile,
  { chunks, onHang }: { chunks: number; onHang: () => void },
): StoredFile {
  const stream = (): ReadableStream<Uint8Array> => {
    const reader = file.stream().getReader()
    let given = 0
    return new ReadableStream(
      {
        async pull(controller) {
          if (given++ === chunks) {
            onHang()
            return new Promise(() => {})
          }
          const next = await reader.read()
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        },
        cancel: reason => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    )
  }
  // A whole small file can't hang in the middle; it ends with the signal, as the contract says.
  const bytes: StoredFile['bytes'] = range => {
    if (file.size <= chunks * chunkSize) return file.bytes(range)
    onHang()
    return new Promise((_, reject) => {
      range?.signal?.addEventListener('abort', () => reject(range.signal?.reason), { once: true })
    })
  }
  return { size: file.size, stream, bytes }
}
