/** What a copy lists in its target, and what it brings for that. */

import { findBlob } from '../blob.ts'
import { hasTag, named, unnamed } from '../index-json.ts'
import { type Layout, readIndexJson } from '../layout.ts'
import type { PlatformRequest } from '../platform.ts'
import { checkTag, parseRef, type Ref } from '../reference.ts'
import { ReferringEntries } from '../referring.ts'
import { type Image, openImage, roots } from '../resolve.ts'
import type { Descriptor } from '../spec.ts'
import type { AbortOptions } from '../storage.ts'
import { type CopyPlan, joined, planCopy } from './plan.ts'

/** What of a source is copied. */
export interface ChoiceOptions extends AbortOptions {
  /** What is copied of a layout: all entries of a tag, a digest wherever it is listed. All of index.json unless given. */
  readonly refs?: readonly Ref[] | undefined
  /** The name in the target, of one image or one reference. Each entry keeps its own unless given. */
  readonly as?: string | undefined
  /** Of each reference the image for this platform alone, listed as itself; else an index comes whole. */
  readonly platform?: PlatformRequest | undefined
  /**
   * Brings what refers to what is copied (signatures, SBOMs), and what refers to that, where index.json lists it: a
   * referrer that stands in another index alone comes with that index. A fallback tag of the target's own gives way to
   * the source's, as any name does.
   */
  readonly referrers?: boolean | undefined
}

/** Throws `TypeError` for options that don't go together, `RangeError` for what can't be a name. */
export function checkChoice(source: Image | Layout, { refs, as, platform }: ChoiceOptions): void {
  const isImage = 'manifest' in source
  if (isImage && (refs !== undefined || platform !== undefined))
    throw new TypeError('an image is copied as it is: refs and platform choose from a layout')
  if (platform !== undefined && refs === undefined) throw new TypeError('platform goes with refs')
  if (as === undefined) return
  checkTag(as)
  if (!isImage && refs?.length !== 1) throw new TypeError('as is the name of one image or one reference')
}

/** The entries that a copy lists, of an image or of a layout. */
export async function chosenOf(source: Image | Layout, options: ChoiceOptions): Promise<Descriptor[]> {
  return 'manifest' in source ? [await entryOf(source, options)] : entriesIn(source, options)
}

async function entriesIn(from: Layout, options: ChoiceOptions): Promise<Descriptor[]> {
  const { refs } = options
  if (refs === undefined) return [...(await readIndexJson(from, options)).value.manifests]
  const chosen: Descriptor[] = []
  for (const ref of refs) chosen.push(...(await entriesOf(from, ref, options)))
  return chosen
}

async function entriesOf(from: Layout, ref: Ref, options: ChoiceOptions): Promise<Descriptor[]> {
  if (options.platform !== undefined) return [await entryOf(await openImage(from, ref, options), options)]
  const { entries, tag } = await roots(from, ref, options)
  // What the caller gives as an entry is one.
  if (parseRef(ref).kind === 'descriptor')
    return entries.map(({ descriptor }) => renamed(descriptor, options.as))
  const listed: Descriptor[] = []
  for (const { descriptor, index } of entries)
    listed.push(await entryOf({ layout: from, descriptor, index, tag }, options))
  return listed
}

/** The entry of what a tag or digest led to, which may stand in a nested index, where names count for nothing. */
async function entryOf(
  { layout, descriptor, index, tag }: Pick<Image, 'layout' | 'descriptor' | 'index' | 'tag'>,
  { as, signal }: ChoiceOptions,
): Promise<Descriptor> {
  // index.json itself is no blob.
  const isNested = index !== undefined && (await findBlob(layout.places, index.descriptor.digest, { signal }))
  const entry = isNested ? unnamed(descriptor) : descriptor
  const name = as ?? (tag !== undefined && !hasTag(entry, tag) ? tag : undefined)
  return renamed(entry, name)
}

function renamed(entry: Descriptor, name: string | undefined): Descriptor {
  return name === undefined ? entry : named(entry, name)
}

/** The plan for some entries and, if asked, for what refers to them; referrers may have their own: a signed SBOM. */
export async function planOf(
  from: Layout,
  chosen: readonly Descriptor[],
  options: ChoiceOptions,
): Promise<{ entries: readonly Descriptor[]; plan: CopyPlan }> {
  const plans = [await planCopy(from, chosen, options)]
  const entries = [...chosen]
  const planned = new Set<string>()
  const referring = options.referrers ? await ReferringEntries.read(from, options) : undefined
  for (const plan of plans) {
    const reached = plan.stages.flat().map(({ digest }) => digest)
    for (const digest of reached) planned.add(digest)
    const fresh = referring?.to(reached).filter(({ digest }) => !planned.has(digest)) ?? []
    if (fresh.length === 0) continue
    for (const entry of fresh) entries.push(entry)
    plans.push(await planCopy(from, fresh, options))
  }
  return { entries, plan: joined(plans) }
}
