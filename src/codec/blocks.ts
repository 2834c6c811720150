/** Cuts any chunks into fixed blocks, and has several compressed at once. */

import type { BlockJob, ModuleNote } from '../jobs.ts'
import { inOrder } from '../parallel.ts'
import { chunksOf } from '../streams.ts'
import type { CodecOptions } from './codec.ts'
import { pace } from './pace.ts'

/** Compresses one block after another, and checks each. */
export interface BlockCompressor {
  /** Gives what `take` makes of the compressed block, whose memory is used again afterwards. */
  compress<T>(job: BlockJob, take: (made: Uint8Array) => T): Promise<T>
}

/** How a stream is cut. */
export interface BlockShape {
  /** Input bytes of a block. */
  readonly blockSize: number
  /** Bytes before a block that its matches may reach back to. */
  readonly dictionarySize: number
}

/** How its blocks are compressed, and what sees them on the way. */
export interface BlockWork extends CodecOptions, BlockShape {
  /** What compresses on the calling thread. */
  readonly here: BlockCompressor
  readonly kind: BlockJob['kind']
  readonly level: number
  /** What gives the modules that workers need for it. */
  readonly modules?: { readonly [Name in ModuleNote['name']]?: () => Promise<WebAssembly.Module> } | undefined
  /** How many may be compressed at once where the calling thread doesn't do it by itself: 1 unless given. */
  readonly ahead?: number | undefined
  /** Called with each block, in their order, before it is compressed. */
  onBlock?(block: Uint8Array): void
  /** Makes what is given out of a block and what it was compressed to: that itself unless given. */
  finish?(compressed: Uint8Array, block: Uint8Array): Uint8Array
}

/**
 * The compressed blocks of a source, in their order. By the pool's workers where there are some and the source is longer
 * than a block; they have two blocks each, and one is being read. Beside other streams of the pool it is one block alone.
 */
export async function* compressBlocks(
  source: AsyncIterable<Uint8Array>,
  options: BlockWork,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { here, kind, level, ahead = 1, pool, signal } = options
  const turn = pace({ signal })
  const spare: Uint8Array[] = []
  let number = 0
  const work = async ({ buffer, dictionary, block, last }: InputBlock): Promise<Uint8Array> => {
    const job: BlockJob = { kind, level, block, dictionary, last, number: number++ }
    const isAlone = last && job.number === 0
    const made = isAlone ? undefined : await pool?.compress(job, await notesOf(options.modules), { signal })
    if (made === undefined) await turn()
    const compressed = made ?? (await here.compress(job, bytes => bytes.slice()))
    const finished = options.finish?.(compressed, block) ?? compressed
    spare.push(buffer)
    return finished
  }
  const mayTake = (begun: number): boolean =>
    begun < ahead || (pool?.hasRoom === true && begun <= 2 * pool.size)
  yield* inOrder(cut(source, options, spare), work, mayTake)
}

/** The modules that a worker needs for this kind of block; it does without where they can't be had. */
async function notesOf(modules: BlockWork['modules']): Promise<readonly ModuleNote[]> {
  const notes: ModuleNote[] = []
  for (const name of ['zlib', 'zstd'] as const) {
    const module = await modules?.[name]?.().catch(() => undefined)
    if (module !== undefined) notes.push({ kind: 'module', name, module })
  }
  return notes
}

interface InputBlock {
  /** What `dictionary` and `block` are views of. */
  readonly buffer: Uint8Array
  readonly dictionary: Uint8Array
  readonly block: Uint8Array
  readonly last: boolean
}

/**
 * The blocks of a source. A full one is held back until a byte comes after it: only the last block ends the stream, so an
 * input of exact blocks has no empty one behind them, and only an empty input gives an empty block. Buffers come from
 * `spare` where some are there.
 */
async function* cut(
  source: AsyncIterable<Uint8Array>,
  { blockSize, dictionarySize, signal, onBlock }: BlockWork,
  spare: Uint8Array[],
): AsyncGenerator<InputBlock, void, undefined> {
  // Apart from the block: that one may be done, and its buffer in use again, when the next is begun.
  const tail = new Uint8Array(dictionarySize)
  let before = 0
  let buffer: Uint8Array = new Uint8Array(dictionarySize + blockSize)
  let filled = 0
  const view = (last: boolean): InputBlock => {
    const block = buffer.subarray(dictionarySize, dictionarySize + filled)
    onBlock?.(block)
    return { buffer, dictionary: buffer.subarray(dictionarySize - before, dictionarySize), block, last }
  }
  for await (const chunk of chunksOf(source, { signal })) {
    for (let taken = 0; taken < chunk.length; ) {
      if (filled === blockSize) {
        tail.set(buffer.subarray(blockSize))
        yield view(false)
        buffer = spare.pop() ?? new Uint8Array(dictionarySize + blockSize)
        buffer.set(tail)
        before = dictionarySize
        filled = 0
      }
      const piece = chunk.subarray(taken, taken + blockSize - filled)
      buffer.set(piece, dictionarySize + filled)
      filled += piece.length
      taken += piece.length
    }
  }
  yield view(true)
}
