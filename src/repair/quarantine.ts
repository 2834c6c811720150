/** Entries of index.json that can't be mended, taken out of it where that was asked for. */

import { findBlob } from '../blob.ts'
import { canonicalBytes, canonicalJson } from '../canonical-json.ts'
import { pace } from '../codec/pace.ts'
import { isVerifiable, verifiableAlgorithm } from '../digest.ts'
import { parseIndex } from '../document.ts'
import type { Finding, FindingCode } from '../findings.ts'
import { tagOf } from '../index-json.ts'
import { indexJsonOptions, readIndexJson } from '../layout.ts'
import { Reach } from '../reach.ts'
import type { Descriptor } from '../spec.ts'
import type { AbortOptions } from '../storage.ts'
import { storedBytes } from '../stored-bytes.ts'
import { digestsOf, keep } from './keep.ts'
import { nodesOf } from './nodes.ts'
import { unlessFaulty, type Work } from './work.ts'

/** Takes out every entry that reaches an error. index.json as it was is kept as a blob, so it can be put back. */
export async function quarantineEntries(work: Work, findings: readonly Finding[]): Promise<void> {
  const { layout, signal } = work
  const index = await unlessFaulty(readIndexJson(layout, work))
  if (index === undefined) return
  const broken = await brokenDigests(work, findings)
  if (broken.size === 0) return
  const { manifests } = index.value
  const reach = new Reach(layout, { signal })
  if ((await unlessFaulty(reach.explore(manifests).then(() => true))) === undefined) return
  const out = await entriesReaching(manifests, { reach, broken, signal })
  const kept = out.length > 0 ? await keep(work, storedBytes(index.bytes)) : undefined
  if (kept === undefined) return
  const forms = new Set(out.map(canonicalJson))
  const bounds = indexJsonOptions(layout.engine)
  await layout.storage.update(
    'index.json',
    now => {
      if (now === undefined) return undefined
      const value = parseIndex(now, bounds)
      const staying = value.manifests.filter(entry => !forms.has(canonicalJson(entry)))
      return staying.length === value.manifests.length
        ? undefined
        : canonicalBytes({ ...value, manifests: staying })
    },
    { signal },
  )
  for (const [i, entry] of manifests.entries()) {
    if (!forms.has(canonicalJson(entry))) continue
    const name = tagOf(entry)
    const message = `${name === undefined ? 'the entry' : `${JSON.stringify(name)}`} of ${entry.digest} taken out; index.json as it was is kept as ${kept}`
    work.note({ kind: 'quarantined', digest: kept, path: `index.json/manifests/${i}`, message })
  }
}

/** The entries that reach one of these blobs; a thousand tags of one image are asked for once. */
async function entriesReaching(
  entries: readonly Descriptor[],
  { reach, broken, signal }: { readonly reach: Reach; readonly broken: ReadonlySet<string> } & AbortOptions,
): Promise<readonly Descriptor[]> {
  const verdicts = new Map<string, boolean>()
  const turn = pace({ signal })
  const out: Descriptor[] = []
  for (const entry of entries) {
    await turn()
    const key = canonicalJson({ ...entry, annotations: undefined, platform: undefined })
    const isOut = verdicts.get(key) ?? [...reach.of([entry]).digests].some(digest => broken.has(digest))
    verdicts.set(key, isOut)
    if (isOut) out.push(entry)
  }
  return out
}

/** What whoever names the blob says of it, and the blob doesn't. */
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

/** The blobs that can't be used; where a descriptor, or an image, is wrong, the document that says so. */
async function brokenDigests(work: Work, findings: readonly Finding[]): Promise<ReadonlySet<string>> {
  const broken = new Set<string>()
  const misnamed = new Map<string, string>()
  const images = new Set<string>()
  for (const { severity, code, digest, path } of findings) {
    if (severity !== 'error' || digest === undefined || saysNothing(code)) continue
    if (imagesFaults.has(code)) images.add(path.replace(/\/(?:config(?:\/.*)?|layers\/\d+)$/, ''))
    else if (namersFaults.has(code) && (await isWhole(work, digest))) misnamed.set(path, digest)
    else broken.add(digest)
  }
  if (misnamed.size + images.size === 0) return broken
  for await (const { path, parent, descriptor } of nodesOf(work)) {
    if (images.has(path)) broken.add(descriptor.digest)
    if (misnamed.get(path) !== descriptor.digest) continue
    broken.add((parent?.descriptor ?? descriptor).digest)
    misnamed.delete(path)
  }
  // What isn't found there stands inside of the document.
  for (const digest of misnamed.values()) broken.add(digest)
  return broken
}

/** A medium that failed, or a bound of the caller's: the blob may be as good as any. */
function saysNothing(code: FindingCode): boolean {
  return code.startsWith('STORAGE_') || code === 'LIMIT_EXCEEDED'
}

async function isWhole(work: Work, digest: string): Promise<boolean> {
  if (!isVerifiable(digest)) return true
  const file = await unlessFaulty(findBlob(work.layout.places, digest, work))
  return file !== undefined && (await digestsOf(work, file))[verifiableAlgorithm(digest)] === digest
}
