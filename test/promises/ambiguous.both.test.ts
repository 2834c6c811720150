/** P12: a document that is one thing to one reader and another to the next is refused by every verb (CVE-2021-41190). */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { isOciError } from '../../src/errors.ts'
import { files } from '../../src/files/index.ts'
import { cloneTo, copy, fsck, gc, referrers } from '../../src/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { type Descriptor, emptyDescriptor, type ImageManifest, mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { tarSource } from '../../src/tar/index.ts'
import { Tally } from '../setup/tally.ts'
import { blobsIn, configFor, here, pathOf, writeIndex } from '../suites/layout-material.ts'

type Dir = OciDir<StorageAdapter>

const { manifest, index, dockerManifest, dockerManifestList } = mediaTypes
const subject: Descriptor = { mediaType: manifest, digest: `sha256:${'5'.repeat(64)}`, size: 5 }

/** The parts of a sound image, and of what is made of them. */
interface Parts {
  readonly config: Descriptor
  readonly layer: Descriptor
  readonly image: Descriptor
}

/** Every way to be ambiguous: what a document holds, and what its descriptor calls it. */
const ambiguous: Readonly<Record<string, (parts: Parts) => { type: string; value: object }>> = {
  'layers and manifests, called a manifest': ({ config, layer, image }) => ({
    type: manifest,
    value: { config, layers: [layer], manifests: [image] },
  }),
  'layers and manifests, called an index': ({ layer, image }) => ({
    type: index,
    value: { layers: [layer], manifests: [image] },
  }),
  'config and manifests, called an index': ({ config, image }) => ({
    type: index,
    value: { config, manifests: [image] },
  }),
  'config and an empty list of manifests, called a manifest': ({ config, layer }) => ({
    type: manifest,
    value: { config, layers: [layer], manifests: [] },
  }),
  'a manifest that calls itself an index': ({ config, layer }) => ({
    type: manifest,
    value: { mediaType: index, config, layers: [layer] },
  }),
  'an index that calls itself a manifest': ({ image }) => ({
    type: index,
    value: { mediaType: manifest, manifests: [image] },
  }),
  "a manifest that calls itself Docker's": ({ config, layer }) => ({
    type: manifest,
    value: { mediaType: dockerManifest, config, layers: [layer] },
  }),
  "an index that calls itself Docker's": ({ image }) => ({
    type: index,
    value: { mediaType: dockerManifestList, manifests: [image] },
  }),
  'a manifest that its descriptor calls an index': ({ config, layer }) => ({
    type: index,
    value: { config, layers: [layer] },
  }),
  'an index that its descriptor calls a manifest': ({ image }) => ({
    type: manifest,
    value: { manifests: [image] },
  }),
  'a manifest of type OCI that its descriptor calls an index': ({ config, layer }) => ({
    type: index,
    value: { mediaType: manifest, config, layers: [layer] },
  }),
  'a manifest with layers of the first version': ({ config, layer }) => ({
    type: manifest,
    value: { config, layers: [layer], fsLayers: [] },
  }),
}

/** What must refuse such an entry; each is given the layout and the entry as its descriptor stands there. */
const verbs: Readonly<Record<string, (dir: Dir, entry: Descriptor) => Promise<unknown>>> = {
  'openImage by tag': dir => dir.openImage('bad'),
  'openImage by descriptor': (dir, entry) => dir.openImage(entry),
  'openImage by platform': dir => dir.openImage('bad', { platform: 'linux/amd64' }),
  images: async dir => {
    for await (const image of dir.images('bad')) return image
    return 'no image'
  },
  files: async dir => files(await dir.openImage('bad')),
  copy: async dir => copy(dir, await OciDir.ensure(memory()), { refs: ['bad'] }),
  'copy with referrers': async dir =>
    copy(dir, await OciDir.ensure(memory()), { refs: ['bad'], referrers: true }),
  'copy all': async dir => copy(dir, await OciDir.ensure(memory())),
  cloneTo: dir => cloneTo(dir, memory()),
  tag: dir => dir.tag('bad', 'worse'),
  'tag by descriptor': (dir, entry) => dir.tag(entry, 'worse'),
  fsck: async dir => {
    if (!(await fsck(dir.storage)).ok) throw new Error('not sound')
  },
  referrers: async (dir, entry) => {
    const found = await referrers(dir, subject.digest)
    if (!found.some(({ digest }) => digest === entry.digest)) throw new Error('not among them')
  },
}

async function partsIn(dir: Dir): Promise<Parts> {
  const layer = await dir.writeLayer(tarSource([{ path: 'a', body: 'a' }]), { codec: gzip({ level: 1 }) })
  const value = { ...configFor(here), rootfs: { type: 'layers', diff_ids: [layer.diffId] } }
  const config = (await dir.writeDocument(value, { mediaType: mediaTypes.config })).descriptor
  const sound = { schemaVersion: 2, mediaType: manifest, config, layers: [layer.descriptor] }
  const image = (await dir.writeDocument(sound, { mediaType: manifest })).descriptor
  return { config, layer: layer.descriptor, image: { ...image, platform: here } }
}

/** A layout with one such document: listed itself, or by an index that is. */
async function layoutWith(
  make: (parts: Parts) => { type: string; value: object },
  isNested: boolean,
): Promise<{ dir: Dir; bad: Descriptor; entry: Descriptor; parts: Parts }> {
  const dir = await OciDir.ensure(memory())
  const parts = await partsIn(dir)
  const { type, value } = make(parts)
  const text = JSON.stringify({ schemaVersion: 2, ...value, subject })
  const bad = await dir.writeBlob(text, { mediaType: type })
  const listed = { ...bad, ...(type === manifest && { platform: here }) }
  const entry = isNested
    ? (
        await dir.writeDocument(
          { schemaVersion: 2, mediaType: index, manifests: [listed] },
          { mediaType: index },
        )
      ).descriptor
    : listed
  await writeIndex(dir, [{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 'bad' } }])
  return { dir, bad, entry, parts }
}

const refusals = new Set(['DOCUMENT_INVALID', 'MEDIA_TYPE_UNEXPECTED'])

/** Whether it was refused as it should be: by a typed error, or by the words of `verbs`. */
async function isRefused(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => false,
    error => (isOciError(error) ? refusals.has(error.code) : /^Error: not /.test(String(error))),
  )
}

/** A reader that goes by the descriptor alone and takes the fields that it looks for, as many did before the CVE. */
async function careless(dir: Dir, { digest, mediaType }: Descriptor): Promise<unknown> {
  const value = JSON.parse(
    new TextDecoder().decode(await (await dir.storage.open(pathOf({ digest })))?.bytes()),
  )
  const list = mediaType === index ? value.manifests : value.layers
  if (value.schemaVersion !== 2 || (list !== undefined && !Array.isArray(list))) throw new Error('not valid')
  return list
}

it('P12: an ambiguous document is refused by every verb, listed itself or by another', async () => {
  const tally = new Tally('P12: ambiguous documents and every verb')
  const loser = new Tally('P12: a reader that goes by the descriptor alone (broken on purpose)')
  const accepted: string[] = []
  for (const [what, make] of Object.entries(ambiguous)) {
    for (const isNested of [false, true]) {
      for (const [name, verb] of Object.entries(verbs)) {
        const { dir, bad, entry } = await layoutWith(make, isNested)
        tally.attempts++
        if (await isRefused(verb(dir, name === 'referrers' ? bad : entry))) tally.fired++
        else accepted.push(`${name}: ${what}${isNested ? ', nested' : ''}`)
      }
      const { dir, bad } = await layoutWith(make, isNested)
      loser.attempts++
      loser.fired++
      if (!(await isRefused(careless(dir, bad)))) loser.losses++
    }
  }
  tally.losses = accepted.length
  expect(accepted).toEqual([])
  expect(tally.report()).toMatchObject({ attempts: 12 * 2 * 13, losses: 0 })
  expect(loser.report().losses).toBe(24)
})

it('P12: of an ambiguous document gc keeps what any reader would take it to name', async () => {
  for (const make of Object.values(ambiguous)) {
    const { dir, parts } = await layoutWith(make, false)
    const loose = await dir.writeBlob('nobody names me')
    const before = await blobsIn(dir.storage)
    await gc(dir)
    const after = await blobsIn(dir.storage)
    const text = JSON.stringify(make(parts).value)
    for (const [, { digest }] of Object.entries(parts))
      if (text.includes(digest)) expect(after).toContain(pathOf({ digest }))
    expect(before).toContain(pathOf(loose))
    expect(after).not.toContain(pathOf(loose))
  }
})

it('P12: an ambiguous document is written by nobody', async () => {
  const dir = await OciDir.ensure(memory())
  const parts = await partsIn(dir)
  for (const [what, make] of Object.entries(ambiguous)) {
    const { type, value } = make(parts)
    const whole = { schemaVersion: 2, ...value }
    const before = await blobsIn(dir.storage)
    const write = dir.writeDocument(whole, { mediaType: type })
    expect(await isRefused(write), what).toBe(true)
    const isSeenByItself = type === manifest && 'config' in value && !('mediaType' in value)
    if (isSeenByItself)
      expect(await isRefused(dir.insertManifest(whole as ImageManifest & object)), what).toBe(true)
    expect(await blobsIn(dir.storage), what).toEqual(before)
  }
})

describe('P12: a media type is not changed by who refers to it', () => {
  it('P12: a config that is a manifest, or called one, makes no image', async () => {
    const dir = await OciDir.ensure(memory())
    const { layer, image } = await partsIn(dir)
    const both = {
      ...configFor(here),
      schemaVersion: 2,
      mediaType: manifest,
      config: emptyDescriptor,
      layers: [layer],
    }
    const polyglot = await dir.writeBlob(JSON.stringify(both), { mediaType: mediaTypes.config })
    const configs = [
      [image, 'NOT_AN_IMAGE'],
      [{ ...image, mediaType: mediaTypes.config }, 'MEDIA_TYPE_UNEXPECTED'],
      [polyglot, 'MEDIA_TYPE_UNEXPECTED'],
    ] as const
    for (const [config, code] of configs) {
      const text = JSON.stringify({ schemaVersion: 2, mediaType: manifest, config, layers: [] })
      const descriptor = await dir.writeBlob(text, { mediaType: manifest })
      await expect(dir.openImage(descriptor)).rejects.toMatchObject({ code })
      await writeIndex(dir, [descriptor])
      if (code !== 'NOT_AN_IMAGE') expect((await fsck(dir.storage)).ok).toBe(false)
    }
  })

  it('P12: a layer or a subject called a manifest is not entered by any verb', async () => {
    const dir = await OciDir.ensure(memory())
    const { config, layer } = await partsIn(dir)
    const hidden = await dir.writeBlob('named by the hidden document alone')
    const inner = { schemaVersion: 2, mediaType: manifest, config: emptyDescriptor, layers: [hidden] }
    const document = await dir.writeBlob(JSON.stringify(inner), { mediaType: manifest })
    for (const fields of [{ layers: [layer, document] }, { layers: [layer], subject: document }]) {
      const outer = await dir.insertManifest(
        { schemaVersion: 2, mediaType: manifest, config, ...fields },
        { tag: 'app' },
      )
      const target = await OciDir.ensure(memory())
      await copy(dir, target, { refs: ['app'] })
      expect(await blobsIn(target.storage)).not.toContain(pathOf(hidden))
      expect((await fsck(dir.storage)).findings.map(({ digest }) => digest)).not.toContain(
        inner.config.digest,
      )
      expect((await referrers(dir, document.digest)).map(({ digest }) => digest)).toEqual(
        'subject' in fields ? [outer.digest] : [],
      )
    }
    expect((await gc(dir, { dryRun: true })).removed.map(({ digest }) => digest)).toContain(hidden.digest)
  })

  it('P12: a tag given to a descriptor of another type is refused, and index.json stays', async () => {
    const dir = await OciDir.ensure(memory())
    const { image } = await partsIn(dir)
    await dir.tag(image, 'app')
    const before = await (await dir.storage.open('index.json'))?.bytes()
    for (const mediaType of [index, dockerManifest, dockerManifestList]) {
      expect(await isRefused(dir.tag({ ...image, mediaType }, 'lie')), mediaType).toBe(true)
    }
    expect(await (await dir.storage.open('index.json'))?.bytes()).toEqual(before)
  })
})
