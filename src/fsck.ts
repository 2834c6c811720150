/** Checks a whole layout: every byte that index.json reaches, and what lies about unreached. */

import { checkExpected, findBlob, readWhole } from './blob.ts'
import { isContent } from './digest.ts'
import { embeddedBytes, parseBounded, sizeLimitOf } from './document.ts'
import { type Engine, engineFor } from './engine.ts'
import { isOciError, OciError, quote } from './errors.ts'
import type { Finding, FindingCode, Severity } from './findings.ts'
import { DigestsAhead } from './fsck-ahead.ts'
import {
  artifactFindings,
  configFindings,
  type EntryNote,
  entryFindings,
  plainLayerFindings,
} from './fsck-image.ts'
import { type LayerCheck, type LayeredImage, LayerInsides } from './fsck-layers.ts'
import { type Stray, strayOf } from './fsck-strays.ts'
import { checkMarker, indexJsonOptions, type Layout, lossOf, readRootFile } from './layout.ts'
import { isImageConfigType, layerType, manifestKind } from './media-types.ts'
import { platformOfConfig } from './platform.ts'
import { atSteadyPace, type ProgressOptions } from './progress.ts'
import type { Descriptor, Digest, ImageConfig, JsonObject, JsonValue, Platform } from './spec.ts'
import type { ReadableStorage, StoredFile } from './storage.ts'
import { type Look, storedDigest, storedDigestSeen } from './stored-digest.ts'
import { type Problem, problemsOfConfig, problemsOfIndex, problemsOfManifest } from './validate.ts'
import { isDescriptor, isDocument, isTooDeep, type Node, walk } from './walk.ts'

/** Options of `fsck`. */
export interface FsckOptions extends ProgressOptions {
  readonly engine?: Engine | undefined
  /** A second place for blobs, as given to `OciDir.open`; it is read, its own unreferenced blobs are not reported. */
  readonly blobs?: ReadableStorage | undefined
  /** Layers of images are looked into as well: `layerCheck()` of `ocidir/deep`. */
  readonly deep?: LayerCheck | undefined
}

/** What `fsck` found. */
export interface FsckResult {
  /** No finding is an error. */
  readonly ok: boolean
  /** Distinct blobs that index.json reaches and whose every byte was verified. */
  readonly validated: number
  readonly findings: readonly Finding[]
  readonly counts: FsckCounts
}

/** Sums of a check. */
export interface FsckCounts {
  readonly errors: number
  readonly warnings: number
  readonly infos: number
  /** Blobs that nothing names. */
  readonly unreferenced: number
  /** Bytes read and hashed. */
  readonly bytes: number
}

/**
 * Checks a layout: marker, index.json, nested indexes, manifests, configs, layers, their sizes and digests, and
 * the blobs that nothing names. It works where `OciDir.open` throws, and goes on after each fault.
 *
 * Layers are hashed, and unpacked only with `deep`: else only of uncompressed ones is the diffID checked. Each blob is
 * read once. Of each severity at most `maxFindings` are listed, and of one document's list the first thousand faults;
 * all that are found count. It throws only for an abort or when the medium itself can't be listed.
 *
 * @example
 * const { ok, findings } = await fsck(storage, { deep: layerCheck(), onProgress: ({ bytes }) => show(bytes) })
 */
export async function fsck(storage: ReadableStorage, options: FsckOptions = {}): Promise<FsckResult> {
  const isTotalWanted = options.onProgress !== undefined
  return atSteadyPace(options, paced => fsckTelling(storage, { ...paced, isTotalWanted }))
}

/** An error of something that is named, and the descriptor that it was met at. */
export interface Fault {
  readonly finding: Finding
  readonly node: Node
  /** That descriptor is a layer or config of an image. */
  readonly isOfImage: boolean
}

interface TellingOptions extends FsckOptions {
  readonly onFault?: (fault: Fault) => void
  /** Progress has a total, for which all is listed once more. */
  readonly isTotalWanted?: boolean
}

/** The same, for whoever has to know how a blob was read when it was found wrong. Of what isn't listed nothing is told. */
export async function fsckTelling(storage: ReadableStorage, options: TellingOptions): Promise<FsckResult> {
  const { blobs, engine } = options
  const places = blobs === undefined ? [storage] : [storage, blobs]
  const check = new Check({ storage, places, engine: engineFor(storage, engine) }, options)
  return check.run().finally(() => check.end())
}

/** What became of a digest's blob: verified with so many bytes, or found faulty and reported. */
type Verdict = number | 'faulty'

class Check {
  readonly #layout: Layout
  readonly #options: TellingOptions
  readonly #findings: Finding[] = []
  readonly #reported = new Set<string>()
  readonly #counts = { error: 0, warning: 0, info: 0 }
  /** There were more than are listed. */
  #isCut = false
  readonly #verdicts = new Map<string, Verdict>()
  readonly #reached = new Set<string>()
  /** Children of nested indexes that aren't here. */
  readonly #absent = new Set<string>()
  readonly #entries: EntryNote[] = []
  readonly #platforms = new Map<string, Platform>()
  readonly #insides: LayerInsides | undefined
  readonly #ahead: DigestsAhead
  /** The manifest whose children are being visited. */
  #manifest: LayeredImage | undefined
  #bytes = 0
  /** Bytes that will be read, where nothing is wrong; only for whoever asks how far it is. */
  #total: number | undefined
  #unreferenced = 0

  constructor(layout: Layout, options: TellingOptions) {
    this.#layout = layout
    this.#options = options
    this.#insides = options.deep && new LayerInsides(options.deep)
    this.#ahead = new DigestsAhead(layout, { signal: options.signal, onBytes: bytes => this.#count(bytes) })
  }

  async run(): Promise<FsckResult> {
    if (this.#options.isTotalWanted) this.#total = await this.#sizeOfBlobs()
    await this.#guard({ path: 'oci-layout' }, () => checkMarker(this.#layout, this.#options))
    this.#loss()
    const index = await this.#guard({ path: 'index.json' }, () => this.#indexJson())
    if (index !== undefined) await this.#guard({ path: 'index.json' }, () => this.#graph(index))
    // One by one: index.json may give more of them than a call takes arguments.
    for (const found of entryFindings(this.#entries, this.#platforms)) this.#list(found)
    await this.#strays()
    if (this.#bytes > 0) this.#options.onProgress?.({ bytes: this.#bytes, total: this.#bytes })
    return this.#result()
  }

  async #sizeOfBlobs(): Promise<number | undefined> {
    const { storage } = this.#layout
    // A second place may have more of them.
    if (storage.list === undefined || this.#layout.places.length > 1) return undefined
    let sum = 0
    for await (const { path, size = 0 } of storage.list(this.#options))
      if (path.startsWith('blobs/')) sum += size
    return sum
  }

  /** Stops what was begun ahead. */
  end(): Promise<void> {
    return this.#ahead.end()
  }

  /** What is there now may be sound, and still less than there was. */
  #loss(): void {
    const loss = lossOf(this.#layout.storage)
    if (loss !== undefined)
      this.#add('warning', 'STORAGE_LOST', { path: 'oci-layout', message: loss.message })
  }

  async #indexJson(): Promise<JsonObject> {
    const bytes = await readRootFile(this.#layout, 'index.json', this.#options)
    if (bytes === undefined) throw new OciError('INDEX_MISSING', { storage: this.#layout.storage.name })
    const value = parseBounded(bytes, indexJsonOptions(this.#layout.engine))
    this.#problems(problemsOfIndex(value), { path: 'index.json' })
    return value
  }

  async #graph(index: JsonObject): Promise<void> {
    const { limits } = this.#layout.engine
    for await (const node of walk(index, { limits, read: node => this.#readDocument(node) })) {
      await this.#guard(place(node), () => this.#visit(node))
      const image = this.#lookedInto(node)
      // A digest that is wrong has been reported by now: what follows from it comes after.
      if (image !== undefined && this.#insides !== undefined)
        for await (const found of this.#insides.findings(node, image, this.#options)) this.#list(found, node)
    }
  }

  async #visit(node: Node): Promise<void> {
    const { descriptor, role } = node
    if (role === 'entry') this.#entries.push({ descriptor, path: node.path, isNested: node.depth > 0 })
    if (role === 'subject') return this.#visitSubject(node)
    this.#reached.add(descriptor.digest)
    if (role === 'layer') this.#checkLayerType(node)
    await this.#checkData(node)
    if (role === 'config' && isImageConfigType(descriptor.mediaType)) return this.#visitConfig(node)
    // It was met as a child of a sparse index, and isn't read again.
    if (node.depth === 0 && this.#absent.has(descriptor.digest)) this.#reportMissing(node)
    // The walk reads a document it has not met; one that it has is only compared by size.
    if (!isDocument(node) || this.#verdicts.has(descriptor.digest)) await this.#verify(node)
  }

  /** Called by the walk for each manifest and index, once a digest. */
  async #readDocument(node: Node): Promise<JsonObject | undefined> {
    return this.#guard(place(node), async () => {
      const value = await this.#verifiedJson(node)
      if (value === undefined) return undefined
      const isIndex = manifestKind(node.descriptor.mediaType) === 'index'
      this.#problems(isIndex ? problemsOfIndex(value) : problemsOfManifest(value), place(node))
      this.#checkMediaType(node, value)
      if (!isIndex) {
        this.#manifest = { node, value }
        this.#lookAhead(value)
        for (const found of artifactFindings(node, value)) this.#list(found, node)
      }
      if (!isTooDeep(node, this.#layout.engine.limits)) return value
      throw new OciError('LIMIT_EXCEEDED', {
        limit: 'maxIndexDepth',
        max: this.#layout.engine.limits.maxIndexDepth,
      })
    })
  }

  async #visitConfig(node: Node): Promise<void> {
    const value = await this.#verifiedJson(node)
    if (value === undefined) return
    const problems = problemsOfConfig(value)
    this.#problems(problems, place(node))
    const manifest = this.#manifest
    if (problems.length > 0 || manifest === undefined || manifest.node !== node.parent) return
    // `problemsOfConfig` has just looked at every field that the type names.
    const config = value as object as ImageConfig
    const layers: readonly JsonValue[] = Array.isArray(manifest.value.layers) ? manifest.value.layers : []
    for (const found of configFindings(node, config, layers.length)) this.#list(found, node)
    const diffIds = config.rootfs.diff_ids ?? []
    if (layers.length === diffIds.length && layers.every(isDescriptor)) {
      for (const found of plainLayerFindings(node, { diffIds, layers })) this.#list(found, node)
      this.#manifest = { ...manifest, diffIds: { listed: diffIds, config: node } }
    }
    const platform = platformOfConfig(config)
    if (platform !== undefined) this.#platforms.set(manifest.node.descriptor.digest, platform)
  }

  async #visitSubject(node: Node): Promise<void> {
    const file = await findBlob(this.#layout.places, node.descriptor.digest, this.#options)
    // M8: a weak link. That the blob is whole is for the entry of its own to say.
    if (file === undefined)
      this.#add('info', 'SUBJECT_ABSENT', { ...place(node), message: 'the subject is not here' })
  }

  async #verifiedJson(node: Node): Promise<JsonObject | undefined> {
    const { descriptor } = node
    const { engine } = this.#layout
    const file = await this.#open(node)
    if (file === undefined) return undefined
    const limit = sizeLimitOf(descriptor.mediaType)
    const { name } = this.#layout.storage
    const bytes = await readWhole(file, descriptor, { ...this.#options, engine, limit, storage: name })
    if (!this.#verdicts.has(descriptor.digest)) this.#count(bytes.length)
    this.#passed(descriptor)
    return parseBounded(bytes, { where: descriptor.digest, limits: engine.limits })
  }

  /** Hashes a blob's bytes, once a digest. */
  async #verify(node: Node): Promise<void> {
    const { digest, size } = node.descriptor
    const verdict = this.#verdicts.get(digest)
    const image = this.#lookedInto(node)
    const isSeen = image === undefined || this.#insides?.has(node, image)
    if (verdict === 'faulty') return
    if (verdict !== undefined && isSeen) return checkExpected({ digest, size: verdict }, { size })
    const file = await this.#open(node)
    if (file === undefined) return
    const { native } = this.#layout.engine
    const { signal } = this.#options
    const look: Look | undefined =
      image && (chunks => this.#insides?.look(chunks, { node, image, native, signal }))
    const found = await this.#hash(file, digest, look)
    checkExpected({ digest: found, size }, { digest })
    this.#passed(node.descriptor)
  }

  /** The blob's file if it is there and of the right size; what is missing is reported by what it is. */
  async #open(node: Node): Promise<StoredFile | undefined> {
    const { digest, size } = node.descriptor
    const file = await findBlob(this.#layout.places, digest, this.#options)
    if (file === undefined) {
      this.#reportMissing(node)
      return undefined
    }
    checkExpected({ digest, size: file.size }, { size })
    return file
  }

  #reportMissing(node: Node): void {
    const { mediaType, digest, urls } = node.descriptor
    if (node.role === 'entry' && node.depth > 0) {
      this.#absent.add(digest)
      this.#add('info', 'CHILD_ABSENT', { ...place(node), message: `a sparse index: ${digest} is not here` })
    } else if (layerType(mediaType)?.foreign && urls?.length) {
      this.#add('info', 'FOREIGN_LAYER_ABSENT', { ...place(node), message: 'a foreign layer, not here' })
    } else this.#add('error', 'BLOB_MISSING', { ...place(node), message: `the layout has no blob ${digest}` })
  }

  #passed({ digest, size }: Descriptor): void {
    this.#verdicts.set(digest, size)
  }

  /** The image that a layer is to be looked into for: in an artifact a layer's type may stand on anything (M6). */
  #lookedInto({ role, parent, descriptor }: Node): LayeredImage | undefined {
    if (this.#insides === undefined || role !== 'layer' || this.#manifest?.node !== parent) return undefined
    return this.#isOfImage(parent) && layerType(descriptor.mediaType) ? this.#manifest : undefined
  }

  /** Hashes a file, in one pass with the look into it, which may end before the file does. */
  async #hash(file: StoredFile, digest: string, look?: Look): Promise<Digest> {
    return (look ? undefined : await this.#ahead.take(digest)) ?? this.#digestOf(file, digest, look)
  }

  #digestOf(file: StoredFile, digest: string, look?: Look): Promise<Digest> {
    const { engine, storage } = this.#layout
    const options = { engine, storage: storage.name, signal: this.#options.signal }
    const onBytes = (bytes: number): void => this.#count(bytes)
    if (look === undefined) return storedDigest(file, digest, { ...options, onBytes })
    return storedDigestSeen(file, digest, { ...options, onBytes, look })
  }

  /** The layers come next. Of those that are looked into the bytes are needed too. */
  #lookAhead({ layers }: JsonObject): void {
    if (this.#insides !== undefined || !Array.isArray(layers)) return
    const unread = layers.filter(isDescriptor).filter(({ digest }) => !this.#verdicts.has(digest))
    // A single one has nothing beside it, and would only be opened twice.
    if (unread.length > 1) this.#ahead.plan(unread)
  }

  #isOfImage(manifest: Node | undefined): boolean {
    const config = this.#manifest?.node === manifest ? this.#manifest?.value.config : undefined
    const configType =
      typeof config === 'object' && config !== null && 'mediaType' in config ? config.mediaType : ''
    return typeof configType === 'string' && isImageConfigType(configType)
  }

  #checkLayerType(node: Node): void {
    const { mediaType } = node.descriptor
    // In an artifact any type is fine (M6).
    if (!this.#isOfImage(node.parent) || layerType(mediaType)) return
    const message = `${quote(mediaType)} is not the type of an image's layer`
    this.#add('warning', 'LAYER_TYPE_UNKNOWN', { ...place(node), message })
  }

  /** D7: embedded `data` must be the blob. */
  async #checkData(node: Node): Promise<void> {
    const { data, digest, size } = node.descriptor
    if (typeof data !== 'string' || data.length > 4 * this.#layout.engine.limits.maxManifestSize) return
    const bytes = embeddedBytes(data)
    if (bytes.length === size && (await isContent(bytes, digest))) return
    const message = 'the embedded data is not what digest and size say'
    this.#add('error', 'DATA_MISMATCH', { ...place(node), message })
  }

  #checkMediaType(node: Node, value: JsonObject): void {
    const { mediaType } = value
    const expected = node.descriptor.mediaType
    if (typeof mediaType !== 'string' || mediaType === '' || mediaType === expected) return
    // Of another kind altogether: the document's own check has said so.
    if (manifestKind(mediaType) !== manifestKind(expected)) return
    const { message } = new OciError('MEDIA_TYPE_UNEXPECTED', { mediaType, expected })
    this.#add('error', 'MEDIA_TYPE_UNEXPECTED', { ...place(node), message })
  }

  async #strays(): Promise<void> {
    const { storage } = this.#layout
    if (storage.list === undefined) return
    // A few are known before the first is looked at, so that several can be hashed at once.
    const waiting: Stray[] = []
    for await (const entry of storage.list(this.#options)) {
      const stray = strayOf(entry, this.#reached)
      if (stray === undefined) continue
      waiting.push(stray)
      if ('digest' in stray && stray.size !== undefined) this.#ahead.plan([{ ...stray, size: stray.size }])
      if (waiting.length > mostWaiting) await this.#stray(waiting.shift())
    }
    for (const stray of waiting) await this.#stray(stray)
  }

  async #stray(stray: Stray | undefined): Promise<void> {
    if (stray === undefined) return
    if ('finding' in stray) this.#add(stray.finding.severity, stray.finding.code, stray.finding)
    else await this.#guard({ path: stray.path }, () => this.#checkUnreferenced(stray.digest, stray.path))
  }

  async #checkUnreferenced(digest: string, path: string): Promise<void> {
    this.#unreferenced += 1
    const file = await findBlob([this.#layout.storage], digest, this.#options)
    if (file === undefined) return
    const found = await this.#hash(file, digest)
    if (found === digest) {
      return this.#add('info', 'BLOB_UNREFERENCED', {
        digest,
        path,
        message: 'nothing in the layout names this blob',
      })
    }
    this.#add('warning', 'BLOB_MISNAMED', { digest, path, message: `its bytes hash to ${found}` })
  }

  /** Runs one step; a fault becomes a finding and the check goes on. */
  async #guard<T>(where: Place, step: () => Promise<T>): Promise<T | undefined> {
    this.#options.signal?.throwIfAborted()
    try {
      return await step()
    } catch (error) {
      if (!isOciError(error)) throw error
      this.#options.signal?.throwIfAborted()
      // A wrong size is the descriptor's fault: another may have it right.
      const isFaulty = error.code !== 'SIZE_MISMATCH' && where.digest !== undefined
      if (isFaulty && !this.#verdicts.has(where.digest)) this.#verdicts.set(where.digest, 'faulty')
      this.#add(severities[error.code] ?? 'error', error.code, { ...where, message: error.message })
      return undefined
    }
  }

  #problems(problems: readonly Problem[], where: Place): void {
    for (const { at, expected, found, code = 'DOCUMENT_INVALID' } of problems) {
      const message = `expected ${expected}, found ${found}`
      this.#add('error', code, { ...where, path: `${where.path}${at}`, message })
    }
  }

  #add(severity: Severity, code: FindingCode, where: Place & { readonly message: string }): void {
    // A blob that a thousand entries name is one fault.
    const key = where.digest === undefined || code === 'DOCUMENT_INVALID' ? where.path : where.digest
    if (this.#reported.has(`${code} ${key}`)) return
    const { node, ...said } = where
    if (this.#list({ severity, code, ...said }, node)) this.#reported.add(`${code} ${key}`)
  }

  /** Lists a finding, or only counts it where there are too many of its severity; tells which. */
  #list(finding: Finding, node?: Node): boolean {
    const found = ++this.#counts[finding.severity]
    const { maxFindings: max } = this.#layout.engine.limits
    if (found <= max) this.#findings.push(finding)
    if (found <= max && node !== undefined && finding.severity === 'error')
      this.#options.onFault?.({ finding, node, isOfImage: this.#isOfImage(node.parent) })
    this.#isCut ||= found > max
    return found <= max
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#options.onProgress?.({ bytes: this.#bytes, total: this.#total })
  }

  #result(): FsckResult {
    const { error: errors, warning: warnings, info: infos } = this.#counts
    if (this.#isCut) this.#findings.push(cutAt(this.#layout.engine.limits.maxFindings))
    return {
      ok: errors === 0,
      validated: [...this.#verdicts].filter(
        ([digest, verdict]) => verdict !== 'faulty' && this.#reached.has(digest),
      ).length,
      findings: this.#findings,
      counts: {
        errors,
        warnings,
        infos,
        unreferenced: this.#unreferenced,
        bytes: this.#bytes,
      },
    }
  }
}

/** What says that the list is not all there is. */
function cutAt(max: number): Finding {
  const { message } = new OciError('LIMIT_EXCEEDED', { limit: 'maxFindings', max })
  return { severity: 'info', code: 'LIMIT_EXCEEDED', path: 'index.json', message }
}

interface Place {
  readonly path: string
  readonly digest?: string
  readonly node?: Node
}

/** Files that are listed before the first of them is looked at. */
const mostWaiting = 64

/** What reading refuses is an error, but for what the layout isn't to blame for. */
const severities: Readonly<Partial<Record<FindingCode, Severity>>> = {
  DIGEST_UNSUPPORTED: 'info',
  LINK_OUTSIDE: 'warning',
}

function place(node: Node): Place {
  return { digest: node.descriptor.digest, path: node.path, node }
}
