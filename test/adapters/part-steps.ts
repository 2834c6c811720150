/** Steps with half-written blobs, for every medium that keeps them. */

import type { BlobPath, ResumableFile, StorageAdapter } from '../../src/storage.ts'

/** Begins a blob of so many bytes, or goes on with what is left of it. */
export async function resumed(storage: StorageAdapter, path: BlobPath, size: number): Promise<ResumableFile> {
  const part = await storage.resume?.(path, { size })
  if (part === undefined) throw new Error('somebody else is at it')
  return part
}

/** Writes a chunk; more may follow. */
export async function written(
  part: ResumableFile,
  chunk: Uint8Array,
): Promise<WritableStreamDefaultWriter<Uint8Array>> {
  const writer = part.writable.getWriter()
  await writer.write(chunk)
  return writer
}
