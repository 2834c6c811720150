/** A document is always its exact bytes beside their value: bytes that have a digest are never rebuilt (J2). */

import { canonicalBytes } from './canonical-json.ts'
import { digestOf } from './digest.ts'
import { OciError } from './errors.ts'
import { isJsonObject, parseJsonObject } from './json.ts'
import { checkLimit, type Limits } from './limits.ts'
import { isImageConfigType } from './media-types.ts'
import {
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type JsonObject,
  mediaTypes,
} from './spec.ts'
import type { NativeTools } from './storage.ts'
import { type Problem, problemsOfConfig, problemsOfIndex, problemsOfManifest } from './validate.ts'

/**
 * One JSON document of a layout. `value` holds every field of `bytes`, also those that this library doesn't know;
 * a `null` in place of a list of manifests or layers is the empty list.
 */
export interface Document<Value = JsonObject> {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
  readonly value: Value
}

/** Makes a document of a value, in canonical JSON. Throws `TypeError` for what JSON can't say. */
export async function makeDocument<Value extends object>(
  value: Value,
  mediaType: string,
  native?: NativeTools,
): Promise<Document<Value>> {
  const bytes = canonicalBytes(value)
  const digest = await digestOf(bytes, { native })
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes, value }
}

/** Reads verified bytes as the image index that they must be. Throws `DOCUMENT_INVALID`. */
export function parseIndex(bytes: Uint8Array, options: ParseOptions): ImageIndex {
  const value = parseBounded(bytes, options)
  refuse(problemsOfIndex(value), options.where)
  return sound<ImageIndex>({ ...value, manifests: value.manifests ?? [] })
}

/** Reads verified bytes as the image manifest that they must be. Throws `DOCUMENT_INVALID`. */
export function parseManifest(bytes: Uint8Array, options: ParseOptions): ImageManifest {
  const value = parseBounded(bytes, options)
  refuse(problemsOfManifest(value), options.where)
  return sound<ImageManifest>({ ...value, layers: value.layers ?? [] })
}

/** Reads verified bytes as the image config that they must be. Throws `DOCUMENT_INVALID`. */
export function parseConfig(bytes: Uint8Array, options: ParseOptions): ImageConfig {
  const value = parseBounded(bytes, options)
  refuse(problemsOfConfig(value), options.where)
  return sound<ImageConfig>(value)
}

/** The bound on the bytes of a document of this type. */
export function sizeLimitOf(mediaType: string): 'maxConfigSize' | 'maxManifestSize' {
  return isImageConfigType(mediaType) ? 'maxConfigSize' : 'maxManifestSize'
}

/** Reads a document that is about to be written as any reader would. Throws what the reader would. */
export function readBack({ descriptor, bytes }: Document<object>, limits: Limits): JsonObject {
  const { digest: where, mediaType, size: found } = descriptor
  checkLimit(limits, sizeLimitOf(mediaType), { found, where })
  return parseBounded(bytes, { where, limits })
}

/** Where a document's bytes come from, for messages, and its bounds. */
export interface ParseOptions {
  readonly where: string
  readonly limits: Limits
  /** `maxEntries` unless given: index.json may list more. */
  readonly entries?: 'maxEntries' | 'maxIndexEntries'
}

/** Reads bytes as a JSON object within the limits, without judging it otherwise. */
export function parseBounded(bytes: Uint8Array, options: ParseOptions): JsonObject {
  const { where, limits, entries = 'maxEntries' } = options
  const { maxJsonDepth: maxDepth, maxJsonValues: maxValues } = limits
  const value = parseJsonObject(bytes, { where, maxDepth, maxValues })
  for (const list of listsOf(value)) {
    if (Array.isArray(list)) checkLimit(limits, entries, { found: list.length, where })
  }
  return value
}

/** What a descriptor's `data` stands for (D7), not verified; nothing where it isn't base64. */
export function embeddedBytes(data: string): Uint8Array {
  try {
    return Uint8Array.from(atob(data), char => char.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}

/** Throws the first problem as an error; fsck lists them all instead. */
export function refuse(problems: readonly Problem[], where: string): void {
  const [first] = problems
  if (first === undefined) return
  const { at, expected, found, code, text = found } = first
  if (code === 'DIGEST_INVALID') throw new OciError(code, { digest: text, where: `${where}#${at}` })
  if (code === 'MEDIA_TYPE_UNEXPECTED') throw new OciError(code, { mediaType: text, expected, where })
  throw new OciError('DOCUMENT_INVALID', { where, at, expected, found })
}

/** `index.json` of a layout without images, in canonical JSON. */
export function emptyIndexBytes(): Uint8Array {
  return canonicalBytes({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] } satisfies ImageIndex)
}

/**
 * The lists whose every entry is looked at, of whatever kind the document is: it may pretend to be several. History may
 * be longer than any list of layers; the config's size and `maxJsonValues` bound it.
 */
function listsOf({ manifests, layers, rootfs }: JsonObject): readonly unknown[] {
  return [manifests, layers, isJsonObject(rootfs) ? rootfs.diff_ids : undefined]
}

// The one place where checked JSON gets its type: `problemsOf…` has just looked at every field that the type names.
function sound<Value extends object>(value: JsonObject): Value {
  return value as object as Value
}
