/** cloneTo: a whole layout to another storage, index.json byte for byte. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { cloneTo, copy } from '../../../src/copy/copy.ts'
import { blobPath, digestOf } from '../../../src/digest.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { mediaTypes } from '../../../src/spec.ts'
import type { ReadableStorage } from '../../../src/storage.ts'
import { forwarding } from '../../suites/index.ts'
import { lots } from '../../suites/seeded-bytes.ts'
import { RawStorage } from './raw-storage.ts'
import {
  addBlob,
  addImage,
  addIndex,
  amd64,
  emptyDir,
  failsWith,
  named,
  rawLayout,
  text,
  writeSample,
} from './samples.ts'

const bytesAt = async (storage: ReadableStorage, path: string): Promise<Uint8Array | undefined> =>
  (await storage.open(path as 'index.json'))?.bytes()

describe('cloneTo (parity: clone_to)', () => {
  it('makes a whole layout of the same bytes, marker and index.json too', async () => {
    const raw = new RawStorage()
    rawLayout(raw, [
      named(await addImage(raw), 'app'),
      await addIndex(raw, [await addImage(raw, amd64, 'x')]),
    ])
    raw.files.set('oci-layout', text('{ "imageLayoutVersion": "1.0.0", "x-own": 9007199254740993 }\n'))
    raw.change('index.json', bytes =>
      new TextDecoder()
        .decode(bytes)
        .replace('{', '{\n  "x-own" : [ 1, null ], "annotations": {"a":"b"}, "subject": null,'),
    )
    const storage = memory()
    const result = await cloneTo(await OciDir.open(raw), storage)
    expect(result).toMatchObject({ copied: 7, present: 0, shared: 0 })
    const paths: string[] = []
    for await (const { path } of storage.list()) paths.push(path)
    expect(paths.sort()).toEqual([...raw.files.keys()].sort())
    for (const path of paths) expect(await bytesAt(storage, path), path).toEqual(raw.files.get(path))
    expect((await fsck(storage)).ok).toBe(true)
    expect((await (await OciDir.open(storage)).openImage('app')).config.value.os).toBe('linux')
  })

  it('leaves behind what nothing names, and makes a whole of a layout with external blobs', async () => {
    const raw = new RawStorage()
    rawLayout(raw, [await addImage(raw)])
    const stray = await addBlob(raw, 'stray', 'text/plain')
    const root = new RawStorage([...raw.files].filter(([path]) => !path.startsWith('blobs/')))
    const storage = memory()
    await cloneTo(await OciDir.open(root, { blobs: raw }), storage)
    expect(await storage.open(blobPath(stray.digest))).toBeUndefined()
    expect(await fsck(storage)).toMatchObject({ ok: true, validated: 3, findings: [] })
  })

  it('goes on where it was ended, and writes nothing the second time', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    const storage = memory()
    const controller = new AbortController()
    const stop = (): void => controller.abort(new Error('stop'))
    const raw = await OciDir.open(await RawStorage.copyOf(dir.storage))
    await expect(
      cloneTo(raw, storage, { concurrency: 1, signal: controller.signal, onProgress: stop }),
    ).rejects.toThrow('stop')
    expect(await storage.open('index.json')).toBeUndefined()
    await cloneTo(raw, storage)
    let writes = 0
    const counting = forwarding(storage, {
      stage: options => {
        writes += 1
        return storage.stage(options)
      },
    })
    expect(await cloneTo(raw, counting)).toMatchObject({ copied: 0, present: 4 })
    expect(writes).toBe(0)
  })

  it('takes an empty layout, and refuses one that lists something before it moves a byte', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    const empty = await emptyDir()
    await cloneTo(dir, empty.storage)
    expect((await empty.readIndex()).bytes).toEqual((await dir.readIndex()).bytes)
    const other = await emptyDir()
    await writeSample(other, { tag: 'b', layers: ['other'] })
    const before = (await other.readIndex()).bytes
    await expect(cloneTo(dir, other.storage)).rejects.toEqual(failsWith('LAYOUT_EXISTS'))
    expect((await other.readIndex()).bytes).toEqual(before)
    expect(await fsck(other.storage)).toMatchObject({ counts: { unreferenced: 0 } })
  })

  it('refuses a place whose marker is of another version, and writes no index there', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    const storage = memory()
    await storage.update('oci-layout', () => text('{"imageLayoutVersion":"9.0.0"}'))
    await expect(cloneTo(dir, storage)).rejects.toEqual(failsWith('LAYOUT_INVALID'))
    expect(await storage.open('index.json')).toBeUndefined()
  })

  it('clones a layout that lists nothing', async () => {
    const storage = memory()
    expect(await cloneTo(await emptyDir(), storage)).toMatchObject({ copied: 0, entries: [] })
    expect(await (await OciDir.open(storage)).tags()).toEqual([])
  })
})

/** JSON text of a value as no canonical writer writes it: keys shuffled, spaces, and fields that nobody knows. */
function wildJson(value: unknown, random: (below: number) => number, isMap = false): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const gap = (): string => [' ', '', '\n\t', ''][random(4)] ?? ''
  if (Array.isArray(value)) return `[${gap()}${value.map(item => wildJson(item, random)).join(`,${gap()}`)}]`
  const fields = Object.entries(value).map(
    ([name, field]) => `${JSON.stringify(name)}:${gap()}${wildJson(field, random, textMaps.has(name))}`,
  )
  const unknown = [
    'null',
    '9007199254740993',
    '1E+2',
    '[[],{},""]',
    '{"__proto__":{"a":null}}',
    '"\\u00e9\\/"',
  ]
  for (let i = isMap ? -1 : random(3); i >= 0; i--)
    fields.push(`"x-${i}\\u0041":${unknown[random(unknown.length)]}`)
  fields.sort(() => random(3) - 1)
  return `{${gap()}${fields.join(`,${gap()}`)}${gap()}}`
}

/** Fields that hold texts and nothing else. */
const textMaps = new Set(['annotations', 'Labels'])

describe('unknown fields, nulls, key orders and big integers', () => {
  it('J2, J4: in every document survive copy and clone, byte for byte', async () => {
    const rounds = 60
    let fields = 0
    for (let seed = 1; seed <= rounds; seed++) {
      const random = lots(seed)
      const raw = new RawStorage()
      const add = async (value: object, mediaType: string): Promise<object> => {
        const content = wildJson(value, random)
        fields += content.split('"x-').length - 1
        return { ...(await addBlob(raw, content, mediaType)), 'x-entry': [null, { deep: random(9) }] }
      }
      const layer = await addBlob(raw, `layer ${seed}`, mediaTypes.layer)
      const rootfs = { type: 'layers', diff_ids: [await digestOf(text(`layer ${seed}`))] }
      const config = await add(
        { ...amd64, rootfs, config: { Cmd: null, Labels: { a: '' } } },
        mediaTypes.config,
      )
      const manifest = {
        schemaVersion: 2,
        config,
        layers: [{ ...layer, 'x-layer': null }],
        annotations: null,
      }
      const image = await add(manifest, mediaTypes.manifest)
      const index = await add({ schemaVersion: 2, manifests: [image] }, mediaTypes.index)
      rawLayout(raw, [named(index, 'multi'), named(image, 'one')])
      const listing = JSON.parse(new TextDecoder().decode(raw.files.get('index.json')))
      raw.files.set('index.json', text(wildJson(listing, random)))
      const source = await OciDir.open(raw)
      const cloned = memory()
      await cloneTo(source, cloned)
      const copied = await emptyDir()
      await copy(source, copied)
      for (const [path, bytes] of raw.files) {
        expect(await bytesAt(cloned, path), path).toEqual(bytes)
        if (path.startsWith('blobs/')) expect(await bytesAt(copied.storage, path), path).toEqual(bytes)
      }
      // The entries are the same values, to the last field and the last digit.
      expect((await copied.readIndex()).value.manifests).toEqual((await source.readIndex()).value.manifests)
    }
    console.log(`unknown fields: ${rounds} layouts, ${fields} fields, 0 lost`)
    expect(fields).toBeGreaterThan(rounds * 10)
  })
})
