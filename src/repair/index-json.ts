/** index.json: mended entry by entry, or made again of what other storages and the blobs know. */

import { findBlob } from '../blob.ts'
import { canonicalBytes, canonicalJson } from '../canonical-json.ts'
import { blobPath, isDigest } from '../digest.ts'
import { parseBounded, parseIndex } from '../document.ts'
import { isContentFault } from '../errors.ts'
import type { Finding, FindingCode } from '../findings.ts'
import { namesOf } from '../index-json.ts'
import { isJsonObject } from '../json.ts'
import { indexJsonOptions, readIndexJson, readRootFile } from '../layout.ts'
import { type Descriptor, type JsonObject, type JsonValue, mediaTypes } from '../spec.ts'
import type { BlobPath } from '../storage.ts'
import { storedBytes } from '../stored-bytes.ts'
import { equalBytes } from '../streams.ts'
import { problemsOfDescriptor, problemsOfIndex } from '../validate.ts'
import { isDescriptor } from '../walk.ts'
import { type KnownBlobs, mendEntry, stripped, textsOf } from './entries.ts'
import { keep } from './keep.ts'
import { lyingDocuments, rootsOf } from './lying.ts'
import { unlessFaulty, unlessUnreadable, type Work } from './work.ts'

const path = 'index.json'

/** Mends index.json. Its bytes, as they were, are kept as a blob; edits that are made meanwhile stay. */
export async function mendIndex(work: Work, findings: readonly Finding[]): Promise<void> {
  const bytes = await unlessFaulty(readRootFile(work.layout, path, work).then(found => ({ found })))
  // Too large to be read: a bound is the caller's to change.
  if (bytes === undefined || !findings.some(isAboutIndex)) return
  const { found } = bytes
  const value = found && listIn(found, work)
  if (value === 'beyond limits') return
  const replaced = value === undefined ? new Map() : await replacements(work, value.manifests, findings)
  const mending: Mending = {
    broken: value === undefined ? found : undefined,
    replaced,
    added: await additions(work, value, replaced),
  }
  if (value === undefined && mending.added.none && !(await isEmptyLayout(work))) return
  await publish(work, mending, found)
}

/** What is to become of index.json, told so that it holds for whatever stands there by then. */
interface Mending {
  /** The bytes that are no index at all. */
  readonly broken: Uint8Array | undefined
  /** By an entry's one form, what it becomes: nothing where it is taken out. */
  readonly replaced: ReadonlyMap<string, JsonObject | undefined>
  readonly added: Additions
}

interface Additions {
  /** As another storage's index.json lists them. */
  readonly fetched: readonly Descriptor[]
  readonly origin: string | undefined
  /** Manifests that lie in blobs/, without a name. */
  readonly lying: readonly Descriptor[]
  readonly none: boolean
}

function isAboutIndex({ severity, path: at }: Finding): boolean {
  return severity === 'error' && at.startsWith(path)
}

/** An index.json whose list can be read, if not all that is in it. */
function listIn(bytes: Uint8Array, { layout }: Work): ListOf | 'beyond limits' | undefined {
  try {
    const value = parseBounded(withoutMark(bytes), indexJsonOptions(layout.engine))
    const { manifests } = value
    if (manifests === null) return { value, manifests: [] }
    return Array.isArray(manifests) ? { value, manifests } : undefined
  } catch (error) {
    if (!isContentFault(error)) throw error
    return error.code === 'LIMIT_EXCEEDED' ? 'beyond limits' : undefined
  }
}

/** Some editors put a byte order mark before JSON, which must not have one (RFC 8259, 8.1): nothing else is wrong then. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return hasMark(bytes) ? bytes.subarray(3) : bytes
}

function hasMark([first, second, third]: Uint8Array): boolean {
  return first === 0xef && second === 0xbb && third === 0xbf
}

interface ListOf {
  readonly value: JsonObject
  readonly manifests: readonly JsonValue[]
}

const entryFaults: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'SIZE_MISMATCH',
  'MEDIA_TYPE_UNEXPECTED',
  'DATA_MISMATCH',
])

/** The entries that can't stay as they are. One without a digest can't stay at all: nobody can read an index with it. */
async function replacements(
  work: Work,
  manifests: readonly JsonValue[],
  findings: readonly Finding[],
): Promise<ReadonlyMap<string, JsonObject | undefined>> {
  const suspects = new Set(findings.flatMap(({ code, digest }) => (entryFaults.has(code) ? [digest] : [])))
  const blobs: KnownBlobs = new Map()
  const replaced = new Map<string, JsonObject | undefined>()
  for (const item of manifests) {
    const isSound = isJsonObject(item) && problemsOfDescriptor(item, '').length === 0
    if (isSound && !(isDigest(item.digest) && suspects.has(item.digest))) continue
    const mended = await mendEntry(work, item, blobs)
    if (mended === undefined || canonicalJson(mended) !== canonicalJson(item))
      replaced.set(canonicalJson(item), mended)
  }
  return replaced
}

/** What must be listed too where entries are lost: else gc would take what only they named. */
async function additions(
  work: Work,
  value: ListOf | undefined,
  replaced: Mending['replaced'],
): Promise<Additions> {
  const isLost = value === undefined || [...replaced.values()].includes(undefined)
  if (!isLost) return { fetched: [], origin: undefined, lying: [], none: true }
  const kept = (value?.manifests ?? []).map(item => {
    const form = canonicalJson(item)
    return replaced.has(form) ? replaced.get(form) : item
  })
  const listed = new Set(kept.filter(isDescriptor).map(({ digest }) => digest))
  const { fetched, origin } = await fetchedEntries(work, listed)
  for (const { digest } of fetched) listed.add(digest)
  const lying = rootsOf(await lyingDocuments(work), listed)
  return { fetched, origin, lying, none: fetched.length + lying.length === 0 }
}

/** The entries of the first source that lists something which is here; what isn't was never this layout's, perhaps. */
async function fetchedEntries(
  work: Work,
  listed: ReadonlySet<string>,
): Promise<Pick<Additions, 'fetched' | 'origin'>> {
  const { layout, sources } = work
  for (const source of sources) {
    const other = { ...layout, storage: source, places: [source] }
    const index = await unlessUnreadable(readIndexJson(other, work), work)
    const fetched: Descriptor[] = []
    for (const entry of index?.value.manifests ?? []) {
      const isHere = async (): Promise<boolean> =>
        (await unlessFaulty(findBlob(layout.places, entry.digest, work))) !== undefined
      if (!listed.has(entry.digest) && (await isHere())) fetched.push(entry)
    }
    if (fetched.length > 0) return { fetched, origin: source.name }
  }
  return { fetched: [], origin: undefined }
}

/** An index of nothing is right only where there is nothing, in no place: gc would clear the rest away. */
async function isEmptyLayout({ layout, signal }: Work): Promise<boolean> {
  for (const place of layout.places) {
    if (place.list === undefined) return false
    for await (const { path: at } of place.list({ signal }))
      if (/^blobs\/[^/]+\/[^/]+$/.test(at)) return false
  }
  return (await layout.storage.open('oci-layout', { signal })) !== undefined
}

/** What an index can require is what its own storage has; the second place is for others to keep. */
async function requiredOf(
  { layout, signal }: Work,
  entries: readonly Descriptor[],
): Promise<readonly BlobPath[]> {
  const paths = entries.map(({ digest }) => blobPath(digest))
  if (layout.places.length === 1) return paths
  const own: BlobPath[] = []
  for (const at of paths) if ((await layout.storage.open(at, { signal })) !== undefined) own.push(at)
  return own
}

async function publish(work: Work, mending: Mending, found: Uint8Array | undefined): Promise<void> {
  const { layout, signal } = work
  const { fetched, lying } = mending.added
  if (found !== undefined && mended(found, mending, work) === undefined) return
  const kept = found?.length ? await keep(work, storedBytes(found), path) : 'nothing'
  if (kept === undefined) return
  const requires = await requiredOf(work, [...fetched, ...lying])
  let isWritten = false
  await layout.storage.update(
    path,
    now => {
      const next = mended(now, mending, work)
      isWritten = next !== undefined
      return next
    },
    { requires, signal },
  )
  if (!isWritten) return
  if (found?.length) {
    const message = `index.json as it was is kept as ${kept}`
    work.note({ kind: 'quarantined', digest: kept, path, message })
  }
  noteEntries(work, mending, found)
}

function noteEntries(work: Work, { replaced, added, broken }: Mending, found: Uint8Array | undefined): void {
  const value = found && listIn(found, work)
  const manifests = typeof value === 'object' ? value.manifests : []
  for (const [i, item] of manifests.entries()) {
    const form = canonicalJson(item)
    if (!replaced.has(form)) continue
    const next = replaced.get(form)
    const at = `${path}/manifests/${i}`
    const digest = isJsonObject(next) && typeof next.digest === 'string' ? { digest: next.digest } : {}
    work.note(
      next === undefined
        ? {
            kind: 'quarantined',
            path: at,
            message: 'taken out: it is no descriptor, and nothing is known of its blob',
          }
        : { kind: 'corrected', ...digest, path: at, message: 'its fields became what its blob says' },
    )
  }
  if (added.fetched.length > 0) {
    const { length } = added.fetched
    const message = `${length} ${length === 1 ? 'entry' : 'entries'} taken from ${added.origin}, as it is there`
    work.note({ kind: 'fetched', path, message })
  }
  if (added.lying.length > 0) {
    const { length } = added.lying
    const message = `listed without a name: ${length} ${length === 1 ? 'document' : 'documents'} from blobs/`
    work.note({ kind: 'rebuilt', path, message })
  }
  if (added.none && (found === undefined || broken !== undefined))
    work.note({ kind: 'rebuilt', path, message: 'an index of nothing: there are no blobs' })
  else if (replaced.size === 0 && found !== undefined && broken === undefined)
    work.note({ kind: 'corrected', path, message: 'its fields became those of an index' })
}

/** The next index.json; `undefined` where nothing is to be changed, or somebody has put there what can't be read. */
function mended(
  now: Uint8Array | undefined,
  { broken, replaced, added }: Mending,
  work: Work,
): Uint8Array | undefined {
  const isBroken = now === undefined || (broken !== undefined && equalBytes(now, broken))
  const present = isBroken ? emptyList() : listIn(now, work)
  if (typeof present !== 'object') return undefined
  const items = present.manifests.flatMap(item => {
    const form = canonicalJson(item)
    const next = replaced.has(form) ? replaced.get(form) : item
    return next === undefined ? [] : [next]
  })
  const entries = items.filter(isDescriptor)
  const names = new Set(entries.flatMap(namesOf))
  const digests = new Set<string>(entries.map(({ digest }) => digest))
  // A name that somebody has given meanwhile is theirs.
  const more = [...added.fetched, ...added.lying].filter(
    entry => !digests.has(entry.digest) && !namesOf(entry).some(name => names.has(name)),
  )
  const value = withSoundFields({ ...present.value, manifests: [...items, ...more] as JsonValue[] })
  const before = canonicalJson({ ...present.value, manifests: present.manifests })
  if (!isBroken && canonicalJson(value) === before && !hasMark(now)) return undefined
  const next = canonicalBytes(value)
  parseIndex(next, indexJsonOptions(work.layout.engine))
  return next
}

function emptyList(): ListOf {
  return { value: { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }, manifests: [] }
}

/** index.json has no digest: what makes no index of it may go, and is kept with the bytes as they were. */
function withSoundFields(value: JsonObject): JsonObject {
  const sound: Record<string, JsonValue | undefined> = { ...value }
  for (const { at } of problemsOfIndex(value)) {
    const [, field = ''] = at.split('/')
    if (field === 'manifests') continue
    if (field === 'schemaVersion') sound.schemaVersion = 2
    else sound[field] = field === 'annotations' ? textsOf(sound.annotations) : undefined
  }
  return stripped(sound)
}
