/** Digests of files, made while their layer is read. */

import { createHasher, digestOf } from '../digest.ts'
import type { NativeTools } from '../storage.ts'
import { chunksOf, concat } from '../streams.ts'
import type { TarEntry } from '../tar/entry.ts'

/** SHA-256 in hex of an entry's body. */
export async function sha256Of(entry: TarEntry, native: NativeTools | undefined): Promise<string> {
  const chunks = chunksOf(entry.body)
  if (entry.size <= smallSize) {
    const whole: Uint8Array[] = []
    // Kept until the end: a reader may use a chunk's memory again.
    for await (const chunk of chunks) whole.push(entry.size === chunk.length ? chunk : chunk.slice())
    return (await digestOf(concat(whole), { native })).slice('sha256:'.length)
  }
  const hasher = await createHasher('sha256', native)
  for await (const chunk of chunks) hasher.update(chunk)
  return hasher.hex()
}

// A hasher of WebAssembly takes half a millisecond to make: most files are hashed sooner.
const smallSize = 256 << 10
