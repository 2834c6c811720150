/** What an image's manifest, config and entry must agree on; pure, on documents that are valid by themselves. */

import { plain, quote } from './errors.ts'
import type { Finding, FindingCode, Severity } from './findings.ts'
import { tagOf } from './index-json.ts'
import { isJsonObject } from './json.ts'
import { layerType } from './media-types.ts'
import { formatPlatform, matchesPlatform } from './platform.ts'
import {
  annotationKeys,
  type Descriptor,
  type ImageConfig,
  type JsonObject,
  mediaTypes,
  type Platform,
} from './spec.ts'
import type { Node } from './walk.ts'

/** An entry of an index, where it stands and what its image's config says of the platform. */
export interface EntryNote {
  readonly path: string
  readonly descriptor: Descriptor
  readonly isNested: boolean
}

/** A manifest with the empty config must say what it is by `artifactType` (M4). */
export function artifactFindings(node: Node, { artifactType, config }: JsonObject): Finding[] {
  const isEmpty = isJsonObject(config) && config.mediaType === mediaTypes.empty
  if (!isEmpty || (typeof artifactType === 'string' && artifactType !== '')) return []
  const message = 'a manifest with the empty config must have an artifactType'
  const { digest } = node.descriptor
  return [{ severity: 'warning', code: 'ARTIFACT_TYPE_ABSENT', digest, path: node.path, message }]
}

/** Counts of layers, diffIDs and history against each other (C6, C8). */
export function configFindings(node: Node, config: ImageConfig, layers: number): Finding[] {
  const { digest } = node.descriptor
  const finding = (severity: Severity, code: FindingCode, message: string): Finding => ({
    severity,
    code,
    digest,
    ...imageOf(node),
    path: node.path,
    message,
  })
  const found: Finding[] = []
  const diffIds = config.rootfs.diff_ids?.length ?? 0
  if (diffIds !== layers) {
    found.push(
      finding(
        'error',
        'DIFF_IDS_COUNT',
        `the config lists ${diffIds} diffIDs, the manifest ${layers} layers`,
      ),
    )
  }
  const history = config.history ?? []
  const told = history.filter(entry => entry.empty_layer !== true).length
  if (history.length > 0 && told !== layers) {
    // Fewer is what tools make that push a layer and forget to say so; more means that a layer is gone.
    const severity = told > layers ? 'warning' : 'info'
    found.push(
      finding(severity, 'HISTORY_COUNT', `the history tells of ${told} layers, the manifest lists ${layers}`),
    )
  }
  if (!config.os || !config.architecture) {
    found.push(finding('info', 'PLATFORM_EMPTY', 'the config names no os or no architecture'))
  }
  return found
}

/** A layer that isn't compressed is its own diffID (C8); others would have to be unpacked. */
export function plainLayerFindings(
  node: Node,
  { diffIds, layers }: { diffIds: readonly string[]; layers: readonly Descriptor[] },
): Finding[] {
  return layers.flatMap(({ mediaType, digest }, i) => {
    const diffId = diffIds[i]
    const isPlain = layerType(mediaType)?.compression === 'none'
    if (!isPlain || diffId === undefined || diffId === digest || !isSameAlgorithm(diffId, digest)) return []
    const path = `${node.path}/rootfs/diff_ids/${i}`
    const message = `the layer is not compressed, but its diffID is ${diffId}`
    return [{ severity: 'error', code: 'DIFF_ID_MISMATCH', digest, ...imageOf(node), path, message }]
  })
}

/** The image whose part a node is. */
export function imageOf({ parent }: Node): Pick<Finding, 'image'> {
  return parent === undefined ? {} : { image: parent.descriptor.digest }
}

/** Tells whether two digests are of one algorithm. */
export function isSameAlgorithm(a: string, b: string): boolean {
  return a.slice(0, a.indexOf(':')) === b.slice(0, b.indexOf(':'))
}

/** Entries whose platform isn't their config's, and names that stand on more than one entry. */
export function entryFindings(
  entries: readonly EntryNote[],
  platforms: ReadonlyMap<string, Platform>,
): Finding[] {
  return [...platformFindings(entries, platforms), ...tagFindings(entries, platforms)]
}

function platformFindings(
  entries: readonly EntryNote[],
  platforms: ReadonlyMap<string, Platform>,
): Finding[] {
  return entries.flatMap(({ descriptor, path }) => {
    const { platform, digest } = descriptor
    const own = platforms.get(digest)
    if (!platform?.os || !platform.architecture || own === undefined || agrees(platform, own)) return []
    const message = `the entry says ${plain(formatPlatform(platform))}, the config ${plain(formatPlatform(own))}`
    return [{ severity: 'warning', code: 'PLATFORM_MISMATCH', digest, path, message }]
  })
}

function agrees(entry: Platform, config: Platform): boolean {
  const { os, architecture, variant } = entry
  return matchesPlatform(config, { os, architecture, ...(variant && config.variant ? { variant } : {}) })
}

function tagFindings(entries: readonly EntryNote[], platforms: ReadonlyMap<string, Platform>): Finding[] {
  const found: Finding[] = []
  const seen = new Map<string, Set<string>>()
  for (const { descriptor, path, isNested } of entries) {
    // ref.name means nothing in a nested index (A4).
    const tag = isNested ? undefined : fullNameOf(descriptor)
    if (tag === undefined) continue
    // Windows lists one image for each version of the system.
    const platform: Partial<Platform> = platforms.get(descriptor.digest) ?? descriptor.platform ?? {}
    const key = `${formatPlatform(platform)} ${platform['os.version'] ?? ''}`
    const others = seen.get(tag)
    if (others !== undefined) found.push(sharedName({ descriptor, path, tag, isSame: others.has(key) }))
    seen.set(tag, (others ?? new Set()).add(key))
  }
  return found
}

function sharedName(entry: { descriptor: Descriptor; path: string; tag: string; isSame: boolean }): Finding {
  const { descriptor, path, tag, isSame } = entry
  const name = quote(tag)
  return {
    severity: isSame ? 'warning' : 'info',
    code: isSame ? 'TAG_DUPLICATE' : 'TAG_ON_PLATFORMS',
    digest: descriptor.digest,
    path,
    message: isSame
      ? `another entry of the same platform goes by ${name}; readers take the first`
      : `entries of several platforms go by ${name}`,
  }
}

/** Docker saves `latest` of two repositories under one ref.name: only the full name tells them apart. */
function fullNameOf(entry: Descriptor): string | undefined {
  const full = entry.annotations?.[annotationKeys.containerdName]
  return full ?? tagOf(entry)
}
