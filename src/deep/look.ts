/** The look into a layer: unpacked, hashed and read to its end in one pass, with nothing kept but names. */

import type { CodecOptions } from '../codec/codec.ts'
import { identity } from '../codec/codec.ts'
import { gzipDecoder } from '../codec/gunzip.ts'
import { zstd } from '../codec/zstd.ts'
import { createHasher } from '../digest.ts'
import { isContentFault, OciError } from '../errors.ts'
import type { LayerCheck, LayerContent, LayerLooks, LayerReport, LookOptions } from '../fsck-layers.ts'
import { limitsWith } from '../limits.ts'
import type { Digest } from '../spec.ts'
import { contentOf } from './content.ts'
import { defaultLayerLimits, type LayerLimits } from './limits.ts'
import { Names } from './names.ts'
import { Notes } from './notes.ts'
import { checkTar } from './tar.ts'

/** Options of `layerCheck`. */
export interface LayerCheckOptions {
  readonly limits?: Partial<LayerLimits> | undefined
  /** Findings of one code and severity that are listed of one layer; the rest is counted. 10 unless given. */
  readonly maxFindings?: number | undefined
}

/**
 * What lets `fsck` look into the layers of images, as its option `deep`.
 *
 * Checked are: gzip and zstd, with their checksums, to the last byte; the tar's structure, and what lies behind its
 * end; paths that are there twice, lead out or lie below what is no folder; hard links and whiteouts of nothing; diffIDs;
 * and whether the media type says what the bytes are. A layer is unpacked by what its bytes are, whatever its type says.
 *
 * Layers stream by: only their names are held, bounded by `maxNamesSize`. A layer with more of them is still read, with
 * a warning that duplicates weren't looked for; where those of layers below aren't held, hard links and whiteouts of
 * nothing aren't.
 *
 * @example
 * const { ok, findings } = await fsck(storage, { deep: layerCheck() })
 */
export function layerCheck(options: LayerCheckOptions = {}): LayerCheck {
  const limits = limitsWith(defaultLayerLimits, options.limits)
  const { maxFindings = 10 } = options
  if (!Number.isInteger(maxFindings) || maxFindings < 1)
    throw new RangeError(`maxFindings must be a whole number above 0, not ${String(maxFindings)}`)
  // Made here: a window that isn't a size is a mistake of the call.
  const decoders = { gzip: gzipDecoder, zstd: zstd(limits) }
  return { begin: () => new Looks({ limits, maxFindings, decoders }) }
}

interface Plan {
  readonly limits: LayerLimits
  readonly maxFindings: number
  readonly decoders: Readonly<Record<'gzip' | 'zstd', typeof gzipDecoder>>
}

class Looks implements LayerLooks {
  readonly #plan: Plan
  /** Of the names of layers read before. */
  #held = 0

  constructor(plan: Plan) {
    this.#plan = plan
  }

  async look(source: AsyncIterable<Uint8Array>, options: LookOptions): Promise<LayerReport> {
    const { limits, maxFindings } = this.#plan
    const { algorithm, hashOnly = false, native, signal } = options
    const notes = new Notes(maxFindings)
    const { content, chunks } = await contentOf(source)
    const hasher = algorithm && (await createHasher(algorithm, native))
    const unpacked = new Unpacked(this.#decoded(content, chunks, { native, signal }), {
      max: limits.maxBytes,
      see: bytes => hasher?.update(bytes),
    })
    const diffId = (): Digest | undefined =>
      hasher && unpacked.isWhole ? `${algorithm}:${hasher.hex()}` : undefined
    if (hashOnly) {
      await noted(notes, () => unpacked.finish())
      return { content, diffId: diffId(), findings: [] }
    }
    const names = new Names(notes, limits)
    await noted(
      notes,
      () => checkTar(unpacked, { notes, names, limits, signal }),
      () => names.lose(),
    )
    // A tar that can't be read on may still be well compressed, and have its diffID.
    await noted(notes, () => unpacked.finish())
    names.end()
    const isHeld = names.isWhole && this.#held + names.size <= limits.maxNamesSize
    if (isHeld) this.#held += names.size
    return {
      content,
      diffId: diffId(),
      findings: notes.list(),
      find: isHeld ? names.find : undefined,
      // It holds the names, so it is bounded with them.
      over:
        isHeld && names.asksBelow
          ? (below, options) => names.over(below, { max: maxFindings, ...options })
          : undefined,
    }
  }

  #decoded(
    content: LayerContent,
    chunks: AsyncIterable<Uint8Array>,
    options: CodecOptions,
  ): AsyncIterable<Uint8Array> {
    const { gzip, zstd } = this.#plan.decoders
    const decoder = content === 'gzip' ? gzip : content === 'zstd' ? zstd : identity
    return decoder.decode(chunks, options)
  }
}

/** Runs a step; what it says against the layer is noted, all else is thrown. */
async function noted(notes: Notes, step: () => Promise<void>, onFault?: () => void): Promise<void> {
  try {
    await step()
  } catch (error) {
    if (!isContentFault(error)) throw error
    notes.fault(error)
    onFault?.()
  }
}

/** A layer's unpacked bytes, seen as they are read: by the tar's reader first, and then to their end. */
class Unpacked implements AsyncIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #max: number
  readonly #see: (bytes: Uint8Array) => void
  #size = 0
  #state: 'open' | 'whole' | 'broken' = 'open'

  constructor(
    source: AsyncIterable<Uint8Array>,
    { max, see }: { readonly max: number; readonly see: (bytes: Uint8Array) => void },
  ) {
    this.#source = source[Symbol.asyncIterator]()
    this.#max = max
    this.#see = see
  }

  /** All bytes were there, and sound. */
  get isWhole(): boolean {
    return this.#state === 'whole'
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#state !== 'open') return { done: true, value: undefined }
    // Whatever is thrown, what comes after it isn't known.
    this.#state = 'broken'
    const next = await this.#source.next()
    if (next.done) {
      this.#state = 'whole'
      return { done: true, value: undefined }
    }
    this.#size += next.value.length
    if (this.#size > this.#max) {
      await this.#source.return?.()
      throw new OciError('LIMIT_EXCEEDED', { limit: 'maxBytes', max: this.#max })
    }
    this.#see(next.value)
    this.#state = 'open'
    return { done: false, value: next.value }
  }

  /** Reads what the tar's reader has left. */
  async finish(): Promise<void> {
    while (!(await this.next()).done);
  }
}
