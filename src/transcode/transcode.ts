/** Images in another compression: the same tars and configs, new blobs and manifests, then one edit of index.json. */

import { findBlob } from '../blob.ts'
import { canonicalJson } from '../canonical-json.ts'
import type { Route } from '../copy/blob.ts'
import { type ChoiceOptions, checkChoice, chosenOf } from '../copy/choice.ts'
import type { CopyResult } from '../copy/copy.ts'
import { CopyTally } from '../copy/tally.ts'
import { isVerifiable } from '../digest.ts'
import { editIndex, unnamed, withEntries } from '../index-json.ts'
import type { Layer } from '../layer.ts'
import { type Layout, readIndex, readManifest } from '../layout.ts'
import { type ConcurrencyOptions, checkConcurrency, inParallel } from '../parallel.ts'
import { atSteadyPace, type Progress } from '../progress.ts'
import { ownPaths, publishAll } from '../publish.ts'
import type { Image } from '../resolve.ts'
import type { Descriptor, ImageIndex } from '../spec.ts'
import type { StorageAdapter } from '../storage.ts'
import { keyOf } from '../walk.ts'
import { writeDocument } from '../write-image.ts'
import { indexWith, manifestWith, type NewDocument, renewedEntry } from './documents.ts'
import { type Recompression, transcodeOn } from './layer.ts'
import { type DocumentChange, planTranscode, type TranscodePlan } from './plan.ts'

/** Options of `transcode`. What is chosen of a layout, and the name, are as `copy` has them. */
export interface TranscodeOptions
  extends Omit<ChoiceOptions, 'referrers'>,
    Recompression,
    ConcurrencyOptions {}

/** A layer that was compressed anew. Of its types, Docker's or OCI's, each manifest has the one that fits it. */
export interface TranscodedLayer {
  readonly before: Descriptor
  readonly after: Layer
}

/** What came of it; the counts are of blobs that came as they were. */
export interface TranscodeResult extends CopyResult {
  /** Each once, however many images have it. */
  readonly layers: readonly TranscodedLayer[]
}

/**
 * Gives the layers of images another compression: of an image, or of a layout or parts of it, into the same layout or
 * another. Tars, diffIDs and configs stay byte for byte, and an index keeps its order and its other children.
 *
 * Only layers change whose type is a layer's, and in images alone: artifacts, foreign layers and what has the compression
 * already (`recompress`) are brought as `copy` brings them. Every layer that is unpacked is checked against its config's
 * diffID. In a manifest only what its layers' descriptors say of their bytes changes; but a Docker manifest, and the list
 * around it, becomes OCI's where Docker has no such layers (zstd).
 *
 * A name goes along as with `copy`, but within one layout only `as` gives one: without it the new image is listed unnamed
 * and the old one keeps its name. What refers to the old image (signatures, attestations) goes on referring to it.
 *
 * `onProgress` counts bytes of copied blobs and uncompressed bytes of the others, whose total nobody knows. Throws
 * `CODEC_MISSING`, `DIFF_ID_MISMATCH`, `DOCUMENT_INVALID`, and what `copy` throws; then index.json is as it was, and of
 * blobs only whole ones are left, for the next try or `gc`.
 *
 * @example
 * await transcode(dir, dir, { refs: ['app:1'], as: 'app:1-plain', codec: identity, codecs: [gzip(), zstd()] })
 */
export async function transcode(
  source: Image | Layout,
  target: Layout<StorageAdapter>,
  options: TranscodeOptions,
): Promise<TranscodeResult> {
  checkConcurrency(options)
  checkChoice(source, options)
  const from = 'manifest' in source ? source.layout : source
  const chosen = await chosenOf(source, options)
  const plan = await planTranscode(from, chosen, options)
  return atSteadyPace(options, paced => transcodeAll({ from, to: target }, { chosen, plan }, paced))
}

async function transcodeAll(
  route: Route,
  { chosen, plan }: { readonly chosen: readonly Descriptor[]; readonly plan: TranscodePlan },
  options: TranscodeOptions,
): Promise<TranscodeResult> {
  const { from, to: target } = route
  const work = new Transcoding(route, plan, options)
  const keepsNames = options.as !== undefined || from.storage !== target.storage
  let entries: readonly Descriptor[] = []
  await publishAll({
    brings: work.brings,
    bring: () => work.bring(),
    async name() {
      const { signal } = options
      const renewed = chosen.map(entry => work.renewed(entry))
      const requires = await ownPaths(target, work.blobs(), { signal })
      const edit = (index: ImageIndex): ImageIndex => {
        entries = keepsNames ? renewed : withoutNewNames(renewed, index)
        return withEntries(index, entries)
      }
      await editIndex(target, edit, { requires, signal })
    },
  })
  return { entries, ...work.result() }
}

/** Entries that take no name from another: only those that stand in the index already have theirs. */
function withoutNewNames(entries: readonly Descriptor[], index: ImageIndex): Descriptor[] {
  const listed = new Set(index.manifests.map(canonicalJson))
  return entries.map(entry => (listed.has(canonicalJson(entry)) ? entry : unnamed(entry)))
}

/** Layers, blobs and documents on their way. What was done is done again only where it was taken away meanwhile. */
class Transcoding {
  /** Digests that `bring` can bring again. */
  readonly brings = new Set<string>()
  readonly #route: Route
  readonly #plan: TranscodePlan
  readonly #options: TranscodeOptions
  readonly #tally: CopyTally
  readonly #layers = new Map<string, Layer>()
  readonly #renewed = new Map<string, Descriptor>()
  /** Documents whose layers came out as they were. */
  readonly #same = new Map<string, Descriptor>()
  readonly #passed = new Map<string, number>()
  #copied = 0

  constructor(route: Route, plan: TranscodePlan, options: TranscodeOptions) {
    this.#route = route
    this.#plan = plan
    this.#options = options
    const onProgress = ({ bytes }: Progress): void => {
      this.#copied = bytes
      this.#tell()
    }
    this.#tally = new CopyTally(plan.kept.stages.flat(), { onProgress })
  }

  async bring(): Promise<void> {
    const { layers, changes, kept } = this.#plan
    await inParallel(layers, ([key, layer], signal) => this.#transcode(key, layer, signal), this.#options)
    for (const stage of kept.stages) await this.#copy(stage)
    for (const change of changes) await this.#write(change)
    await this.#copy(this.#same.values())
    for (const { digest } of this.blobs()) this.brings.add(digest)
  }

  /** What an entry has become. */
  renewed(entry: Descriptor): Descriptor {
    return renewedEntry(entry, this.#renewed)
  }

  /** All blobs that the new entries reach. */
  blobs(): Descriptor[] {
    const layers = [...this.#layers.values()].map(({ descriptor }) => descriptor)
    return [...layers, ...this.#plan.kept.stages.flat(), ...this.#renewed.values(), ...this.#same.values()]
  }

  result(): Omit<TranscodeResult, 'entries'> {
    const { stages, absent } = this.#plan.kept
    const layers = [...this.#plan.layers].flatMap(([key, { descriptor: before }]) => {
      const after = this.#layers.get(key)
      return after === undefined ? [] : [{ before, after }]
    })
    const unverified = stages.flat().filter(({ digest }) => !isVerifiable(digest))
    return { ...this.#tally.counts(), unverified, absent, layers }
  }

  async #transcode(key: string, layer: Layer, signal: AbortSignal): Promise<void> {
    if (await this.#isThere(this.#layers.get(key)?.descriptor, signal)) return
    const onProgress = ({ bytes }: Progress): void => {
      this.#passed.set(key, Math.max(bytes, this.#passed.get(key) ?? 0))
      this.#tell()
    }
    const options = { ...this.#options, recompress: true, signal, onProgress }
    this.#layers.set(key, await transcodeOn(this.#route, layer, options))
  }

  async #isThere(blob: Descriptor | undefined, signal: AbortSignal): Promise<boolean> {
    if (blob === undefined) return false
    return (await findBlob(this.#route.to.places, blob.digest, { signal }))?.size === blob.size
  }

  async #copy(blobs: Iterable<Descriptor>): Promise<void> {
    await inParallel(blobs, (blob, signal) => this.#tally.copy(this.#route, blob, signal), this.#options)
  }

  async #write(change: DocumentChange): Promise<void> {
    const { descriptor } = change
    const next = await this.#next(change)
    if (next === undefined) this.#same.set(keyOf(descriptor), descriptor)
    else {
      const { signal } = this.#options
      const written = await writeDocument(this.#route.to, next.value, { mediaType: next.mediaType, signal })
      this.#renewed.set(keyOf(descriptor), written.descriptor)
    }
  }

  async #next({ descriptor, layers: keys }: DocumentChange): Promise<NewDocument | undefined> {
    const { signal, codec } = this.#options
    const { from } = this.#route
    if (keys === undefined) return indexWith(await readIndex(from, descriptor, { signal }), this.#renewed)
    const layers = keys.map(key => this.#layers.get(key ?? ''))
    return manifestWith(await readManifest(from, descriptor, { signal }), layers, codec)
  }

  #tell(): void {
    let bytes = this.#copied
    for (const passed of this.#passed.values()) bytes += passed
    this.#options.onProgress?.({ bytes })
  }
}
