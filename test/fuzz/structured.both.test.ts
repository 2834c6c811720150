/** P12, P15: documents, names and tars of any shape: checked without surprise, written and read back as they were. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalBytes, canonicalJson, isWellFormed } from '../../src/canonical-json.ts'
import { blobPath, isDigest } from '../../src/digest.ts'
import { type ParseOptions, parseConfig, parseIndex, parseManifest } from '../../src/document.ts'
import { isOciError } from '../../src/errors.ts'
import { isJsonObject, parseJson } from '../../src/json.ts'
import { defaultLimits } from '../../src/limits.ts'
import { formatPlatform, matchesPlatform, parsePlatform } from '../../src/platform.ts'
import { parseRef } from '../../src/reference.ts'
import { mediaTypes } from '../../src/spec.ts'
import { writeTar } from '../../src/tar/index.ts'
import {
  problemsOfConfig,
  problemsOfDescriptor,
  problemsOfIndex,
  problemsOfManifest,
} from '../../src/validate.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { bytesOf, inChunks, readAll, type Whole } from '../unit/tar/samples.ts'

const options = { seed, numRuns: rounds({ short: 200, long: 100_000 }) }
/** For what takes microseconds. */
const cheap = { seed, numRuns: rounds({ short: 2_000, long: 100_000 }) }
const timeout = 3_600_000
const parse: ParseOptions = { where: 'x', limits: defaultLimits }

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const text = fc.string({ unit: 'binary' }).filter(isWellFormed)
const digest = fc.oneof(
  hex(64).map(value => `sha256:${value}`),
  hex(128).map(value => `sha512:${value}`),
)
const annotations = fc.dictionary(text, text, { maxKeys: 3 })
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value)
const platform = fc.record({
  os: text,
  architecture: text,
  variant: optional(text),
  'os.features': optional(fc.array(text)),
})
const descriptor = fc.record(
  {
    mediaType: fc.constantFrom(mediaTypes.layer, mediaTypes.manifest, mediaTypes.config, 'a/b'),
    digest,
    size: fc.maxSafeNat(),
    annotations,
    platform,
    urls: optional(fc.array(text)),
    data: optional(fc.base64String()),
    'x-unknown': fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<unknown>,
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
)
const index = fc.record(
  {
    schemaVersion: fc.constant(2),
    manifests: optional(fc.array(descriptor, { maxLength: 5 })),
    annotations,
    subject: optional(descriptor),
  },
  { requiredKeys: ['schemaVersion', 'manifests'] },
)
const manifest = fc.record(
  {
    schemaVersion: fc.constant(2),
    config: descriptor,
    layers: fc.array(descriptor, { maxLength: 5 }),
    annotations,
  },
  { requiredKeys: ['schemaVersion', 'config', 'layers'] },
)
const config = fc.record(
  {
    os: text,
    architecture: text,
    rootfs: fc.record({ type: fc.constant('layers'), diff_ids: fc.array(digest) }),
    history: optional(
      fc.array(fc.record({ created_by: text, empty_layer: fc.boolean() }, { requiredKeys: [] })),
    ),
    config: optional(fc.record({ Env: optional(fc.array(text)), Labels: annotations }, { requiredKeys: [] })),
  },
  { requiredKeys: ['os', 'architecture', 'rootfs'] },
)
const anyJson = fc.json({ noUnicodeString: false, maxDepth: 5 })
const encoded = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Counts what was tried; a failure is shown in its smallest form, unless it is wanted. */
function settle<T>(tally: Tally, details: fc.RunDetails<T>): void {
  tally.attempts += details.numRuns
  if (!details.failed) return
  tally.losses++
  if (!tally.name.endsWith('(broken on purpose)')) throw new Error(fc.defaultReportMessage(details))
}

it('P12: sound documents of any content are taken, and written again as they were', { timeout }, () => {
  const tally = new Tally('P12: sound documents of any content')
  for (const [kind, read] of [
    [index, parseIndex],
    [manifest, parseManifest],
    [config, parseConfig],
  ] as const) {
    settle(
      tally,
      fc.check(
        fc.property(kind as fc.Arbitrary<object>, value => {
          tally.fired++
          const bytes = canonicalBytes(value)
          const { manifests } = value as { manifests?: unknown }
          const expected = manifests === null ? { ...value, manifests: [] } : value
          expect(canonicalJson(read(bytes, parse))).toBe(canonicalJson(expected))
        }),
        options,
      ),
    )
  }
  tally.report()
})

it('P12: no validator throws, whatever JSON it is given; no reader anything untyped', { timeout }, () => {
  const tally = new Tally('P12: any JSON, whole and cut, to validators and readers')
  settle(
    tally,
    fc.check(
      fc.property(
        fc.oneof(anyJson, fc.oneof(index, manifest, config).map(canonicalJson)),
        fc.nat(),
        (json, cut) => {
          const value = parseJson(encoded(json), { where: 'x' })
          const object = isJsonObject(value) ? value : { value }
          let isRefused = false
          for (const check of [problemsOfIndex, problemsOfManifest, problemsOfConfig]) check(object)
          problemsOfDescriptor(value, '')
          for (const read of [parseIndex, parseManifest, parseConfig]) {
            for (const bytes of [encoded(json), encoded(json.slice(0, cut % (json.length + 1)))]) {
              try {
                read(bytes, parse)
              } catch (error) {
                if (!isOciError(error)) throw error
                isRefused = true
              }
            }
          }
          if (isRefused) tally.fired++
        },
      ),
      options,
    ),
  )
  tally.report()
})

it('P12: what both take, JSON.parse and we read alike, and canonical JSON is its own canonical form', {
  timeout,
}, () => {
  const tally = new Tally('P12: any JSON, to JSON.parse and our reader')
  settle(
    tally,
    fc.check(
      fc.property(anyJson, json => {
        tally.fired++
        const value = parseJson(encoded(json), { where: 'x' })
        const canonical = canonicalJson(value)
        expect(canonicalJson(JSON.parse(json, (_, each) => each))).toBe(canonicalJson(JSON.parse(canonical)))
        expect(canonicalJson(parseJson(encoded(canonical), { where: 'x' }))).toBe(canonical)
      }),
      cheap,
    ),
  )
  tally.report()
})

/** Members of an object as they stand in a text: two may be of one key, and not spelled alike. */
const members = fc.array(
  fc.tuple(
    fc.oneof(
      fc.constantFrom('"a"', '"\\u0061"', '"__proto__"'),
      text.map(each => JSON.stringify(each)),
    ),
    fc.integer(),
  ),
  { maxLength: 5 },
)

function noneLost(tally: Tally, read: (bytes: Uint8Array) => unknown): void {
  const property = fc.property(members, list => {
    const json = `{${list.map(([key, value]) => `${key}:${value}`).join(',')}}`
    const isAmbiguous = new Set(list.map(([key]) => JSON.parse(key))).size < list.length
    if (isAmbiguous) tally.fired++
    try {
      expect(Object.keys(read(encoded(json)) as object).length).toBe(list.length)
    } catch (error) {
      if (!isOciError(error, 'DOCUMENT_INVALID') || !isAmbiguous) throw error
    }
  })
  // What is tried to make a failure smaller would count as fired.
  settle(tally, fc.check(property, { ...cheap, endOnFailure: true }))
  tally.report()
}

it('P12: no member of an object is lost: two of a key are refused', { timeout }, () => {
  noneLost(new Tally('P12: objects with two of a key'), bytes => parseJson(bytes, { where: 'x' }))
  const broken = new Tally(
    'P12: objects with two of a key, JSON.parse in place of our reader (broken on purpose)',
  )
  noneLost(broken, bytes => JSON.parse(new TextDecoder().decode(bytes)))
  expect(broken.losses).toBe(1)
})

it('P11: digests, references and platforms of any text', { timeout }, () => {
  const tally = new Tally('P11: digests, references and platforms of any text')
  settle(
    tally,
    fc.check(
      fc.property(digest, value => {
        expect(isDigest(value)).toBe(true)
      }),
      cheap,
    ),
  )
  settle(
    tally,
    fc.check(
      fc.property(
        fc.oneof(
          text,
          digest,
          fc.tuple(digest, text).map(([a, b]) => a + b),
        ),
        value => {
          if (!isDigest(value)) tally.fired++
          const isInGrammar = /^[a-z0-9]+([+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/.test(value)
          if (isDigest(value)) expect(isInGrammar).toBe(true)
          if (isDigest(value)) expect(blobPath(value)).toBe(`blobs/${value.replace(':', '/')}`)
          else expect(() => blobPath(value)).toThrow(/is not a digest/)
          if (value !== '') expect(['tag', 'digest']).toContain(parseRef(value).kind)
        },
      ),
      cheap,
    ),
  )
  const part = fc
    .string({ minLength: 1 })
    .filter(value => !value.includes('/') && !/^(x86_64|aarch64)$/.test(value))
  settle(
    tally,
    fc.check(
      fc.property(part, part, optional(part), (os, architecture, variant) => {
        const wanted = parsePlatform([os, architecture, ...(variant === null ? [] : [variant])].join('/'))
        expect(parsePlatform(formatPlatform(wanted))).toEqual(wanted)
        expect(matchesPlatform(wanted, wanted)).toBe(true)
      }),
      cheap,
    ),
  )
  tally.report()
})

type Facts = Pick<Whole, 'rawPath' | 'mode' | 'uid' | 'gid' | 'mtime' | 'mtimeNs' | 'uname'>

it('P15: tar entries of any names and numbers are read as they were written, in any chunks', {
  timeout,
}, async () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 300 })
    .map(bytes => Uint8Array.from(bytes, byte => (byte === 0 || byte === 47 ? 65 : byte)))
  const entry = fc.record({
    path: fc.constant(''),
    rawPath: name,
    mode: fc.nat(0o7777),
    uid: fc.maxSafeNat(),
    gid: fc.maxSafeNat(),
    mtime: fc.maxSafeInteger(),
    mtimeNs: fc.nat(999_999_999),
    uname: text.filter(value => !value.includes('\0')),
    body: fc.uint8Array({ maxLength: 1100 }),
  })
  const tally = new Tally('P15: tar entries of any names and numbers')
  settle(
    tally,
    await fc.check(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 4 }),
        fc.integer({ min: 1, max: 2000 }),
        async (entries, pieces) => {
          const tar = await bytesOf(writeTar(entries))
          if (entries.length > 0) tally.fired++
          const found = await readAll(inChunks(tar, pieces))
          const facts = ({ rawPath, mode, uid, gid, mtime, mtimeNs, uname }: Facts): unknown[] => [
            [...rawPath],
            mode,
            uid,
            gid,
            mtime,
            mtimeNs,
            uname,
          ]
          expect(found.map(each => [...facts(each), [...each.bytes]])).toEqual(
            entries.map(each => [...facts(each), [...each.body]]),
          )
        },
      ),
      { ...options, numRuns: Math.ceil(options.numRuns / 10) },
    ),
  )
  tally.report()
})
