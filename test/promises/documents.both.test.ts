/** P12: what a document must be before it is believed, and that its bytes are kept. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { annotationKeys, type Descriptor, emptyDescriptor, mediaTypes } from '../../src/spec.ts'
import type { LayoutPath, ReadableStorage, StoredFile } from '../../src/storage.ts'
import { read, utf8 } from '../suites/material.ts'
import { lots } from '../suites/seeded-bytes.ts'
import { textOf } from './random-json.ts'

const config = JSON.stringify(emptyDescriptor)
const digest = emptyDescriptor.digest

/** A file of which only the size is ever asked for. */
function huge(size: number, onRead: () => void): StoredFile {
  const refuse = (): never => {
    onRead()
    throw new Error('read')
  }
  return { size, stream: refuse, bytes: async () => refuse() }
}

/** A storage that has such a file under one name. */
function withFile(inner: ReadableStorage, path: LayoutPath, file: StoredFile): ReadableStorage {
  const { name, traits } = inner
  return {
    name,
    traits,
    open: async (asked, options) => (asked === path ? file : inner.open(asked, options)),
  }
}

async function codeOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => 'read',
    error => error.code ?? error,
  )
}

describe('P12: before it is parsed', () => {
  const path = `blobs/${digest.replace(':', '/')}` as LayoutPath
  const bounds: readonly (readonly [string, number, (dir: OciDir, size: number) => Promise<unknown>])[] = [
    ['a manifest', 4 << 20, (dir, size) => dir.openImage({ mediaType: mediaTypes.manifest, digest, size })],
    ['a nested index', 4 << 20, (dir, size) => dir.openImage({ mediaType: mediaTypes.index, digest, size })],
    ['a config', 8 << 20, (dir, size) => dir.readDocument({ mediaType: mediaTypes.config, digest, size })],
  ]
  for (const [what, max, call] of bounds) {
    it(`P12: ${what} of more than ${max >> 20} MiB is refused, and not a byte is read`, async () => {
      const inner = memory()
      await OciDir.ensure(inner)
      let reads = 0
      const above = await OciDir.open(
        withFile(
          inner,
          path,
          huge(max + 1, () => reads++),
        ),
      )
      expect(await codeOf(() => call(above, max + 1))).toBe('LIMIT_EXCEEDED')
      expect(reads).toBe(0)
      const within = await OciDir.open(
        withFile(
          inner,
          path,
          huge(max, () => reads++),
        ),
      )
      await codeOf(() => call(within, max))
      expect(reads).toBe(1)
    })
  }

  it('P12: an index.json of more than 64 MiB is refused, and not a byte is read', async () => {
    const inner = memory()
    await OciDir.ensure(inner)
    let reads = 0
    const dir = await OciDir.open(
      withFile(
        inner,
        'index.json',
        huge((64 << 20) + 1, () => reads++),
      ),
    )
    expect(await codeOf(() => dir.readIndex())).toBe('LIMIT_EXCEEDED')
    expect(reads).toBe(0)
  })

  it('P12: a document whose bytes are not its digest is not parsed', async () => {
    const dir = await OciDir.ensure(memory())
    const written = await dir.writeBlob('{"a":', { mediaType: mediaTypes.manifest })
    expect(await codeOf(() => dir.readDocument(written))).toBe('DOCUMENT_INVALID')
    await dir.storage.remove(() => [
      `blobs/${written.digest.replace(':', '/')}` as `blobs/${string}/${string}`,
    ])
    const staged = await dir.storage.stage()
    const writer = staged.writable.getWriter()
    await writer.write(utf8('{"b":'))
    await writer.close()
    await staged.commit(`blobs/${written.digest.replace(':', '/')}` as `blobs/${string}/${string}`)
    expect(await codeOf(() => dir.readDocument(written))).toBe('DIGEST_MISMATCH')
  })
})

const manifest = (fields: string): string => `{"schemaVersion":2,"config":${config},"layers":[]${fields}}`
const layer = (fields: string): string => manifest('').replace('"layers":[]', `"layers":[{${fields}}]`)
const described = `"mediaType":"a/b","digest":"${digest}"`
const hostile: Readonly<Record<string, string | Uint8Array>> = {
  'a byte order mark': `\ufeff${manifest('')}`,
  'bytes that are not UTF-8': Uint8Array.of(
    ...utf8(manifest('').slice(0, -1)),
    ...utf8(',"a":"'),
    0xc3,
    ...utf8('"}'),
  ),
  'UTF-8 of a surrogate': Uint8Array.of(
    ...utf8(`${manifest('').slice(0, -1)},"a":"`),
    0xed,
    0xa0,
    0x80,
    ...utf8('"}'),
  ),
  'a lone surrogate, escaped': manifest(',"a":"\\ud800"'),
  'a key twice': manifest(',"a":1,"a":1'),
  'a key twice, once escaped': manifest(',"a":1,"\\u0061":1'),
  'layers twice': manifest(',"layers":[]'),
  'a key twice, deep inside': manifest(',"x":[{"y":{"a":1,"a":2}}]'),
  'nesting of 65': manifest(`,"x":${'['.repeat(64)}${']'.repeat(64)}`),
  'a million brackets': manifest(`,"x":${'['.repeat(1_000_000)}`),
  'a number that no double holds': manifest(',"x":1e400'),
  NaN: manifest(',"x":NaN'),
  Infinity: manifest(',"x":-Infinity'),
  'a negative size': layer(`${described},"size":-1`),
  'a size with a fraction': layer(`${described},"size":1.5`),
  'a size above 2^53 - 1': layer(`${described},"size":9007199254740992`),
  'a size above 2^64': layer(`${described},"size":18446744073709551616`),
  'a size as text': layer(`${described},"size":"1"`),
  'a size with an exponent that is no integer': layer(`${described},"size":1e-1`),
  'no size': layer(described),
  'layers and manifests (CVE-2021-41190)': manifest(',"manifests":[]'),
  'config and manifests (CVE-2021-41190)': `{"schemaVersion":2,"config":${config},"manifests":[]}`,
  'a schemaVersion of 1': manifest('').replace('2', '1'),
  "a mediaType that is not its descriptor's": manifest(`,"mediaType":"${mediaTypes.dockerManifest}"`),
  "an index's mediaType": manifest(`,"mediaType":"${mediaTypes.index}"`),
  'an annotation that is no text': manifest(',"annotations":{"a":1}'),
  'more after its end': `${manifest('')} {}`,
  nothing: '',
  'an array': '[]',
  'a comment': `/**/${manifest('')}`,
  'a comma too many': `${manifest('').slice(0, -1)},}`,
}

describe('P12: a manifest is refused', () => {
  for (const [what, text] of Object.entries(hostile)) {
    it(`P12: for ${what}`, async () => {
      const dir = await OciDir.ensure(memory())
      await dir.writeBlob('{}')
      const found = await dir.writeBlob(text, { mediaType: mediaTypes.manifest })
      const thrown = await codeOf(() => dir.openImage(found))
      expect(['DOCUMENT_INVALID', 'LIMIT_EXCEEDED', 'MEDIA_TYPE_UNEXPECTED', 'DIGEST_INVALID']).toContain(
        thrown,
      )
      await dir.storage.update('index.json', () =>
        utf8(JSON.stringify({ schemaVersion: 2, manifests: [found] })),
      )
      expect((await fsck(dir.storage)).ok).toBe(false)
    })
  }

  it('P12: and the same one without a fault is not', async () => {
    const dir = await OciDir.ensure(memory())
    await dir.writeBlob('{}')
    const found = await dir.writeBlob(manifest(`,"x":${'['.repeat(63)}${']'.repeat(63)}`), {
      mediaType: mediaTypes.manifest,
    })
    expect(await codeOf(() => dir.openImage(found))).toBe('NOT_AN_IMAGE')
    await dir.storage.update('index.json', () =>
      utf8(JSON.stringify({ schemaVersion: 2, manifests: [found] })),
    )
    expect((await fsck(dir.storage)).ok).toBe(true)
  })
})

it('P12: data that is not what digest and size say is found', async () => {
  const dir = await OciDir.ensure(memory())
  await dir.writeBlob('{}')
  for (const [data, ok] of [
    ['e30=', true],
    ['e30', false],
    ['e3w=', false],
    ['e30=e30=', false],
    ['_-==', false],
  ] as const) {
    const text = manifest('').replace('"e30="', JSON.stringify(data))
    const found = await dir.writeBlob(text, { mediaType: mediaTypes.manifest })
    await dir.storage.update('index.json', () =>
      utf8(JSON.stringify({ schemaVersion: 2, manifests: [found] })),
    )
    expect((await fsck(dir.storage)).ok, data).toBe(ok)
  }
})

it('P12: an annotation named __proto__ goes round, and no prototype changes', async () => {
  const dir = await OciDir.ensure(memory())
  const annotations = Object.fromEntries([
    ['__proto__', 'x'],
    ['constructor', 'y'],
    ['toString', ''],
  ])
  const inserted = await dir.insertManifest(
    { schemaVersion: 2, config: emptyDescriptor, layers: [], annotations },
    { tag: 'a', annotations },
  )
  const expected = Object.entries(annotations)
  const entry: Descriptor = await dir.resolve('a')
  expect(Object.entries(entry.annotations ?? {})).toEqual(expect.arrayContaining(expected))
  const { value } = await dir.readDocument(inserted)
  expect(Object.entries(value.annotations ?? {}).sort()).toEqual([...expected].sort())
  await dir.tag('a', 'b')
  expect(Object.entries((await dir.resolve('b')).annotations ?? {})).toEqual(expect.arrayContaining(expected))
  expect(await dir.find('__proto__')).toBeUndefined()
  expect(Object.getPrototypeOf({}).x).toBeUndefined()
  expect(Object.keys(Object.prototype)).toEqual([])
})

it('P12: a manifest that is not edited keeps its bytes, however it was written', async () => {
  let same = 0
  for (let seed = 1; seed <= 100; seed++) {
    const dir = await OciDir.ensure(memory())
    await dir.writeBlob('{}')
    const text = textOf(JSON.parse(manifest(',"x":{"b":1,"a":[null]}')), lots(seed))
    const pushed = await dir.writeBlob(text, { mediaType: mediaTypes.manifest })
    await dir.tag(pushed, 'a', 'b')
    await dir.untag('a')
    const found = await dir.resolve('b')
    const bytes = await read(
      dir.storage,
      `blobs/${found.digest.replace(':', '/')}` as `blobs/${string}/${string}`,
    )
    if (found.digest === pushed.digest && new TextDecoder().decode(bytes) === text) same++
    expect(found.annotations?.[annotationKeys.refName]).toBe('b')
  }
  console.log(`P12: ${same} of 100 manifests pushed again with the same bytes`)
  expect(same).toBe(100)
})
