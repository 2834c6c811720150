/** What the specification demands of each document, checked on parsed JSON. Unknown fields are never a fault (J4). */

import { isDigest } from './digest.ts'
import { isJsonObject, kindOf } from './json.ts'
import { type ManifestKind, manifestKind } from './media-types.ts'
import type { JsonObject, JsonValue } from './spec.ts'

/** One way in which a document isn't what the specification says. */
export interface Problem {
  /** A JSON pointer into the document; `''` is the whole. */
  readonly at: string
  readonly expected: string
  readonly found: string
  /** Set where a fault has a code of its own; else it is `DOCUMENT_INVALID`. */
  readonly code?: 'DIGEST_INVALID' | 'MEDIA_TYPE_UNEXPECTED'
  /** The text found, as it stands there; `found` is quoted for messages. */
  readonly text?: string
}

/** Every problem of an image index, index.json included (I1 to I5). */
export function problemsOfIndex(value: JsonObject): Problem[] {
  return [
    ...schemaVersion(value),
    ...ownMediaType(value, 'index'),
    ...absent(value, ['config', 'layers']),
    ...descriptors(value, 'manifests'),
    ...commonFields(value),
  ]
}

/** Every problem of an image manifest (M1 to M8). */
export function problemsOfManifest(value: JsonObject): Problem[] {
  return [
    ...schemaVersion(value),
    ...ownMediaType(value, 'manifest'),
    // A document that is a manifest to one reader and an index to another (CVE-2021-41190).
    ...absent(value, ['manifests', 'fsLayers']),
    ...problemsOfDescriptor(value.config, '/config'),
    ...descriptors(value, 'layers'),
    ...commonFields(value),
  ]
}

/** Every problem of an image config (C1 to C6). An optional field may be `null` (C3). */
export function problemsOfConfig(value: JsonObject): Problem[] {
  return [
    ...required(value.architecture, '/architecture', text),
    ...required(value.os, '/os', text),
    ...optional(value.created, '/created', text),
    ...optional(value.variant, '/variant', text),
    ...optional(value.author, '/author', text),
    ...optional(value['os.version'], '/os.version', text),
    ...optional(value['os.features'], '/os.features', texts),
    ...container(value.config),
    ...rootfs(value.rootfs),
    ...history(value.history),
  ]
}

/** Every problem of a descriptor that stands at `at` (D1 to D4, D7). */
export function problemsOfDescriptor(value: JsonValue | undefined, at: string): Problem[] {
  if (!isJsonObject(value)) return [problem(at, 'a descriptor', value)]
  const { mediaType, digest, size } = value
  const problems = [
    ...(isMediaType(mediaType) ? [] : [problem(`${at}/mediaType`, 'a media type', mediaType)]),
    ...(isDigest(digest)
      ? []
      : [
          {
            ...problem(`${at}/digest`, 'a digest', digest),
            code: 'DIGEST_INVALID' as const,
            ...(isString(digest) && { text: digest }),
          },
        ]),
    ...(isSize(size) ? [] : [problem(`${at}/size`, 'a size in bytes', size)]),
    ...optional(value.urls, `${at}/urls`, texts),
    ...optional(value.data, `${at}/data`, base64),
    ...optional(value.artifactType, `${at}/artifactType`, text),
    ...annotations(value, at),
    ...platform(value.platform, `${at}/platform`),
  ]
  return problems
}

/** Tells whether a value is a media type (D1). */
export function isMediaType(value: unknown): value is string {
  return isString(value) && mediaTypeGrammar.test(value)
}

// RFC 6838, 4.2; parameters are tolerated, as every peer does, but no control characters.
const mediaTypeGrammar =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:[ \t]*;[ \t!-~]*)?$/

function problem(at: string, expected: string, found: JsonValue | undefined): Problem {
  return { at, expected, found: kindOf(found) }
}

function schemaVersion({ schemaVersion: version }: JsonObject): Problem[] {
  return version === 2 ? [] : [problem('/schemaVersion', '2', version)]
}

function ownMediaType({ mediaType }: JsonObject, kind: ManifestKind): Problem[] {
  if (mediaType === undefined || mediaType === null || mediaType === '') return []
  if (isString(mediaType) && manifestKind(mediaType) === kind) return []
  return [
    {
      ...problem('/mediaType', `the type of an image ${kind}`, mediaType),
      code: 'MEDIA_TYPE_UNEXPECTED',
      ...(isString(mediaType) && { text: mediaType }),
    },
  ]
}

function absent(value: JsonObject, names: readonly string[]): Problem[] {
  return names
    .filter(name => Object.hasOwn(value, name))
    .map(name => problem(`/${name}`, 'no such field', value[name]))
}

function descriptors(value: JsonObject, name: string): Problem[] {
  const items = value[name]
  // Go writes an empty list as `null`, and every peer reads it so.
  if (items === null) return []
  if (!Array.isArray(items)) return [problem(`/${name}`, 'an array of descriptors', items)]
  return items.flatMap((item, i) => problemsOfDescriptor(item, `/${name}/${i}`))
}

function commonFields(value: JsonObject): Problem[] {
  const { subject } = value
  return [
    ...(subject === undefined || subject === null ? [] : problemsOfDescriptor(subject, '/subject')),
    ...optional(value.artifactType, '/artifactType', text),
    ...annotations(value, ''),
  ]
}

function annotations(value: JsonObject, at: string): Problem[] {
  return optional(value.annotations, `${at}/annotations`, textMap)
}

function platform(value: JsonValue | undefined, at: string): Problem[] {
  if (value === undefined || value === null) return []
  if (!isJsonObject(value)) return [problem(at, 'a platform', value)]
  return [
    ...required(value.architecture, `${at}/architecture`, text),
    ...required(value.os, `${at}/os`, text),
    ...optional(value.variant, `${at}/variant`, text),
    ...optional(value['os.version'], `${at}/os.version`, text),
    ...optional(value['os.features'], `${at}/os.features`, texts),
  ]
}

function rootfs(value: JsonValue | undefined): Problem[] {
  if (!isJsonObject(value)) return [problem('/rootfs', 'an object', value)]
  const { type, diff_ids: diffIds } = value
  const wrongType = type === 'layers' ? [] : [problem('/rootfs/type', '"layers"', type)]
  // Go writes an image without layers as `null` (C3 is silent here, every peer reads it).
  if (diffIds === null) return wrongType
  if (!Array.isArray(diffIds))
    return [...wrongType, problem('/rootfs/diff_ids', 'an array of digests', diffIds)]
  return [
    ...wrongType,
    ...diffIds.flatMap((item, i) =>
      isDigest(item) ? [] : [problem(`/rootfs/diff_ids/${i}`, 'a digest', item)],
    ),
  ]
}

function history(value: JsonValue | undefined): Problem[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return [problem('/history', 'an array', value)]
  return value.flatMap((item, i) => {
    const at = `/history/${i}`
    if (!isJsonObject(item)) return [problem(at, 'an object', item)]
    return [
      ...historyTexts.flatMap(name => optional(item[name], `${at}/${name}`, text)),
      ...optional(item.empty_layer, `${at}/empty_layer`, flag),
    ]
  })
}

const historyTexts = ['created', 'created_by', 'author', 'comment']

function container(value: JsonValue | undefined): Problem[] {
  if (value === undefined || value === null) return []
  if (!isJsonObject(value)) return [problem('/config', 'an object', value)]
  const each = (names: readonly string[], kind: Kind): Problem[] =>
    names.flatMap(name => optional(value[name], `/config/${name}`, kind))
  return [
    ...each(['User', 'WorkingDir', 'StopSignal'], text),
    ...each(['Env', 'Entrypoint', 'Cmd'], texts),
    ...each(['ExposedPorts', 'Volumes'], object),
    ...each(['Labels'], textMap),
  ]
}

/** What a field must be, and how that is said. */
interface Kind {
  readonly expected: string
  holds(field: JsonValue): boolean
}

const text: Kind = { expected: 'a string', holds: isString }
const texts: Kind = { expected: 'an array of strings', holds: isStrings }
const textMap: Kind = { expected: 'a map of strings', holds: isStringMap }
const object: Kind = { expected: 'an object', holds: isJsonObject }
const flag: Kind = { expected: 'true or false', holds: field => typeof field === 'boolean' }
const base64: Kind = { expected: 'base64', holds: isBase64 }

function required(field: JsonValue | undefined, at: string, kind: Kind): Problem[] {
  return field !== undefined && kind.holds(field) ? [] : [problem(at, kind.expected, field)]
}

function optional(field: JsonValue | undefined, at: string, kind: Kind): Problem[] {
  return field === undefined || field === null ? [] : required(field, at, kind)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every(isString)
}

function isStringMap(value: unknown): boolean {
  return isJsonObject(value) && Object.values(value).every(isString)
}

function isSize(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

// RFC 4648, 4: not the url-safe alphabet (D7). Checked by length and alphabet, without a backtracking pattern.
function isBase64(value: unknown): boolean {
  return isString(value) && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
}
