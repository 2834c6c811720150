/** The graph of descriptors from index.json down: what fsck, gc, copy and referrers have in common. */

import { isJsonObject } from './json.ts'
import { checkLimit, type Limits } from './limits.ts'
import { manifestKind } from './media-types.ts'
import { inParallel } from './parallel.ts'
import type { Descriptor, JsonObject, JsonValue } from './spec.ts'
import type { AbortOptions } from './storage.ts'
import { problemsOfDescriptor } from './validate.ts'

/** What a descriptor is to the document that holds it. */
export type Role = 'entry' | 'config' | 'layer' | 'subject'

/** One place where a descriptor stands. A blob that is listed twice has two. */
export interface Node {
  readonly descriptor: Descriptor
  readonly role: Role
  /** From index.json down: `index.json/manifests/0/layers/1`. */
  readonly path: string
  /** How many indexes are around it: 0 in index.json itself. */
  readonly depth: number
  /** The document that holds it; index.json has none. */
  readonly parent: Node | undefined
}

/** How the walk gets at documents, and its bounds. */
export interface WalkOptions {
  /** The value of a manifest or index; `undefined` when it can't be had, and then nothing below it is visited. */
  read(node: Node): Promise<JsonObject | undefined>
  readonly limits: Limits
}

/**
 * Every node below index.json, depth first, in document order; a document is entered once, so cycles end. Named by
 * another size or type it counts as another: one of the two is wrong, and it need not be the second.
 *
 * Subjects are weak links (M8): they are given, but not followed. Throws `LIMIT_EXCEEDED` for too many documents
 * or indexes too deep inside each other.
 */
export async function* walk(index: JsonObject, options: WalkOptions): AsyncGenerator<Node> {
  const { limits, read } = options
  const entered = new Set<string>()
  const waiting = childrenOf(index).reverse()
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node
    if (!isDocument(node) || entered.has(keyOf(node.descriptor))) continue
    entered.add(keyOf(node.descriptor))
    checkLimit(limits, 'maxDocuments', { found: entered.size, where: 'index.json' })
    const value = await read(node)
    if (value === undefined) continue
    if (isTooDeep(node, limits))
      checkLimit(limits, 'maxIndexDepth', { found: node.depth + 1, where: 'index.json' })
    for (const child of childrenOf(value, node).reverse()) waiting.push(child)
  }
}

/** As many small reads as keep a medium busy, and few enough that none of them waits long. */
export const readsAtOnce = 16

/** What a document names that is to be read in its turn. */
export interface Explored {
  readonly documents: readonly Descriptor[]
}

/** How `explore` reads, and its bounds. */
export interface ExploreOptions<Found extends Explored> extends AbortOptions {
  read(descriptor: Descriptor): Promise<Found>
  readonly limits: Limits
}

/**
 * Reads all that some entries reach and that isn't `known` yet, several at a time, each document once: cycles end, and
 * no depth is too deep. The order is for the caller to make, who now has it all by `keyOf`.
 *
 * Throws `LIMIT_EXCEEDED` for too many documents.
 */
export async function explore<Found extends Explored>(
  entries: readonly Descriptor[],
  known: Map<string, Found>,
  options: ExploreOptions<Found>,
): Promise<void> {
  const { read, limits, signal } = options
  const entered = new Set<string>()
  for (let level = entries; level.length > 0; ) {
    const fresh = new Map<string, Descriptor>()
    for (const entry of level) if (!entered.has(keyOf(entry))) fresh.set(keyOf(entry), entry)
    for (const key of fresh.keys()) entered.add(key)
    checkLimit(limits, 'maxDocuments', { found: entered.size, where: 'index.json' })
    const unread = [...fresh].filter(([key]) => !known.has(key))
    await inParallel(unread, async ([key, entry]) => void known.set(key, await read(entry)), {
      concurrency: readsAtOnce,
      signal,
    })
    level = [...fresh.keys()].flatMap(key => known.get(key)?.documents ?? [])
  }
}

/** A node that the walk enters: a manifest or an index. */
export function isDocument({ descriptor, role }: Node): boolean {
  return role === 'entry' && manifestKind(descriptor.mediaType) !== undefined
}

/** What a document is known by: another size or type may be the right one. */
export function keyOf({ digest, size, mediaType }: Descriptor): string {
  return `${digest} ${size} ${mediaType}`
}

/** An index inside more indexes than the limit allows. */
export function isTooDeep({ descriptor, depth }: Node, limits: Limits): boolean {
  return depth >= limits.maxIndexDepth && manifestKind(descriptor.mediaType) === 'index'
}

/** What a document lists, passing over what isn't a descriptor: the document's own check reports that. */
export function childrenOf(value: JsonObject, parent?: Node): Node[] {
  const depth = parent === undefined ? 0 : parent.depth + 1
  const path = parent?.path ?? 'index.json'
  const node = (role: Role, item: JsonValue | undefined, at: string): Node[] =>
    isDescriptor(item) ? [{ descriptor: item, role, path: `${path}/${at}`, depth, parent }] : []
  return [
    ...list(value.manifests).flatMap((item, i) => node('entry', item, `manifests/${i}`)),
    ...node('config', value.config, 'config'),
    ...list(value.layers).flatMap((item, i) => node('layer', item, `layers/${i}`)),
    ...node('subject', value.subject, 'subject'),
  ]
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

/** Good enough to be followed: what is optional in it may be wrong. */
export function isDescriptor(value: JsonValue | undefined): value is JsonObject & Descriptor {
  if (!isJsonObject(value)) return false
  const { mediaType, digest, size } = value
  return problemsOfDescriptor({ mediaType, digest, size }, '').length === 0
}
