/** What a layer's bytes are, by the first of them. */

import type { LayerContent } from '../fsck-layers.ts'
import { concat } from '../streams.ts'
import { blockSize, isHeader, isZero } from '../tar/header.ts'

/** What the bytes are, and the same bytes from the first one on. */
export async function contentOf(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly content: LayerContent; readonly chunks: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]()
  const head: Uint8Array[] = []
  for (let size = 0; size < blockSize; ) {
    const next = await iterator.next()
    if (next.done) break
    head.push(next.value)
    size += next.value.length
  }
  return { content: contentIn(concat(head).subarray(0, blockSize)), chunks: joined(head, iterator) }
}

function contentIn(head: Uint8Array): LayerContent {
  const [a, b, c, d] = head
  if (head.length === 0) return 'empty'
  if (head.length === blockSize && (isZero(head) || isHeader(head))) return 'tar'
  if (a === 0x1f && b === 0x8b) return 'gzip'
  const isFrame = a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd
  const isSkippable = a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18
  return isFrame || isSkippable ? 'zstd' : 'unknown'
}

async function* joined(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* head
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}
