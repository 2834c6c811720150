/** JSON blobs: the crate's `write_json_blob`, `write_config`, `read_json_blob`, `read_index`. */

import { OciDir } from '../../../src/oci-dir.ts'
import { emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import { fails, ok, same, sameBytes, sameNames } from '../assert.ts'
import {
  blobsIn,
  changed,
  configFor,
  emptyDir,
  emptyManifest,
  here,
  pathOf,
  sameJson,
} from '../layout-material.ts'
import { drain, read, textOf, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const mediaType = 'application/vnd.example+json'

export const documentCases: readonly StorageCase[] = [
  {
    name: 'write_json_blob: canonical JSON: keys by UTF-16 code units, no white space, integers verbatim',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      // U+10000 is written by two surrogates, which sort before U+FB33.
      const value = {
        '\ufb33': 1,
        '\u{10000}': [1, -0.5, null],
        b: 9007199254740993n,
        a: { z: '\n', y: true },
      }
      const { bytes, descriptor, value: beside } = await dir.writeDocument(value, { mediaType })
      same(
        textOf(bytes),
        '{"a":{"y":true,"z":"\\n"},"b":9007199254740993,"\u{10000}":[1,-0.5,null],"\ufb33":1}',
      )
      same(beside, value)
      sameBytes(await drain(await dir.readBlob(descriptor)), bytes)
      sameJson((await dir.readDocument(descriptor)).value, value)
    },
  },
  {
    name: 'write_json_blob: lone surrogates and what JSON has no word for are refused, and nothing is written',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const wrong of ['\ud800', 'a\udc00b', Number.NaN, Number.POSITIVE_INFINITY, () => 1]) {
        await fails(() => dir.writeDocument({ wrong }, { mediaType }), { type: TypeError }, String(wrong))
      }
      await fails(() => dir.writeDocument({ '\udfff': 1 }, { mediaType }), { type: TypeError })
      sameNames(await blobsIn(storage), [])
    },
  },
  {
    name: 'write_json_blob: a manifest or index that no reader would take is refused before it is written',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const manifest = { ...emptyManifest, manifests: [] }
      await fails(() => dir.writeDocument(manifest, { mediaType: mediaTypes.manifest }), {
        code: 'DOCUMENT_INVALID',
      })
      await fails(() => dir.writeDocument({}, { mediaType: mediaTypes.index }), { code: 'DOCUMENT_INVALID' })
      sameNames(await blobsIn(storage), [])
    },
  },
  {
    name: 'write_config: stores a config as a blob and gives its descriptor',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const config = configFor(here)
      const written = await dir.writeDocument(config, { mediaType: mediaTypes.config })
      same(
        textOf(written.bytes),
        '{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[],"type":"layers"}}',
      )
      same(written.descriptor.mediaType, mediaTypes.config)
      sameNames(await blobsIn(storage), [pathOf(written.descriptor)])
      await fails(() => dir.writeDocument({ os: 'linux' }, { mediaType: mediaTypes.config }), {
        code: 'DOCUMENT_INVALID',
      })
    },
  },
  {
    name: 'read_json_blob: gives the bytes beside the value, unknown fields and big integers kept',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const text = '{ "z": 12345678901234567890, "a": null, "__proto__": { "x": 1 } }'
      const descriptor = await dir.writeBlob(text, { mediaType })
      const { bytes, value } = await dir.readDocument(descriptor)
      same(textOf(bytes), text)
      same(value.z, 12345678901234567890n)
      ok(Object.hasOwn(value, '__proto__'), '__proto__ must be a field')
      sameJson(Object.keys(value), ['z', 'a', '__proto__'])
    },
  },
  {
    name: 'read_json_blob: a flipped byte, a wrong size, and what is no JSON are errors before it is parsed',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const descriptor = await dir.writeBlob('{"a":1}', { mediaType })
      const broken = await changed(storage, pathOf(descriptor), () => utf8('{"a":2}'))
      const other = await OciDir.open(broken)
      await fails(() => other.readDocument(descriptor), { code: 'DIGEST_MISMATCH' })
      await fails(() => dir.readDocument({ ...descriptor, size: 6 }), { code: 'SIZE_MISMATCH' })
      await fails(() => dir.readDocument(emptyDescriptor), { code: 'BLOB_MISSING' })
      for (const text of ['', '[1]', '{"a":1}x', '{"a":1,"a":1}']) {
        const wrong = await dir.writeBlob(text, { mediaType })
        await fails(() => dir.readDocument(wrong), { code: 'DOCUMENT_INVALID' }, text)
      }
    },
  },
  {
    name: 'read_index: gives index.json with its bytes, and every field that nobody here knows',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const text = '{"x":[1,{}],"manifests":[],"schemaVersion":2,"annotations":{"a":""}}'
      await storage.update('index.json', () => utf8(text))
      const { bytes, value } = await dir.readIndex()
      same(textOf(bytes), text)
      sameJson(value, { schemaVersion: 2, manifests: [], annotations: { a: '' }, x: [1, {}] })
      await dir.insertManifest(emptyManifest, { tag: 'a' })
      await dir.untag('a')
      sameJson(JSON.parse(textOf(await read(storage, 'index.json'))), JSON.parse(text))
    },
  },
  {
    name: 'read_index: one that is no index is DOCUMENT_INVALID, and is not written over',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const text of [
        '',
        'x',
        '{}',
        '{"schemaVersion":1,"manifests":[]}',
        '{"schemaVersion":2,"manifests":[1]}',
      ]) {
        await storage.update('index.json', () => utf8(text))
        await fails(() => dir.readIndex(), { code: 'DOCUMENT_INVALID' }, text)
        await fails(() => dir.insertManifest(emptyManifest), { code: 'DOCUMENT_INVALID' }, text)
        same(textOf(await read(storage, 'index.json')), text)
      }
    },
  },
]
