/** A layer built entry by entry: the tar writer over a layer that is being stored. */

import { type Layer, type LayerOptions, LayerWriter } from '../layer.ts'
import type { Layout } from '../layout.ts'
import type { StorageAdapter } from '../storage.ts'
import type { TarInput } from './input.ts'
import { encodeEntry, tarEnd } from './write.ts'

/**
 * Begins a layer that is built entry by entry.
 *
 * `writeLayer(tarSource(entries))` is simpler where all entries are at hand.
 *
 * @example
 * const writer = createTarLayer(dir, { codec: gzip() })
 * await writer.add({ path: 'etc/motd' }, 'hello\n')
 * const layer = await writer.complete()
 */
export function createTarLayer(layout: Layout<StorageAdapter>, options: LayerOptions = {}): TarLayerWriter {
  return new TarLayerWriter(layout, options)
}

/** A tar on its way into a layer. Nothing is visible before `complete`; whatever fails leaves nothing behind. */
export class TarLayerWriter {
  readonly #layer: LayerWriter
  readonly #sink: WritableStreamDefaultWriter<Uint8Array>
  readonly #options: LayerOptions
  /** Entries are written one after the other, whoever awaits them. */
  #added: Promise<void> = Promise.resolve()

  constructor(layout: Layout<StorageAdapter>, options: LayerOptions = {}) {
    this.#layer = new LayerWriter(layout, options)
    this.#sink = this.#layer.writable.getWriter()
    this.#options = options
  }

  /**
   * Adds an entry; resolves when its body was read. A `body` given here stands for the entry's own.
   *
   * Throws what `writeTar` throws, and what storing throws; the layer is discarded then.
   */
  add(entry: TarInput, body: TarInput['body'] = entry.body): Promise<void> {
    this.#added = this.#added.then(() => this.#append(encodeEntry({ ...entry, body }, this.#options)))
    // Who doesn't await it meets the failure in the next call, or in `complete`.
    this.#added.catch(() => {})
    return this.#added
  }

  /** Ends the tar and publishes the layer. Throws what a failed `add` threw. */
  async complete(): Promise<Layer> {
    await this.#added
    await this.#write(tarEnd())
    // Whatever ails it, the layer says.
    this.#sink.close().catch(() => {})
    return this.#layer.complete()
  }

  /** Drops what was written. Does nothing once the layer is stored. */
  discard(): Promise<void> {
    return this.#layer.discard()
  }

  async #append(entry: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of entry) await this.#write(chunk)
    } catch (error) {
      await this.#layer.discard()
      throw error
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#sink.write(bytes)
    } catch (error) {
      // The stream knows only that its reader went away; the layer knows why.
      await this.#layer.complete()
      throw error
    }
  }
}
