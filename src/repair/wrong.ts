/** What fsck's errors mean for the documents of a layout as it is now: which of them can't be used. */

import { findBlob } from '../blob.ts'
import { blobPath, isContent, isVerifiable, verifiableAlgorithm } from '../digest.ts'
import { embeddedBytes } from '../document.ts'
import type { Finding, FindingCode } from '../findings.ts'
import { readDocument } from '../layout.ts'
import type { Descriptor } from '../spec.ts'
import { Stacks } from '../stacks.ts'
import { keyOf, type Node } from '../walk.ts'
import { digestsOf } from './keep.ts'
import { nodesOf } from './nodes.ts'
import { unlessFaulty, type Work } from './work.ts'

/**
 * The entries of index.json that reach what can't be used, by `keyOf`.
 *
 * Findings are old by now: where one said something stands another entry may be, and what was missing may have come. So
 * only digests count, and what a finding says of them is looked at again. It is told once of all that are alike, too.
 */
export async function wrongEntries(work: Work, findings: readonly Finding[]): Promise<ReadonlySet<string>> {
  const faults = new Faults(work, findings)
  if (faults.none) return new Set()
  for await (const node of nodesOf(work)) if (node.role !== 'subject') await faults.meet(node)
  await faults.lookAgain()
  return faults.entries()
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

/** What a blob is or isn't, which a writer can change. */
const blobsFaults: ReadonlySet<FindingCode> = new Set<FindingCode>(['BLOB_MISSING', 'DIGEST_MISMATCH'])

/** Where a descriptor stands; what is told of a longer path is inside of its blob. */
const descriptorPath = /\/(?:manifests\/\d+|layers\/\d+|config)$/

class Faults {
  readonly #work: Work
  /** Blobs that are wrong by themselves, and how. */
  readonly #broken = new Map<string, FindingCode>()
  /** Blobs whose descriptors may be wrong. */
  readonly #misnamed = new Map<string, Set<FindingCode>>()
  /** By a layer: of what images something was told that may be so of others. */
  readonly #unfit = new Map<string, { readonly code: FindingCode; readonly image: string }[]>()
  /** What a blob is, of which a descriptor may say something else. */
  readonly #known = new Map<string, Promise<unknown>>()
  /** Documents, by key, that can't be used; and who lists a document. */
  readonly #wrong = new Set<string>()
  readonly #holders = new Map<string, Set<string>>()
  readonly #entries = new Set<string>()
  readonly #namingBroken: { readonly digest: string; readonly key: string }[] = []
  /** Images in which a layer stands alike: all of them are wrong where one is. */
  readonly #alike = new Map<string, { readonly keys: string[]; isWrong: boolean }>()
  readonly #wrongImages = new Set<string>()
  readonly #stacks = new Stacks()
  #stack: { readonly manifest: Node | undefined; number: number } = { manifest: undefined, number: 0 }

  constructor(work: Work, findings: readonly Finding[]) {
    this.#work = work
    for (const { severity, code, digest, path, image } of findings) {
      if (severity !== 'error' || digest === undefined || saysNothing(code)) continue
      if (imagesFaults.has(code) && image !== undefined) this.#addUnfit(digest, code, image)
      else if (namersFaults.has(code) && descriptorPath.test(path))
        this.#misnamed.set(digest, (this.#misnamed.get(digest) ?? new Set()).add(code))
      else this.#broken.set(digest, code)
    }
  }

  #addUnfit(layer: string, code: FindingCode, image: string): void {
    // Told of each image; of the others once for all that are alike.
    if (code === 'DIFF_IDS_COUNT' || code === 'DIFF_ID_MISMATCH') this.#wrongImages.add(image)
    else this.#unfit.set(layer, [...(this.#unfit.get(layer) ?? []), { code, image }])
  }

  get none(): boolean {
    return this.#broken.size + this.#misnamed.size + this.#unfit.size + this.#wrongImages.size === 0
  }

  /** Takes a descriptor of the layout as it is now. */
  async meet(node: Node): Promise<void> {
    const { descriptor, parent, role } = node
    const { digest } = descriptor
    const key = keyOf(descriptor)
    const holder = parent === undefined ? key : keyOf(parent.descriptor)
    if (parent === undefined) this.#entries.add(key)
    else if (role === 'entry') this.#holders.set(key, (this.#holders.get(key) ?? new Set()).add(holder))
    if (role === 'entry' && this.#wrongImages.has(digest)) this.#wrong.add(key)
    if (this.#broken.has(digest)) this.#namingBroken.push({ digest, key: role === 'entry' ? key : holder })
    for (const code of this.#misnamed.get(digest) ?? [])
      if (await this.#isMisnamed(descriptor, code)) this.#wrong.add(holder)
    if (role === 'layer' && this.#unfit.size > 0) this.#meetLayer(node, holder)
  }

  #meetLayer({ parent, descriptor }: Node, key: string): void {
    const { digest, mediaType } = descriptor
    if (this.#stack.manifest !== parent) this.#stack = { manifest: parent, number: 0 }
    this.#stack.number = this.#stacks.on(this.#stack.number, digest)
    for (const { code, image } of this.#unfit.get(digest) ?? []) {
      const manner = `${code} ${digest} ${code === 'HARDLINK_DANGLING' ? this.#stack.number : mediaType}`
      const alike = this.#alike.get(manner) ?? { keys: [], isWrong: false }
      alike.keys.push(key)
      alike.isWrong ||= image === parent?.descriptor.digest
      this.#alike.set(manner, alike)
    }
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

  /** What was missing or altered may be good by now. */
  async lookAgain(): Promise<void> {
    for (const [digest, code] of this.#broken)
      if (blobsFaults.has(code) && (await this.#isWhole(digest))) this.#broken.delete(digest)
  }

  async #isWhole(digest: string): Promise<boolean> {
    if (!isVerifiable(digest)) return (await this.#sizeOf(digest)) !== undefined
    const file = await unlessFaulty(findBlob(this.#work.layout.places, digest, this.#work))
    if (file === undefined) return false
    return (await digestsOf(this.#work, file, blobPath(digest)))[verifiableAlgorithm(digest)] === digest
  }

  /** Those that reach something wrong. */
  entries(): ReadonlySet<string> {
    for (const { digest, key } of this.#namingBroken) if (this.#broken.has(digest)) this.#wrong.add(key)
    for (const { keys, isWrong } of this.#alike.values())
      if (isWrong) for (const key of keys) this.#wrong.add(key)
    // A set's iterator also gives what is added on the way.
    for (const key of this.#wrong) for (const holder of this.#holders.get(key) ?? []) this.#wrong.add(holder)
    return new Set([...this.#entries].filter(key => this.#wrong.has(key)))
  }
}

/** A medium that failed, or a bound of the caller's: the blob may be as good as any. */
function saysNothing(code: FindingCode): boolean {
  return code.startsWith('STORAGE_') || code === 'LIMIT_EXCEEDED'
}
