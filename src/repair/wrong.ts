/** What fsck's errors mean for the documents of a layout as it is now: which of them can't be used. */

import { findBlob } from '../blob.ts'
import { pace } from '../codec/pace.ts'
import { blobPath, isContent, isVerifiable, verifiableAlgorithm } from '../digest.ts'
import { embeddedBytes } from '../document.ts'
import type { FindingCode } from '../findings.ts'
import type { Fault } from '../fsck.ts'
import { readDocument } from '../layout.ts'
import { isImageConfigType, layerType } from '../media-types.ts'
import type { Descriptor } from '../spec.ts'
import { Stacks } from '../stacks.ts'
import { keyOf, type Node } from '../walk.ts'
import { digestsOf } from './keep.ts'
import { nodesOf } from './nodes.ts'
import { unlessFaulty, type Work } from './work.ts'

/** What the errors come to. */
export interface Wrong {
  /** The entries of index.json that reach what can't be used, by `keyOf`. */
  readonly entries: ReadonlySet<string>
  /** Something was made whole since it was found wrong. */
  readonly isStale: boolean
}

/**
 * Findings are old by now: where one said something stands another entry may be, and what was missing may have come. So
 * digests count, not places, and what is said of blobs is looked at again. One that is told once is looked for wherever
 * the same blob is read in the same way, and nowhere else: what makes no config is good enough for an artifact.
 */
export async function wrongOf(work: Work, faults: readonly Fault[]): Promise<Wrong> {
  const wrong = new Wrongs(work, faults)
  const turn = pace(work)
  for await (const node of nodesOf(work)) {
    await turn()
    if (node.role !== 'subject') await wrong.meet(node)
  }
  return wrong.judge()
}

/** What whoever names a blob says of it, and the blob doesn't. */
const namersFaults: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'SIZE_MISMATCH',
  'MEDIA_TYPE_UNEXPECTED',
  'DATA_MISMATCH',
])

/** What doesn't fit together in one image: in another one its layers and its config may be as good as any. */
const imagesFaults: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'DIFF_IDS_COUNT',
  'DIFF_ID_MISMATCH',
  'LAYER_TYPE_MISMATCH',
  'HARDLINK_DANGLING',
])

class Wrongs {
  readonly #work: Work
  /** Blobs that are missing or altered, whoever names them. */
  readonly #broken = new Map<string, Set<FindingCode>>()
  /** Blobs that can't be read in a certain way. */
  readonly #unreadable = new Set<string>()
  /** Blobs whose descriptors may be wrong. */
  readonly #misnamed = new Map<string, Set<FindingCode>>()
  /** By a layer and a code: the images of which it was told. */
  readonly #unfit = new Map<string, Map<FindingCode, Set<string>>>()
  /** Images that don't fit together, by digest, with the blobs that don't fit. */
  readonly #unfitImages = new Map<string, Set<string>>()
  /** What a blob is, of which a descriptor may say something else. */
  readonly #known = new Map<string, Promise<unknown>>()
  readonly #met = new Set<string>()
  readonly #entries = new Set<string>()
  /** Who lists a document. */
  readonly #holders = new Map<string, Set<string>>()
  readonly #wrong = new Set<string>()
  /** By a blob: the documents that can't be used if it is still as it was found. */
  readonly #suspects = new Map<string, Set<string>>()
  /** Images in which a layer stands alike: all of them are wrong where one is. */
  readonly #alike = new Map<string, Alike>()
  readonly #stacks = new Stacks()
  #manifest: Manifest = { node: undefined, isImage: false, stack: 0, layers: new Set() }

  constructor(work: Work, faults: readonly Fault[]) {
    this.#work = work
    for (const { finding, node, isOfImage } of faults) {
      const { code, image } = finding
      const { digest } = node.descriptor
      if (saysNothing(code)) continue
      if (code === 'BLOB_MISSING' || code === 'DIGEST_MISMATCH') add(this.#broken, digest, code)
      else if (imagesFaults.has(code) && image !== undefined)
        this.#addUnfit(finding.digest ?? digest, code, image)
      else if (namersFaults.has(code) && finding.path === node.path) add(this.#misnamed, digest, code)
      else this.#unreadable.add(mannerOf(node, isOfImage))
    }
  }

  #addUnfit(blob: string, code: FindingCode, image: string): void {
    // Told of each image; of the others once for all that are alike.
    if (code === 'DIFF_IDS_COUNT' || code === 'DIFF_ID_MISMATCH') {
      add(this.#unfitImages, image, blob)
      return
    }
    const codes = this.#unfit.get(blob) ?? new Map<FindingCode, Set<string>>()
    add(codes, code, image)
    this.#unfit.set(blob, codes)
  }

  /** Takes a descriptor of the layout as it is now. */
  async meet(node: Node): Promise<void> {
    const { descriptor, parent, role, depth } = node
    const { digest, mediaType, urls } = descriptor
    this.#enter(node)
    const own = keyOf(descriptor)
    const holder = parent === undefined ? own : keyOf(parent.descriptor)
    // A blob that is no document makes its holder wrong.
    const key = role === 'entry' ? own : holder
    if (parent === undefined) this.#entries.add(own)
    const broken = this.#broken.get(digest)
    // As in fsck: a sparse index may name what isn't here, and so may who says where else it is.
    const mayLack = (role === 'entry' && depth > 0) || (layerType(mediaType)?.foreign && urls?.length)
    if (mayLack && broken !== undefined && !broken.has('DIGEST_MISMATCH')) return
    if (broken !== undefined) add(this.#suspects, digest, key)
    if (parent !== undefined && role === 'entry') add(this.#holders, own, holder)
    if (this.#unreadable.has(mannerOf(node, this.#manifest.isImage))) add(this.#suspects, digest, key)
    for (const code of this.#misnamed.get(digest) ?? [])
      if (await this.#isMisnamed(descriptor, code)) this.#wrong.add(holder)
    if (role === 'entry' && !this.#met.has(own)) {
      for (const blob of this.#unfitImages.get(digest) ?? []) add(this.#suspects, blob, own)
      this.#met.add(own)
    }
    if (role === 'layer' && this.#manifest.isImage) this.#meetLayer(node, holder)
  }

  /** What a manifest holds comes right behind each other, its config first. */
  #enter({ parent, role, descriptor }: Node): void {
    if (parent !== undefined && this.#manifest.node !== parent)
      this.#manifest = { node: parent, isImage: false, stack: 0, layers: new Set() }
    if (role === 'config') this.#manifest.isImage = isImageConfigType(descriptor.mediaType)
  }

  #meetLayer({ parent, descriptor }: Node, key: string): void {
    const { digest, mediaType } = descriptor
    if (layerType(mediaType) === undefined) return
    for (const [code, images] of this.#unfit.get(digest) ?? []) {
      const manner = `${code} ${digest} ${code === 'HARDLINK_DANGLING' ? this.#manifest.stack : mediaType}`
      const alike = this.#alike.get(manner) ?? { digest, keys: new Set<string>(), isWrong: false }
      alike.keys.add(key)
      alike.isWrong ||= parent !== undefined && images.has(parent.descriptor.digest)
      this.#alike.set(manner, alike)
    }
    if (this.#manifest.layers.has(digest)) return
    this.#manifest.layers.add(digest)
    if (this.#unfit.size > 0) this.#manifest.stack = this.#stacks.on(this.#manifest.stack, digest)
  }

  async #isMisnamed(descriptor: Descriptor, code: FindingCode): Promise<boolean> {
    const { digest, size, data, mediaType } = descriptor
    if (code === 'SIZE_MISMATCH')
      return size !== (await this.#once(`size ${digest}`, () => this.#sizeOf(digest)))
    if (code === 'MEDIA_TYPE_UNEXPECTED') {
      const own = await this.#once(`type ${digest} ${size}`, () => this.#typeOf(descriptor))
      return typeof own === 'string' && own !== '' && own !== mediaType
    }
    if (typeof data !== 'string') return false
    const bytes = embeddedBytes(data)
    return bytes.length !== size || !(await isContent(bytes, digest))
  }

  #once(key: string, find: () => Promise<unknown>): Promise<unknown> {
    const found = this.#known.get(key) ?? find()
    this.#known.set(key, found)
    return found
  }

  async #sizeOf(digest: string): Promise<number | undefined> {
    return (await unlessFaulty(findBlob(this.#work.layout.places, digest, this.#work)))?.size
  }

  async #typeOf(descriptor: Descriptor): Promise<unknown> {
    return (await unlessFaulty(readDocument(this.#work.layout, descriptor, this.#work)))?.value.mediaType
  }

  async judge(): Promise<Wrong> {
    // What was missing or altered may be good by now: then all that was said of it was said of other bytes.
    const whole = new Set<string>()
    for (const digest of this.#broken.keys()) if (await this.#isWhole(digest)) whole.add(digest)
    for (const { digest, keys, isWrong } of this.#alike.values())
      if (isWrong) for (const key of keys) add(this.#suspects, digest, key)
    for (const [digest, keys] of this.#suspects)
      if (!whole.has(digest)) for (const key of keys) this.#wrong.add(key)
    // A set's iterator also gives what is added on the way.
    for (const key of this.#wrong) for (const holder of this.#holders.get(key) ?? []) this.#wrong.add(holder)
    const entries = new Set([...this.#entries].filter(key => this.#wrong.has(key)))
    return { entries, isStale: whole.size > 0 }
  }

  async #isWhole(digest: string): Promise<boolean> {
    if (!isVerifiable(digest)) return (await this.#sizeOf(digest)) !== undefined
    const file = await unlessFaulty(findBlob(this.#work.layout.places, digest, this.#work))
    if (file === undefined) return false
    return (await digestsOf(this.#work, file, blobPath(digest)))[verifiableAlgorithm(digest)] === digest
  }
}

interface Alike {
  readonly digest: string
  readonly keys: Set<string>
  isWrong: boolean
}

/** The manifest whose config and layers are being met. */
interface Manifest {
  readonly node: Node | undefined
  isImage: boolean
  /** The layers below the next one, each counted once as in fsck. */
  stack: number
  readonly layers: Set<string>
}

/** How a blob is read: by role, size and type, and as a layer of an image or of anything else. */
function mannerOf({ role, descriptor }: Node, isOfImage: boolean): string {
  return `${role} ${keyOf(descriptor)} ${role === 'layer' && isOfImage}`
}

function add<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

/** A medium that failed, or a bound of the caller's: the blob may be as good as any. */
function saysNothing(code: FindingCode): boolean {
  return code.startsWith('STORAGE_') || code === 'LIMIT_EXCEEDED'
}
