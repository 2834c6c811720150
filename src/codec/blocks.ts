/** Cuts any chunks into fixed blocks, and has several compressed at once. */

import { type BlockJob, type ModuleNote, mostGrowth } from '../jobs.ts'
import { inOrder, OwnSignals } from '../parallel.ts'
import { chunksOf, orAborted } from '../streams.ts'
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
  /** Makes what is given out of a block and what it was compressed to, in a room for it; that itself unless given. */
  finish?(compressed: Uint8Array, block: Uint8Array, room: (size: number) => Uint8Array): Uint8Array
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
  const signals = new OwnSignals(signal)
  let number = 0
  let notes: Promise<readonly ModuleNote[]> | undefined
  const byWorker = async (job: BlockJob, take: Take): Promise<Uint8Array | undefined> => {
    if (pool === undefined || pool.size === 0) return undefined
    notes ??= orAborted(notesOf(options.modules), signal)
    return pool.compress(job, await notes, { signals, take })
  }
  const work = async ({ buffer, dictionary, block, last }: InputBlock): Promise<OutputBlock> => {
    const job: BlockJob = { kind, level, block, dictionary, last, number: number++ }
    const isAlone = last && job.number === 0 && block.length <= mostAlone
    // The block has been read by then.
    const room = (size: number): Uint8Array =>
      options.lend && size <= buffer.length ? buffer.subarray(0, size) : new Uint8Array(size)
    const take: Take = made => {
      if (options.finish !== undefined) return options.finish(made, block, room)
      const bytes = room(made.length)
      bytes.set(made)
      return bytes
    }
    let finished = isAlone ? undefined : await byWorker(job, take)
    if (finished === undefined) {
      await turn()
      signals.throwIfAborted()
      finished = await orAborted(here.compress(job, take), signal)
    }
    return { finished, buffer }
  }
  const mayTake = async (begun: number): Promise<boolean> => {
    if (begun < ahead) return true
    if (pool === undefined || notes === undefined) return false
    // The blocks begun have waited for them too, and longer: they have taken their room when this goes on.
    await notes
    return pool.hasRoom && begun <= 2 * pool.size
  }
  try {
    for await (const { finished, buffer } of inOrder(cut(source, options, spare), work, mayTake)) {
      yield finished
      spare.push(buffer)
    }
  } finally {
    // Whoever stops early wants none of those that were begun.
    signals.abort(new DOMException('nobody reads any more', 'AbortError'))
    signals.end()
  }
}

type Take = (made: Uint8Array) => Uint8Array

/** Bytes of a source of one block for which no worker is asked: they take this thread a frame or two. */
const mostAlone = 262_144

/** The modules that a worker needs for this kind of block; it does without where they can't be had. */
async function notesOf(modules: BlockWork['modules'] = {}): Promise<readonly ModuleNote[]> {
  const notes: ModuleNote[] = []
  for (const name of ['zlib', 'zstd'] as const) {
    const load = modules[name]
    if (load === undefined) continue
    const module = await load().catch(() => undefined)
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

interface OutputBlock {
  readonly finished: Uint8Array
  /** The block's, of which `finished` may be a view. */
  readonly buffer: Uint8Array
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
  const room = dictionarySize + blockSize + mostGrowth
  let buffer: Uint8Array = new Uint8Array(room)
  let filled = 0
  const view = (last: boolean): InputBlock => {
    const block = buffer.subarray(dictionarySize, dictionarySize + filled)
    onBlock?.(block)
    return { buffer, dictionary: buffer.subarray(dictionarySize - before, dictionarySize), block, last }
  }
  for await (const chunk of chunksOf(source, { signal })) {
    for (let taken = 0; taken < chunk.length; ) {
      if (filled === blockSize) {
        tail.set(buffer.subarray(blockSize, blockSize + dictionarySize))
        yield view(false)
        buffer = spare.pop() ?? new Uint8Array(room)
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
