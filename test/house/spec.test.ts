/** Every rule of the OCI image specification has a test that cites it at the beginning of its name. */

import { Visitor } from 'oxc-parser'
import { expect, it } from 'vitest'
import { parse, readSources, type Sources } from './sources.ts'

/** The rules by their ids, which stand for clauses of image-spec 1.1.1. A test is named `D3: …` or `D4, D5: …`. */
const rules: Readonly<Record<string, string>> = {
  L1: 'a layout has oci-layout, index.json and blobs',
  L2: 'unknown files beside them are no error',
  L3: "blobs/<alg>/<encoded> holds the digest's content, of any algorithm",
  L4: 'corrupt, missing and unreferenced blobs are told apart',
  L5: 'entries of unknown types, shared names and none are legal',
  L6: "index.json's annotations, subject and artifactType are preserved",
  L7: 'imageLayoutVersion is 1.0.0',
  I1: 'an index has schemaVersion 2',
  I2: "an index's mediaType, if set, is the index type",
  I3: 'manifests is required and may be empty',
  I4: 'nested indexes are followed, unknown types are no error',
  I5: 'platforms: what is required, and the first match',
  I6: 'an index is processed wherever it stands',
  I7: 'variants and their defaults',
  D1: 'a descriptor has mediaType, digest and size',
  D2: 'sizes are whole, not negative and exact',
  D3: 'size before hash, verification before use',
  D4: 'the grammar of digests',
  D5: 'unknown algorithms pass by the grammar',
  D6: 'sha256 and sha512 are written and verified',
  D7: 'data is base64 and the content; urls are kept',
  D8: 'artifactType of an entry',
  D9: 'platform of an entry',
  D10: 'algorithms may differ inside of a document',
  M1: 'a manifest has schemaVersion 2 and its own type',
  M2: 'config is a descriptor, of an unknown type never parsed',
  M3: 'layers are descriptors, the base first',
  M4: 'the empty config needs an artifactType',
  M5: 'the empty blob is stored',
  M6: 'layer types known and unknown',
  M7: 'an artifact without content has the empty layer',
  M8: 'subject is a weak link',
  M9: "the config's type stands in for an artifactType",
  C1: 'architecture, os and rootfs are required',
  C2: 'an unknown rootfs type is an error',
  C3: 'null is absent',
  C4: 'unknown fields survive',
  C5: 'ExposedPorts and Volumes are maps',
  C6: 'history against layers',
  C7: 'times keep their nanoseconds',
  C8: 'diffIDs and image ids',
  C9: 'labels are annotations',
  C10: "an entry's platform comes from the config",
  J1: 'I-JSON: UTF-8, no key twice, numbers of a double',
  J2: 'stored bytes are never rebuilt',
  J3: 'canonical JSON',
  J4: 'unknown properties are preserved',
  A1: 'annotations are strings',
  A2: 'unknown keys are no error',
  A3: 'none is absent or {}',
  A4: 'ref.name counts in index.json alone',
  A5: 'label-schema has no meaning',
  T1: 'no path twice in a layer',
  T2: 'attributes are kept',
  T3: 'no sparse files are written',
  T4: 'what replaces what',
  T5: 'whiteouts',
  T6: 'Windows layers',
  T7: 'nondistributable layers',
}

/** `it('…')`, `it.each(…)('…')`, `itWith('…', …)`: each title, and the rules that it begins with. */
function citationsOf(sources: Sources): ReadonlyMap<string, readonly string[]> {
  const cited = new Map<string, string[]>()
  for (const [path, text] of sources) {
    for (const title of titlesOf(path, text)) {
      const [, ids] = /^((?:[LIDMCJAT]\d+(?:, )?)+): /.exec(title) ?? []
      for (const id of ids?.split(', ') ?? []) cited.set(id, [...(cited.get(id) ?? []), `${path}: ${title}`])
    }
  }
  return cited
}

function titlesOf(path: string, text: string): readonly string[] {
  const titles: string[] = []
  new Visitor({
    CallExpression: ({ callee, arguments: [first] }) => {
      const name = callee.type === 'CallExpression' ? callee.callee : callee
      const function_ = name.type === 'MemberExpression' ? name.object : name
      if (function_.type !== 'Identifier' || !/^it(With)?$/.test(function_.name)) return
      if (first?.type === 'Literal' && typeof first.value === 'string') titles.push(first.value)
    },
  }).visit(parse(path, text).program)
  return titles
}

it('every rule is cited by a test, and every citation is a rule', async () => {
  const tests = [...(await readSources(['test']))].filter(([path]) => path.endsWith('.test.ts'))
  const cited = citationsOf(new Map(tests))
  console.log(
    `specification: ${Object.keys(rules).length} rules, ${[...cited.values()].flat().length} citations`,
  )
  expect(Object.keys(rules).filter(id => !cited.has(id))).toEqual([])
  expect([...cited].filter(([id]) => !Object.hasOwn(rules, id))).toEqual([])
})

it('titles are found however a test is written', () => {
  const text =
    "it('D1: a', f); it.each([1])('D2, D3: b', f); itWith('L1: c', {}, f); other('L2: d'); it('x L3: e', f)"
  expect([...citationsOf(new Map([['a.test.ts', text]])).keys()]).toEqual(['D1', 'D2', 'D3', 'L1'])
})
