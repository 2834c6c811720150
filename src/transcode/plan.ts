/** What becomes other bytes in the graph below some entries, and what stays. */

import { type CopyPlan, planCopy } from '../copy/plan.ts'
import { isVerifiable } from '../digest.ts'
import { layersOf } from '../image.ts'
import type { Layer } from '../layer.ts'
import { type Layout, readConfig, readIndex, readManifest } from '../layout.ts'
import { isImageConfigType, layerType, manifestKind } from '../media-types.ts'
import type { Descriptor } from '../spec.ts'
import type { AbortOptions } from '../storage.ts'
import { keyOf } from '../walk.ts'
import { isToChange, type Recompression } from './layer.ts'

/**
 * A document that becomes another; it is read again then, for there may be many. Of a manifest, what each of its layers is
 * known by in the plan, nothing where it stays.
 */
export interface DocumentChange {
  readonly descriptor: Descriptor
  readonly layers?: readonly (string | undefined)[]
}

/** What is to be done. */
export interface TranscodePlan {
  /** Each layer once, however many images have it. */
  readonly layers: ReadonlyMap<string, Layer>
  /** Children before parents. */
  readonly changes: readonly DocumentChange[]
  /** Blobs that stay as they are, as a copy brings them. */
  readonly kept: CopyPlan
}

/**
 * Finds what has to change: layers of images, by their types. Everything else is kept, byte for byte.
 *
 * Throws `DOCUMENT_INVALID` for an image that lists more or fewer diffIDs than layers, and what `planCopy` throws.
 */
export async function planTranscode(
  from: Layout,
  entries: readonly Descriptor[],
  options: Recompression,
): Promise<TranscodePlan> {
  // It also has the documents judged, and their number and depth bounded.
  const all = await planCopy(from, entries, options)
  const planner = new Planner(from, all.absent, options)
  for (const entry of entries) await planner.visit(entry)
  const { layers, changes, kept } = planner
  const stages = all.stages.map(stage => stage.filter(({ digest }) => kept.has(digest)))
  return { layers, changes, kept: { stages, absent: all.absent } }
}

class Planner {
  readonly layers = new Map<string, Layer>()
  readonly changes: DocumentChange[] = []
  readonly kept = new Set<string>()
  readonly #from: Layout
  readonly #absent: ReadonlySet<string>
  readonly #options: Recompression
  readonly #seen = new Map<string, boolean>()

  constructor(from: Layout, absent: readonly Descriptor[], options: Recompression) {
    this.#from = from
    this.#absent = new Set(absent.map(({ digest }) => digest))
    this.#options = options
  }

  /** Gives whether the document becomes another. */
  async visit({ mediaType, digest, size }: Descriptor): Promise<boolean> {
    const descriptor = { mediaType, digest, size }
    const known = this.#seen.get(keyOf(descriptor))
    if (known !== undefined) return known
    const change = this.#absent.has(digest) ? undefined : await this.#changeOf(descriptor)
    if (change === undefined) this.kept.add(digest)
    else this.changes.push(change)
    this.#seen.set(keyOf(descriptor), change !== undefined)
    return change !== undefined
  }

  async #changeOf(descriptor: Descriptor): Promise<DocumentChange | undefined> {
    const { signal } = this.#options
    if (!isVerifiable(descriptor.digest)) {
      // Nobody could give it another name: it stays as it is, with all that is below.
      const { stages } = await planCopy(this.#from, [descriptor], { signal })
      for (const { digest } of stages.flat()) this.kept.add(digest)
      return undefined
    }
    switch (manifestKind(descriptor.mediaType)) {
      case 'index':
        return this.#indexChange(descriptor, { signal })
      case 'manifest':
        return this.#manifestChange(descriptor, { signal })
      default:
        return undefined
    }
  }

  async #indexChange(descriptor: Descriptor, options: AbortOptions): Promise<DocumentChange | undefined> {
    const { value } = await readIndex(this.#from, descriptor, options)
    let isChanged = false
    for (const child of value.manifests) if (await this.visit(child)) isChanged = true
    return isChanged ? { descriptor } : undefined
  }

  async #manifestChange(descriptor: Descriptor, options: AbortOptions): Promise<DocumentChange | undefined> {
    const manifest = await readManifest(this.#from, descriptor, options)
    const { value } = manifest
    this.kept.add(value.config.digest)
    // An artifact's layers may be anything, whatever they are called: oras calls a text file a layer.
    const isImage = isImageConfigType(value.config.mediaType)
    const changing = value.layers.map(layer => isImage && this.#isToChange(layer))
    for (const [i, { digest }] of value.layers.entries()) if (!changing[i]) this.kept.add(digest)
    if (!changing.includes(true)) return undefined
    const config = await readConfig(this.#from, value.config, options)
    const layers = layersOf({ manifest, config }).map((layer, i) =>
      changing[i] ? this.#planned(layer) : undefined,
    )
    return { descriptor, layers }
  }

  #isToChange(layer: Descriptor): boolean {
    const type = layerType(layer.mediaType)
    // Foreign layers lie elsewhere, and what may be done with them their owner says (T7).
    return type !== undefined && !type.foreign && isToChange(layer, this.#options)
  }

  /** By its diffID too: where two images say that one layer unpacks to different things, one of them is refused. */
  #planned(layer: Layer): string {
    const { descriptor, diffId } = layer
    const { digest, size, mediaType } = descriptor
    // A blob may be a layer by Docker's type and by OCI's.
    const key = `${digest} ${size} ${layerType(mediaType)?.compression} ${diffId}`
    if (!this.layers.has(key)) this.layers.set(key, layer)
    return key
  }
}
