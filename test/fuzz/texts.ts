/** JSON documents and references for the fuzzer: seeds, and what a mutant must not give. */

import { memory } from '../../adapters/memory.ts'
import { canonicalJson } from '../../src/canonical-json.ts'
import { blobPath, isDigest } from '../../src/digest.ts'
import { type ParseOptions, parseConfig, parseIndex, parseManifest } from '../../src/document.ts'
import { isOciError, OciError } from '../../src/errors.ts'
import { parseJson } from '../../src/json.ts'
import { defaultLimits } from '../../src/limits.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { formatPlatform, parsePlatform } from '../../src/platform.ts'
import { checkTag } from '../../src/reference.ts'
import { forwarding } from '../suites/index.ts'
import { fixtures } from './fixtures.ts'
import type { Target } from './fuzz.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
const parse: ParseOptions = { where: 'x', limits: defaultLimits }
const words = [
  '"',
  '\\',
  '\\u0061',
  '\\ud800',
  '\\udc00',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '-',
  '-0',
  '.5',
  'e9',
  'e999',
  '1e400',
  '9007199254740993',
  '12345678901234567890',
  'true',
  'null',
  ' ',
  '\n',
  '\0',
  '\ufeff',
  '"__proto__":{},',
  '"a":1,"a":2',
  '"schemaVersion":2,',
  '"manifests":[],',
  '"layers":null,',
  '"size":-1,',
  '"size":1.5,',
  '"digest":"sha256:",',
  '"config":{},',
  '[[[[[[[[[[[[[[[[[[',
  '{"a":{"a":{"a":{"a":',
  'é',
  '\u2028',
  '/',
  '../',
].map(bytesOf)

/** Documents: read as JSON, judged as each kind, and written again. */
export const jsonTarget: Target = {
  name: 'json',
  format: {
    words: [...words, Uint8Array.of(0xff), Uint8Array.of(0xc0, 0x80), Uint8Array.of(0xed, 0xa0, 0x80)],
  },
  seeds: async () => [
    ...[
      '{"a":[1,-2,0.5,1e3,9007199254740993,true,false,null,"x\\u00e9\\n"],"b":{"c":{},"d":[]},"__proto__":{"e":1}}',
      '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:00","size":1,"data":"aGk=","urls":["u"]}]}',
    ].map(bytesOf),
    ...(await fixtures()).json,
  ],
  read: async (bytes, pieces) => {
    const value = parseJson(bytes, { where: 'x' })
    for (const read of [parseIndex, parseManifest, parseConfig]) typed(() => read(bytes, parse))
    // The other way to read it: behind a fraction the careful reader is asked.
    const text = canonicalJson(value)
    if (pieces === bytes.length) return text
    const [, again] = parseJson(bytesOf(`[0.5,${textOf(bytes)}]`), { where: 'x', maxDepth: 65 }) as [
      unknown,
      unknown,
    ]
    return canonicalJson(again)
  },
  judge: async ({ bytes }, result) =>
    unlikeText(textOf(bytes), result.slice(1)) ?? unlikeParsed(textOf(bytes), result.slice(1)),
}

/** The same by `JSON.parse`. */
export const trustingJson: Target = {
  ...jsonTarget,
  read: async bytes => {
    try {
      return canonicalJson(JSON.parse(textOf(bytes)))
    } catch {
      throw new OciError('DOCUMENT_INVALID', { where: 'x', expected: 'JSON' })
    }
  },
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs

/** What was read must have as many tokens as what stands there, and each of its integers: nothing is dropped or rounded. */
function unlikeText(text: string, canonical: string): string | undefined {
  const [before, after] = [text.match(token) ?? [], canonical.match(token) ?? []]
  if (before.length !== after.length) return `${before.length} tokens became ${after.length}`
  const integers = (tokens: readonly string[]): string[] => tokens.filter(each => /^-?[0-9]{16,}$/.test(each))
  // More may be read than stand there: 9007199254740e3 is one, too.
  const read = integers(after)
  for (const written of integers(before)) {
    const at = read.indexOf(written)
    if (at < 0) return `the integer ${written} was rounded`
    read.splice(at, 1)
  }
  return undefined
}

/** Whatever we take is JSON to `JSON.parse` too, and of the same value but for what that rounds. */
function unlikeParsed(text: string, canonical: string): string | undefined {
  try {
    const rounded = canonicalJson(JSON.parse(canonical))
    return canonicalJson(JSON.parse(text)) === rounded ? undefined : 'JSON.parse reads another value'
  } catch (error) {
    return `JSON.parse refuses it: ${error}`
  }
}

const grammar = /^(oci-layout|index\.json|blobs\/[a-z0-9]+([+._-][a-z0-9]+)*\/[a-zA-Z0-9=_-]+)$/

/** Digests, tags, platforms and paths, by everything that takes one. */
export const referencesTarget: Target = {
  name: 'references',
  isWhole: true,
  format: {
    words: [
      '/',
      '..',
      '../',
      '\\',
      '\0',
      ':',
      '@',
      '%2f',
      'C:',
      '.',
      ' ',
      '\n',
      '\u202e',
      '\ud800',
      'sha256:',
      'sha512:',
      'sha256-',
      '__proto__',
      'constructor',
      'ﬀ',
      'I',
      'ı',
      '．',
      '／',
      '\u0000',
      '0'.repeat(64),
      'x'.repeat(300),
    ].map(bytesOf),
  },
  seeds: async () =>
    [
      `sha256:${'0123456789abcdef'.repeat(4)}`,
      `sha512:${'0123456789abcdef'.repeat(8)}`,
      'blake3:abc',
      'multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
      'app:1.0',
      'registry.example/app@sha256:00',
      'linux/arm64/v8',
      '../../etc/passwd',
      'v1.0-é',
    ].map(bytesOf),
  read: async bytes => read(textOf(bytes), blobPath),
  judge: async (_, result) => {
    const [, ...paths] = result.split('\n')
    const path = paths.find(each => !grammar.test(each))
    return path === undefined ? undefined : `opened ${JSON.stringify(path)}`
  },
}

/** The same by one who makes paths of any text that has a colon. */
export const trustingReferences: Target = {
  ...referencesTarget,
  read: async bytes => {
    const text = textOf(bytes)
    return text.includes(':') ? `\nblobs/${text.replace(':', '/')}` : read(text, blobPath)
  },
}

const paths = new Set<string>()
const inner = memory()
const storage = forwarding(inner, {
  open: (path, options) => {
    paths.add(path)
    return inner.open(path, options)
  },
})
let layout: ReturnType<typeof OciDir.ensure> | undefined

/** Gives a text to all that take one, and says which paths were opened. A caller's own mistake may be a `RangeError`. */
async function read(text: string, pathOf: (digest: string) => string): Promise<string> {
  layout ??= OciDir.ensure(storage)
  const dir = await layout
  paths.clear()
  if (isDigest(text)) paths.add(pathOf(text))
  const digest = text as `${string}:${string}`
  const answers = [
    await dir.hasBlob({ digest, size: 1 }).catch(typedFault),
    await dir.readBlob({ digest, size: 1, mediaType: text }).catch(typedFault),
    await dir.resolve(text).catch(typedFault),
    await dir.resolve({ tag: text }).catch(typedFault),
    await dir.openImage(text, { platform: text }).catch(typedFault),
    typed(() => checkTag(text)),
    typed(() => formatPlatform(parsePlatform(text))),
  ]
  return [JSON.stringify(answers), ...paths].join('\n')
}

function typed(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return typedFault(error)
  }
}

function typedFault(error: unknown): string {
  if (isOciError(error)) return error.code
  if (error instanceof RangeError || error instanceof TypeError) return error.name
  throw error
}
