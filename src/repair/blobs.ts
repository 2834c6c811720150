/** Blobs that are missing, or whose bytes aren't those of their names. */

import { findBlob } from '../blob.ts'
import { blobPath, digestOf, isContent, isDigest, isVerifiable, verifiableAlgorithm } from '../digest.ts'
import { embeddedBytes } from '../document.ts'
import { isOciError } from '../errors.ts'
import type { Finding, FindingCode } from '../findings.ts'
import { emptyDescriptor } from '../spec.ts'
import type { BlobPath, SeenBlob, StoredFile } from '../storage.ts'
import { storedBytes } from '../stored-bytes.ts'
import { concat } from '../streams.ts'
import { bytesOfBlob, commitAs, type Digests, digestsOf, keep, stageAs, type Verified } from './keep.ts'
import { nodesOf } from './nodes.ts'
import { type RepairKind, unlessFaulty, unlessUnreadable, type Work } from './work.ts'

/**
 * Mends the blobs that fsck found faulty, as far as good bytes can be had; the wrong ones are kept. Tells whether one was
 * made whole since.
 */
export async function mendBlobs(work: Work, findings: readonly Finding[]): Promise<boolean> {
  const faulty = findings.filter(({ code }) => blobFaults.has(code))
  const digests = new Set(faulty.flatMap(({ digest }) => (isDigest(digest) ? [digest] : [])))
  const mendable = [...digests].filter(isVerifiable)
  return mendable.length > 0 && new BlobMending(work, findings).run(mendable)
}

const blobFaults: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'BLOB_MISSING',
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
  'BLOB_MISNAMED',
])

/** Those that don't hold of a blob that is whole. */
const brokenFaults: ReadonlySet<FindingCode> = new Set<FindingCode>(['BLOB_MISSING', 'DIGEST_MISMATCH'])

/** Where the bytes of a blob may be had. */
interface Candidate {
  readonly file: StoredFile
  readonly kind: RepairKind
  readonly origin: string
}

/** Bytes that are the blob's, staged. */
interface Good extends Candidate {
  readonly staged: Verified
}

/** A blob under a name that isn't its own. */
interface Wrong {
  readonly path: BlobPath
  readonly file: StoredFile
  readonly digests: Digests
}

class BlobMending {
  readonly #work: Work
  readonly #findings: readonly Finding[]
  /** Every document that index.json reaches could be read, so what nothing names is really named by nothing. */
  readonly #reachIsKnown: boolean
  /** Wrongly named blobs of the layout, by what they really are. */
  readonly #strays = new Map<string, BlobPath[]>()
  readonly #embedded = new Map<string, Uint8Array>()
  /** Wanted ones that an index lists, so that they may be documents. */
  readonly #listed = new Set<string>()

  constructor(work: Work, findings: readonly Finding[]) {
    this.#work = work
    this.#findings = findings
    this.#reachIsKnown = findings.every(leavesReachKnown)
  }

  async run(digests: readonly string[]): Promise<boolean> {
    const wrong = new Map<string, Wrong>()
    const absent: string[] = []
    for (const digest of digests) {
      const found = await unlessFaulty(this.#look(digest))
      if (found === 'absent') absent.push(digest)
      else if (found !== undefined) wrong.set(digest, found)
    }
    for (const { digests, path } of wrong.values()) this.#addStray(digests, path)
    const wanted = new Set([...absent, ...wrong.keys()])
    const isStale = this.#findings.some(
      ({ code, digest }) =>
        brokenFaults.has(code) && isDigest(digest) && isVerifiable(digest) && !wanted.has(digest),
    )
    if (wanted.size === 0) return isStale
    await this.#findInGraph(wanted)
    await this.#findOtherwiseNamed(wanted)
    for (const digest of absent) await this.#bring(digest)
    for (const [digest, found] of wrong) await this.#replace(digest, found)
    return isStale
  }

  /** `undefined` for bytes that are right: then it is a descriptor that is wrong. */
  async #look(digest: string): Promise<Wrong | 'absent' | undefined> {
    const path = blobPath(digest)
    const { storage, places } = this.#work.layout
    const own = await storage.open(path, this.#work)
    const file = own ?? (await findBlob(places, digest, this.#work))
    if (file === undefined) return 'absent'
    const digests = await digestsOf(this.#work, file, path)
    if (digests[verifiableAlgorithm(digest)] === digest) return undefined
    // What is wrong elsewhere isn't this layout's to change; it can have a good one of its own, which is read first.
    return own === undefined ? 'absent' : { path, file, digests }
  }

  async #bring(digest: string): Promise<void> {
    const good = await this.#good(digest)
    if (good !== undefined) await this.#commit(digest, good)
  }

  /**
   * The wrong bytes are kept under a name of their own before the good ones take the place. A commit leaves a blob of the
   * right size alone, so one that was altered must be taken away first; by then the good bytes are staged and verified.
   */
  async #replace(digest: string, wrong: Wrong): Promise<void> {
    const good = await this.#good(digest)
    try {
      const stays = await this.#holdsOthers(digest, wrong)
      if (good === undefined && stays) return
      const kept = await keep(this.#work, wrong.file, wrong.path)
      if (kept === undefined) return
      this.#addStray(wrong.digests, blobPath(kept))
      const isInTheWay = good === undefined || good.file.size === wrong.file.size
      if (isInTheWay && !(await this.#clear(wrong, stays))) return
      const message = `its bytes were not those of its name; they are kept as ${kept}`
      this.#work.note({ kind: 'quarantined', digest: kept, path: wrong.path, message })
      if (good !== undefined) await this.#commit(digest, good)
    } finally {
      await good?.staged.discard()
    }
  }

  /** `false` where other bytes have come there since: of another repair, say. */
  async #clear({ path, digests }: Wrong, stays: boolean): Promise<boolean> {
    const { storage } = this.#work.layout
    const file = await storage.open(path, this.#work)
    if (file === undefined || (await digestsOf(this.#work, file, path)).sha256 !== digests.sha256)
      return false
    if (stays) await this.#lengthen(path, file)
    else return this.#remove({ path, size: file.size })
    return true
  }

  /** `false` where a writer has replaced it since, which one of another size allows. */
  async #remove(seen: SeenBlob): Promise<boolean> {
    const { signal } = this.#work
    try {
      await this.#work.layout.storage.remove(() => [seen.path], { seen: [seen], signal })
      return true
    } catch (error) {
      if (isOciError(error, 'STORAGE_CHANGED')) return false
      throw error
    }
  }

  /**
   * A document keeps what it names from gc, an altered one by its text; one that is missing for an instant doesn't. With
   * one byte more it is of another size, for the good one to replace, and there is no such instant.
   */
  async #lengthen(path: BlobPath, file: StoredFile): Promise<void> {
    const bytes = concat([await bytesOfBlob(this.#work, { path, file }), Uint8Array.of(0x20)])
    const staged = await stageAs(this.#work, storedBytes(bytes), await digestOf(bytes))
    if (staged !== undefined) await commitAs(this.#work, staged, path)
  }

  /** Tells whether gc may keep blobs for the sake of these bytes, as a document that it can't trust. */
  async #holdsOthers(digest: string, wrong: Wrong): Promise<boolean> {
    const { limits } = this.#work.layout.engine
    const { size } = wrong.file
    if (size === 0 || size > limits.maxManifestSize) return false
    // Where fsck tells of it isn't all: it may be listed as a layer before.
    const isListed = this.#findings.some(found => found.digest === digest && listed.test(found.path))
    if (isListed || this.#listed.has(digest)) return true
    const [first] = await bytesOfBlob(this.#work, wrong, { start: 0, end: 1 })
    return !this.#reachIsKnown && first === openingBrace
  }

  async #good(digest: string): Promise<Good | undefined> {
    for await (const candidate of this.#candidates(digest)) {
      const staged = await stageAs(this.#work, candidate.file, digest)
      if (staged !== undefined) return { ...candidate, staged }
    }
    return undefined
  }

  /** From near to far: what the layout holds itself, then other storages. */
  async *#candidates(digest: string): AsyncGenerator<Candidate> {
    const embedded = this.#embedded.get(digest)
    if (embedded !== undefined)
      yield { file: storedBytes(embedded), kind: 'rebuilt', origin: "of a descriptor's data" }
    const { layout, sources } = this.#work
    for (const path of this.#strays.get(digest) ?? []) {
      const file = await unlessFaulty(layout.storage.open(path, this.#work))
      if (file !== undefined) yield { file, kind: 'rebuilt', origin: `of ${path}, which held its bytes` }
    }
    for (const source of sources) {
      const file = await unlessUnreadable(source.open(blobPath(digest), this.#work), this.#work)
      if (file !== undefined) yield { file, kind: 'fetched', origin: `from ${source.name}` }
    }
  }

  async #commit(digest: string, { staged, kind, origin, file }: Good): Promise<void> {
    const path = blobPath(digest)
    await commitAs(this.#work, staged, path)
    this.#work.note({ kind, digest, path, message: `${file.size} bytes ${origin}` })
  }

  async #findInGraph(wanted: ReadonlySet<string>): Promise<void> {
    this.#embedded.set(emptyDescriptor.digest, embeddedBytes(emptyDescriptor.data ?? ''))
    let held = 0
    for await (const { descriptor, role } of nodesOf(this.#work)) {
      const { digest, data } = descriptor
      if (!wanted.has(digest)) continue
      if (role === 'entry') this.#listed.add(digest)
      // More than that is for the next pass: these will be there by then.
      if (typeof data !== 'string' || this.#embedded.has(digest) || held > mostEmbedded) continue
      const bytes = embeddedBytes(data)
      if (!(await isContent(bytes, digest))) continue
      this.#embedded.set(digest, bytes)
      held += bytes.length
    }
  }

  /** A repair that was killed may have kept bytes under their digest of the other algorithm. */
  async #findOtherwiseNamed(wanted: ReadonlySet<string>): Promise<void> {
    const algorithms = new Set([...wanted].map(verifiableAlgorithm))
    for (const { code, digest } of this.#findings) {
      if (code !== 'BLOB_UNREFERENCED' || !isDigest(digest) || !isVerifiable(digest)) continue
      if ([...algorithms].every(algorithm => algorithm === verifiableAlgorithm(digest))) continue
      const file = await unlessFaulty(this.#work.layout.storage.open(blobPath(digest), this.#work))
      if (file !== undefined)
        this.#addStray(await digestsOf(this.#work, file, blobPath(digest)), blobPath(digest))
    }
  }

  #addStray(digests: Digests, path: BlobPath): void {
    for (const digest of Object.values(digests))
      this.#strays.set(digest, [...(this.#strays.get(digest) ?? []), path])
  }
}

/** Only a manifest or index that can't be read leaves open what is reached; it may be among what a cut list doesn't tell. */
function leavesReachKnown({ severity, code, path }: Finding): boolean {
  if (code === 'LIMIT_EXCEEDED' && path === 'index.json') return false
  if (severity !== 'error' || code === 'BLOB_MISSING') return true
  return code !== 'DOCUMENT_INVALID' && code !== 'DIGEST_INVALID' && /\/(config|layers\/\d+)(\/|$)/.test(path)
}

/** Bytes in descriptors that are held at once. */
const mostEmbedded = 64 << 20
const listed = /\/manifests\/\d+$/
const openingBrace = 0x7b
