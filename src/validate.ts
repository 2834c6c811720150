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
    ...absent(value, fieldsOfOthers.index),
    ...descriptors(value, 'manifests'),
    ...commonFields(value),
  ]
}

/** Every problem of an image manifest (M1 to M8). */
export function problemsOfManifest(value: JsonObject): Problem[] {
  return [
    ...schemaVersion(value),
    ...ownMediaType(value, 'manifest'),
    ...absent(value, fieldsOfOthers.manifest),
    ...problemsOfDescriptor(value.config, '/config'),
    ...descriptors(value, 'layers'),
    ...commonFields(value),
  ]
}

/**
 * What makes a document one thing to one reader and another to the next (CVE-2021-41190), given what its descriptor
 * calls it.
 */
export function ambiguitiesOf(value: object, mediaType: string): Problem[] {
  const kind = manifestKind(mediaType)
  if (kind === undefined) return []
  const own = 'mediaType' in value ? value.mediaType : undefined
  const others = absent(value, fieldsOfOthers[kind])
  if (!isString(own) || own === '' || own === mediaType) return others
  return [{ ...problem('/mediaType', mediaType, own), code: 'MEDIA_TYPE_UNEXPECTED', text: own }, ...others]
}

const fieldsOfOthers: Readonly<Record<ManifestKind, readonly string[]>> = {
  index: ['config', 'layers'],
  manifest: ['manifests', 'fsLayers'],
}

/** Every problem of an image config (C1 to C6). An optional field may be `null` (C3). */
export function problemsOfConfig(value: JsonObject): Problem[] {
  return [
    ...noManifest(value),
    ...problemsOfFields(value, configFields, ''),
    ...container(value.config),
    ...rootfs(value.rootfs),
    ...history(value.history),
  ]
}

/** Every problem of a descriptor that stands at `at` (D1 to D4, D7). */
export function problemsOfDescriptor(value: JsonValue | undefined, at: string): Problem[] {
  if (!isJsonObject(value)) return [problem(at, 'a descriptor', value)]
  const problems = problemsOfFields(value, descriptorFields, at)
  if (value.platform !== undefined) problems.push(...platform(value.platform, `${at}/platform`))
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

/** A config has no type of its own; one that calls itself a manifest is meant to be taken for both. */
function noManifest({ mediaType }: JsonObject): Problem[] {
  if (!isString(mediaType) || manifestKind(mediaType) === undefined) return []
  const fault = problem('/mediaType', 'no type of another document', mediaType)
  return [{ ...fault, code: 'MEDIA_TYPE_UNEXPECTED', text: mediaType }]
}

function absent(value: object, names: readonly string[]): Problem[] {
  return names
    .filter(name => Object.hasOwn(value, name))
    .map(name => problem(`/${name}`, 'no such field', Reflect.get(value, name)))
}

function descriptors(value: JsonObject, name: string): Problem[] {
  const items = value[name]
  // Go writes an empty list as `null`, and every peer reads it so.
  if (items === null) return []
  if (!Array.isArray(items)) return [problem(`/${name}`, 'an array of descriptors', items)]
  return firstOf(items, (item, i) => problemsOfDescriptor(item, `/${name}/${i}`))
}

function commonFields(value: JsonObject): Problem[] {
  const { subject } = value
  return [
    ...(subject === undefined || subject === null ? [] : problemsOfDescriptor(subject, '/subject')),
    ...problemsOfFields(value, documentFields, ''),
  ]
}

function platform(value: JsonValue | undefined, at: string): Problem[] {
  if (value === undefined || value === null) return []
  if (!isJsonObject(value)) return [problem(at, 'a platform', value)]
  return problemsOfFields(value, platformFields, at)
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
    ...firstOf(diffIds, (item, i) =>
      isDigest(item) ? [] : [problem(`/rootfs/diff_ids/${i}`, 'a digest', item)],
    ),
  ]
}

function history(value: JsonValue | undefined): Problem[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return [problem('/history', 'an array', value)]
  return firstOf(value, (item, i) => {
    const at = `/history/${i}`
    return isJsonObject(item) ? problemsOfFields(item, historyFields, at) : [problem(at, 'an object', item)]
  })
}

function container(value: JsonValue | undefined): Problem[] {
  if (value === undefined || value === null) return []
  if (!isJsonObject(value)) return [problem('/config', 'an object', value)]
  return problemsOfFields(value, containerFields, '/config')
}

/** The problems of a list's items, to the first thousand: nobody reads more, and a million would fill the memory. */
function firstOf(items: readonly JsonValue[], check: (item: JsonValue, i: number) => Problem[]): Problem[] {
  const problems: Problem[] = []
  for (const [i, item] of items.entries()) {
    for (const found of check(item, i)) problems.push(found)
    if (problems.length >= mostProblems) break
  }
  return problems
}

const mostProblems = 1000

function problemsOfFields(value: JsonObject, fields: Fields, at: string): Problem[] {
  const problems: Problem[] = []
  for (const [name, kind] of fields) {
    const field = value[name]
    const isAbsent = field === undefined || field === null
    if (isAbsent ? kind.optional : kind.holds(field)) continue
    problems.push(faultOf(field, kind, `${at}/${name}`))
  }
  return problems
}

function faultOf(field: JsonValue | undefined, { expected, code }: Kind, at: string): Problem {
  const fault = problem(at, expected, field)
  if (code === undefined) return fault
  return { ...fault, code, ...(isString(field) && { text: field }) }
}

/** What a field must be, and how that is said. */
interface Kind {
  readonly expected: string
  readonly optional?: boolean
  /** Set where the fault has a code of its own. */
  readonly code?: 'DIGEST_INVALID'
  holds(field: JsonValue): boolean
}

/** Checked in this order. */
type Fields = readonly (readonly [name: string, kind: Kind])[]

const text: Kind = { expected: 'a string', holds: isString }
const optionalText: Kind = { ...text, optional: true }
const optionalTexts: Kind = { expected: 'an array of strings', optional: true, holds: isStrings }
const optionalTextMap: Kind = { expected: 'a map of strings', optional: true, holds: isStringMap }
const optionalObject: Kind = { expected: 'an object', optional: true, holds: isJsonObject }

const platformFields: Fields = [
  ['architecture', text],
  ['os', text],
  ['variant', optionalText],
  ['os.version', optionalText],
  ['os.features', optionalTexts],
]

const configFields: Fields = [...platformFields, ['created', optionalText], ['author', optionalText]]

const containerFields: Fields = [
  ['User', optionalText],
  ['WorkingDir', optionalText],
  ['StopSignal', optionalText],
  ['Env', optionalTexts],
  ['Entrypoint', optionalTexts],
  ['Cmd', optionalTexts],
  ['ExposedPorts', optionalObject],
  ['Volumes', optionalObject],
  ['Labels', optionalTextMap],
]

const historyFields: Fields = [
  ['created', optionalText],
  ['created_by', optionalText],
  ['author', optionalText],
  ['comment', optionalText],
  ['empty_layer', { expected: 'true or false', optional: true, holds: field => typeof field === 'boolean' }],
]

const documentFields: Fields = [
  ['artifactType', optionalText],
  ['annotations', optionalTextMap],
]

const descriptorFields: Fields = [
  ['mediaType', { expected: 'a media type', holds: isMediaType }],
  ['digest', { expected: 'a digest', code: 'DIGEST_INVALID', holds: isDigest }],
  ['size', { expected: 'a size in bytes', holds: isSize }],
  ['urls', optionalTexts],
  ['data', { expected: 'base64', optional: true, holds: isBase64 }],
  ...documentFields,
]

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
