/** What a copy has to bring: every blob below some entries, in an order in which nothing lacks what it names. */

import { findBlob, openBlob, readPart } from '../blob.ts'
import { blobPath, isVerifiable } from '../digest.ts'
import { parseBounded, refuse, sizeLimitOf } from '../document.ts'
import { OciError } from '../errors.ts'
import { type Layout, readDocument } from '../layout.ts'
import { checkLimit } from '../limits.ts'
import { layerType, manifestKind } from '../media-types.ts'
import type { Descriptor, JsonObject } from '../spec.ts'
import type { AbortOptions } from '../storage.ts'
import { ambiguitiesOf, problemsOfIndex, problemsOfManifest } from '../validate.ts'
import { type Node, walk } from '../walk.ts'

/** The blobs of a copy. */
export interface CopyPlan {
  /** Each blob once. What stands in one stage may come at once; children stand in an earlier one than their parents. */
  readonly stages: readonly (readonly Descriptor[])[]
  /** What is named but isn't in the source, and needn't be: children of a nested index, foreign layers. */
  readonly absent: readonly Descriptor[]
}

/**
 * Finds all that these entries reach; documents are verified and judged on the way, other blobs only named.
 *
 * Throws `BLOB_MISSING` for a document that the source must have, and hasn't.
 */
export async function planCopy(
  from: Layout,
  entries: readonly Descriptor[],
  options: AbortOptions = {},
): Promise<CopyPlan> {
  const found = new Map<string, Descriptor>()
  const absent = new Map<string, Descriptor>()
  const parents = new Map<string, Set<string>>()
  const roots = entries.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }))
  const read = async (node: Node): Promise<JsonObject | undefined> =>
    absent.has(keyOf(node.descriptor)) ? undefined : readLinks(from, node.descriptor, options)
  for await (const node of walk({ manifests: roots }, { limits: from.engine.limits, read })) {
    const { descriptor, role, parent } = node
    if (role === 'subject') continue
    const key = keyOf(descriptor)
    if (parent !== undefined) parents.set(key, (parents.get(key) ?? new Set()).add(keyOf(parent.descriptor)))
    if (found.has(key)) continue
    if (await isAbsent(from, node, options)) absent.set(key, descriptor)
    else if (!absent.has(key)) found.set(key, descriptor)
    else throw new OciError('BLOB_MISSING', { digest: descriptor.digest, where: node.path })
  }
  return { stages: stagesOf(found, parents), absent: [...absent.values()] }
}

/** One plan after another, as one: what stands in an earlier one is left out of the later ones. */
export function joined(plans: readonly CopyPlan[]): CopyPlan {
  const [isNewFound, isNewAbsent] = [isFirst(), isFirst()]
  return {
    stages: plans.flatMap(({ stages }) => stages.map(stage => stage.filter(isNewFound))),
    absent: plans.flatMap(({ absent }) => absent.filter(isNewAbsent)),
  }
}

function isFirst(): (blob: Descriptor) => boolean {
  const known = new Set<string>()
  return blob => known.size < known.add(keyOf(blob)).size
}

// By size too: of two descriptors that differ in it one is wrong, and the copy must meet it.
function keyOf({ digest, size }: Descriptor): string {
  return `${digest} ${size}`
}

/** Not in the source, and needn't be: a layout may be sparse below a nested index, and foreign layers lie elsewhere. */
async function isAbsent(
  from: Layout,
  { descriptor, role, depth }: Node,
  options: AbortOptions,
): Promise<boolean> {
  const mayBe = role === 'entry' ? depth > 0 : layerType(descriptor.mediaType)?.foreign === true
  return mayBe && (await findBlob(from.places, descriptor.digest, options)) === undefined
}

/** A manifest or index. One whose digest can't be verified is read all the same: what it names is verified. */
async function readLinks(from: Layout, descriptor: Descriptor, options: AbortOptions): Promise<JsonObject> {
  const { value } = isVerifiable(descriptor.digest)
    ? await readDocument(from, descriptor, options)
    : { value: await readUnverified(from, descriptor, options) }
  const isIndex = manifestKind(descriptor.mediaType) === 'index'
  refuse(isIndex ? problemsOfIndex(value) : problemsOfManifest(value), descriptor.digest)
  refuse(ambiguitiesOf(value, descriptor.mediaType), descriptor.digest)
  return value
}

async function readUnverified(
  { storage, places, engine: { limits } }: Layout,
  descriptor: Descriptor,
  options: AbortOptions,
): Promise<JsonObject> {
  const { digest: where, size: found, mediaType } = descriptor
  checkLimit(limits, sizeLimitOf(mediaType), { found, where })
  const file = await openBlob(places, descriptor, options)
  const bytes = await readPart(file, { storage: storage.name, path: blobPath(where) }, options)
  return parseBounded(bytes, { where, limits })
}

/** Children before parents: a stage is all that waits for nothing but earlier ones. */
function stagesOf(
  blobs: ReadonlyMap<string, Descriptor>,
  parents: ReadonlyMap<string, ReadonlySet<string>>,
): Descriptor[][] {
  const awaited = new Map([...blobs.keys()].map(key => [key, 0]))
  for (const key of blobs.keys()) {
    for (const parent of parents.get(key) ?? []) awaited.set(parent, (awaited.get(parent) ?? 0) + 1)
  }
  const stages: Descriptor[][] = []
  let ready = [...awaited].filter(([, children]) => children === 0).map(([key]) => key)
  while (ready.length > 0) {
    stages.push(ready.flatMap(key => blobs.get(key) ?? []))
    const next: string[] = []
    for (const key of ready) {
      awaited.delete(key)
      for (const parent of parents.get(key) ?? []) {
        const children = (awaited.get(parent) ?? 0) - 1
        awaited.set(parent, children)
        if (children === 0) next.push(parent)
      }
    }
    ready = next
  }
  // Documents whose digests nobody can verify may name each other in a circle; then there is no order.
  const circle = [...awaited.keys()].flatMap(key => blobs.get(key) ?? [])
  return circle.length > 0 ? [...stages, circle] : stages
}
