/** What a reference without a tag means: the only image of its layout. */

import {
  type AbortOptions,
  type Descriptor,
  matchesPlatform,
  type OciDir,
  type Platform,
  type Ref,
  tagOf,
} from '../src/index.ts'
import { Failure, UsageError } from './command.ts'
import { platformOfImage, unlessFaulty } from './readable.ts'

/** Options of `onlyRef`. */
export interface OnlyOptions extends AbortOptions {
  /** Of several images the only one for this platform will do. */
  readonly platform?: Platform | undefined
}

/** The only image of a layout. Throws `UsageError` with the names there are when several could be meant. */
export async function onlyRef(dir: OciDir, path: string, options: OnlyOptions): Promise<Ref> {
  const choices = await choicesIn(dir, options)
  const [only] = choices
  if (only === undefined) throw new Failure(`${path} lists no image`)
  const isOne = new Set(choices.map(choice => tagOf(choice) ?? choice.digest)).size === 1
  const tag = tagOf(only)
  if (isOne && tag !== undefined) return { tag }
  if (options.platform === undefined) {
    if (isOne) return only
    throw ambiguous(choices, path)
  }
  const [fitting, another] = await imagesFor(dir, options.platform, options)
  if (fitting !== undefined && (isOne || another === undefined)) return fitting
  if (fitting !== undefined) throw ambiguous(choices, path)
  // Nothing fits: the library says what there is.
  return (await dir.openImage(undefined, options)).descriptor
}

/** The entries that could be meant; artifacts only where there is nothing else. */
async function choicesIn(dir: OciDir, options: AbortOptions): Promise<readonly Descriptor[]> {
  const { manifests } = (await dir.readIndex(options)).value
  if (manifests.length < 2) return manifests
  const images = await distinct(dir, manifests, options)
  return images.length > 0 ? images : manifests
}

/** An entry, and the digests of the images at it or below it. */
interface Held {
  readonly entry: Descriptor
  readonly images: ReadonlySet<string>
}

/**
 * The entries that are images of their own: no artifacts, no second name of one digest, and none listed untagged
 * that another entry's index holds (as oras does).
 */
async function distinct(
  dir: OciDir,
  entries: readonly Descriptor[],
  options: AbortOptions,
): Promise<Descriptor[]> {
  const held = new Map<string, Held>()
  for (const entry of entries) {
    if (held.has(entry.digest)) continue
    // What can't be read may be an image: it isn't passed over in silence.
    const images = (await unlessFaulty(imagesBelow(dir, entry, options))) ?? new Set([entry.digest])
    if (images.size > 0) held.set(entry.digest, { entry, images })
  }
  const all = [...held.values()]
  return all
    .filter(one => !all.some(other => other !== one && isPartOf(one, other)))
    .map(({ entry }) => entry)
}

function isPartOf({ entry }: Held, other: Held): boolean {
  return tagOf(entry) === undefined && other.images.has(entry.digest)
}

async function imagesBelow(dir: OciDir, entry: Descriptor, options: AbortOptions): Promise<Set<string>> {
  const digests = new Set<string>()
  for await (const { descriptor } of dir.images(entry, options)) digests.add(descriptor.digest)
  return digests
}

async function imagesFor(dir: OciDir, wanted: Platform, options: AbortOptions): Promise<Descriptor[]> {
  const found: Descriptor[] = []
  for await (const image of dir.images(undefined, options)) {
    const platform = platformOfImage(image)
    if (platform !== undefined && matchesPlatform(platform, wanted)) found.push(image.descriptor)
  }
  return found
}

function ambiguous(choices: readonly Descriptor[], path: string): UsageError {
  const names = choices.map(choice => {
    const tag = tagOf(choice)
    return tag === undefined ? `${path}@${choice.digest}` : `${path}:${tag}`
  })
  const shown = names.slice(0, mostNames)
  const more = names.length > shown.length ? `, and ${names.length - shown.length} more` : ''
  return new UsageError(`${path} has several images, say which: ${shown.join(', ')}${more}`)
}

const mostNames = 10
