/** What fsck knows of the insides of layers: looked at by a value that is passed in, compared with their images here. */

import type { CodecOptions } from './codec/codec.ts'
import { type DigestAlgorithm, isVerifiable, verifiableAlgorithm } from './digest.ts'
import type { Finding } from './findings.ts'
import { imageOf, isSameAlgorithm } from './fsck-image.ts'
import { layerType } from './media-types.ts'
import type { Digest, JsonObject } from './spec.ts'
import { mostRemembered, Stacks } from './stacks.ts'
import type { AbortOptions } from './storage.ts'
import { isDescriptor, type Node } from './walk.ts'

/** How `fsck` looks into layers: `layerCheck()` of `ocidir/deep`. */
export interface LayerCheck {
  /** Begins the check of one layout. What is kept of its layers is kept as long as the result is held. */
  begin(): LayerLooks
}

/** The looks into the layers of one layout. */
export interface LayerLooks {
  /**
   * Looks at a layer's stored bytes while they stream by; it may leave the rest of them unread.
   *
   * What is wrong with the bytes is a finding of the report; it throws only what the source throws, and aborts.
   */
  look(chunks: AsyncIterable<Uint8Array>, options: LookOptions): Promise<LayerReport>
}

/** Options of a look into one layer. */
export interface LookOptions extends CodecOptions {
  /** What to hash the unpacked bytes by; they aren't hashed where it is absent. */
  readonly algorithm?: DigestAlgorithm | undefined
  /** All but the hash is known: the bytes are unpacked and hashed, and nothing is looked for or kept. */
  readonly hashOnly?: boolean | undefined
}

/** What a layer's bytes are, by their first ones. */
export type LayerContent = 'tar' | 'gzip' | 'zstd' | 'empty' | 'unknown'

/** A finding inside of a layer, before it is known where the layer stands. */
export type LayerFinding = Omit<Finding, 'path' | 'digest'>

/** What a look into a layer has shown. */
export interface LayerReport {
  readonly content: LayerContent
  /** The digest of the unpacked bytes; absent where they weren't all there, or weren't to be hashed. */
  readonly diffId?: Digest | undefined
  readonly findings: readonly LayerFinding[]
  /** Finds paths, those of whiteouts among them; absent where the names aren't held. */
  readonly find?: FindPath | undefined
  /** What is wrong with the layer on top of these; absent where nothing in it asks for what is below. */
  readonly over?:
    | ((below: readonly FindPath[], options: AbortOptions) => Promise<readonly LayerFinding[]>)
    | undefined
}

/** What stands at a path in a layer; the path's bytes are given as latin1. */
export type FindPath = (path: string) => 'folder' | 'other' | undefined

/** A manifest and what its config says of its layers. */
export interface LayeredImage {
  readonly node: Node
  readonly value: JsonObject
  /** Where it is right in number; and the config that lists them. */
  readonly diffIds?: { readonly listed: readonly string[]; readonly config: Node } | undefined
}

/** The layers of one layout: each looked into once, and compared with every image that has it. */
export class LayerInsides {
  readonly #looks: LayerLooks
  readonly #seen = new Map<string, Seen>()
  /** What was said: a layer that a thousand images share is at fault once. */
  readonly #told = new Set<string>()
  /** A layer is compared with each stack once. */
  readonly #stacks = new Stacks()
  /** What is below the next layer of the image that is visited. */
  #under: Under | undefined

  constructor(check: LayerCheck) {
    this.#looks = check.begin()
  }

  /** Tells whether a layer was looked at as this image needs it: diffIDs of another algorithm need a look of their own. */
  has(node: Node, image: LayeredImage): boolean {
    const seen = this.#seen.get(node.descriptor.digest)
    const algorithm = algorithmFor(node, image)
    return seen !== undefined && (algorithm === undefined || seen.diffIds.has(algorithm))
  }

  /** Looks at a layer of an image. */
  async look(chunks: AsyncIterable<Uint8Array>, look: ImageLook): Promise<void> {
    const { node, image, ...options } = look
    const algorithm = algorithmFor(node, image)
    const before = this.#seen.get(node.descriptor.digest)
    const report = await this.#looks.look(chunks, { ...options, algorithm, hashOnly: before !== undefined })
    const { diffId, ...first } = report
    const seen = before ?? { ...first, diffIds: new Map() }
    if (algorithm !== undefined) seen.diffIds.set(algorithm, diffId)
    this.#seen.set(node.descriptor.digest, seen)
  }

  /** What there is to say of a layer as a part of this image. */
  async *findings(node: Node, image: LayeredImage, options: AbortOptions): AsyncGenerator<Finding> {
    const { digest, mediaType } = node.descriptor
    const seen = this.#seen.get(digest)
    if (seen === undefined) return
    const place = { digest, path: node.path }
    if (this.#isNew(`${digest} ${mediaType}`)) yield* typeFindings(node, seen)
    // Said, they are held no longer.
    for (const found of seen.findings) yield { ...found, ...place }
    seen.findings = []
    yield* diffIdFindings(node, image, seen.diffIds)
    const below = seen.over && this.#below(node, image)
    if (below === undefined || !this.#isNew(`${digest} over ${below.key}`)) return
    for (const found of (await seen.over?.(below.finds, options)) ?? []) {
      // What is worth knowing is said once; an error makes this image wrong, whatever was said of others.
      const isWrong = found.severity === 'error'
      if (isWrong || this.#isNew(`${digest} ${found.code} ${found.offset}`))
        yield { ...found, ...place, ...(isWrong && imageOf(node)) }
    }
  }

  /** How paths are found in the layers below; `undefined` where the names of one of them aren't known. */
  #below(node: Node, { node: manifest, value }: LayeredImage): Under | undefined {
    if (this.#under?.manifest !== manifest)
      this.#under = { manifest, digests: new Set(), finds: [], key: 0, count: 0, isKnown: true }
    const under = this.#under
    const layers = Array.isArray(value.layers) ? value.layers : []
    // They come in order: each is looked at once, and one that is there a thousand times is kept once.
    for (; under.isKnown && under.count < indexOf(node); under.count++) {
      const layer = layers[under.count]
      const find = isDescriptor(layer) ? this.#seen.get(layer.digest)?.find : undefined
      if (find === undefined || !isDescriptor(layer)) under.isKnown = false
      else if (!under.digests.has(layer.digest)) {
        under.digests.add(layer.digest)
        under.finds.push(find)
        under.key = this.#stacks.on(under.key, layer.digest)
      }
    }
    return under.isKnown ? under : undefined
  }

  #isNew(key: string): boolean {
    if (this.#told.has(key)) return false
    // Beyond that it is rather said twice.
    if (this.#told.size < 2 * mostRemembered) this.#told.add(key)
    return true
  }
}

interface Seen extends Omit<LayerReport, 'diffId' | 'findings'> {
  /** What wasn't said yet. */
  findings: readonly LayerFinding[]
  /** By the algorithms that it was hashed by. */
  readonly diffIds: Map<DigestAlgorithm, Digest | undefined>
}

interface Under {
  readonly manifest: Node
  readonly digests: Set<string>
  readonly finds: FindPath[]
  /** The number of this stack. */
  key: number
  count: number
  isKnown: boolean
}

interface ImageLook extends CodecOptions {
  readonly node: Node
  readonly image: LayeredImage
}

function typeFindings(node: Node, { content }: Pick<LayerReport, 'content'>): Finding[] {
  const { mediaType, digest } = node.descriptor
  const compression = layerType(mediaType)?.compression
  // What should be a plain tar and isn't one either is told by the tar's own faults.
  const isCompressed = content === 'gzip' || content === 'zstd'
  if (compression === 'none' ? !isCompressed : compression === content) return []
  const said = compression === 'none' ? 'a plain tar' : compression
  const message = `by its type the layer is ${said}, by its bytes ${contents[content]}`
  return [
    { severity: 'error', code: 'LAYER_TYPE_MISMATCH', digest, ...imageOf(node), path: node.path, message },
  ]
}

const contents: Readonly<Record<LayerContent, string>> = {
  tar: 'a plain tar',
  gzip: 'gzip',
  zstd: 'zstd',
  empty: 'an empty file',
  unknown: 'neither gzip, zstd nor a tar',
}

function diffIdFindings(node: Node, image: LayeredImage, diffIds: Seen['diffIds']): Finding[] {
  const listed = diffIdOf(node, image)
  const config = image.diffIds?.config
  const algorithm = algorithmFor(node, image)
  const diffId = algorithm && diffIds.get(algorithm)
  if (listed === undefined || config === undefined || diffId === undefined) return []
  if (diffId === listed) return []
  const { digest } = node.descriptor
  const path = `${config.path}/rootfs/diff_ids/${indexOf(node)}`
  const message = `the layer unpacks to ${diffId}, its diffID is ${listed}`
  return [{ severity: 'error', code: 'DIFF_ID_MISMATCH', digest, ...imageOf(node), path, message }]
}

/** By what the unpacked bytes are to be hashed; not at all where the blob's own digest is compared already. */
function algorithmFor(node: Node, image: LayeredImage): DigestAlgorithm | undefined {
  const { digest, mediaType } = node.descriptor
  const diffId = diffIdOf(node, image)
  if (diffId === undefined) return undefined
  if (layerType(mediaType)?.compression === 'none' && isSameAlgorithm(diffId, digest)) return undefined
  return isVerifiable(diffId) ? verifiableAlgorithm(diffId) : undefined
}

function diffIdOf(node: Node, { diffIds }: LayeredImage): string | undefined {
  return diffIds?.listed[indexOf(node)]
}

/** Which layer of its manifest it is: its path ends in that. */
function indexOf({ path }: Node): number {
  return Number(path.slice(path.lastIndexOf('/') + 1))
}
