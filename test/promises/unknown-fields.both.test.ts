/** Fields that nobody here knows survive every edit, in every document: skopeo, umoci, regctl and the crate lose them. */

import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { canonicalJson } from '../../src/canonical-json.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { digestOf } from '../../src/digest.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import { parseJsonObject } from '../../src/json.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { type Descriptor, emptyDescriptor, mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { transcode } from '../../src/transcode/transcode.ts'
import { isLong } from '../setup/rounds.ts'
import { put, read, utf8 } from '../suites/material.ts'
import { lots } from '../suites/seeded-bytes.ts'
import { type Below, type Json, kept, randomFields, textOf } from './random-json.ts'

const seeds = isLong ? 20_000 : 200
const platform = { os: 'linux', architecture: 'amd64' }
const refName = 'org.opencontainers.image.ref.name'
const equal = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b)

type Fields = [string, Json][]

/** A layout of which every object has fields of its own, and what those are, by the place where they stand. */
class Sown {
  readonly below: Below
  readonly storage: StorageAdapter
  readonly fields = new Map<string, Fields>()
  readonly texts = new Map<string, string>()

  constructor(seed: number, storage: StorageAdapter) {
    this.below = lots(seed)
    this.storage = storage
  }

  /** An object with fields of its own, remembered under a place. */
  object(place: string, known: Record<string, Json>, more: readonly string[] = []): { [name: string]: Json } {
    const fields = randomFields(this.below, more)
    this.fields.set(place, fields)
    return Object.fromEntries([...Object.entries(known), ...fields])
  }

  async document(mediaType: string, value: Json): Promise<Record<string, Json>> {
    const text = textOf(value, this.below)
    const digest = await digestOf(utf8(text))
    const path = `blobs/${digest.replace(':', '/')}` as `blobs/${string}/${string}`
    await put(this.storage, path, utf8(text))
    this.texts.set(path, text)
    return { mediaType, digest, size: utf8(text).length }
  }

  async root(path: 'index.json' | 'oci-layout', value: Json): Promise<void> {
    const text = textOf(value, this.below)
    if (path === 'oci-layout') this.texts.set(path, text)
    await this.storage.update(path, () => utf8(text))
  }
}

async function sow(seed: number): Promise<Sown> {
  const sown = new Sown(seed, memory())
  const layer = await sown.document(mediaTypes.layer, { seed })
  const config = await sown.document(
    mediaTypes.config,
    sown.object('config', {
      ...platform,
      config: sown.object('config.config', { Cmd: ['/a'], Volumes: null }, ['OnBuild']),
      rootfs: sown.object('rootfs', { type: 'layers', diff_ids: [layer.digest ?? ''] }),
      history: [sown.object('history', { created_by: 'x', created: null })],
    }),
  )
  const manifest = await sown.document(
    mediaTypes.manifest,
    sown.object('manifest', {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: sown.object('manifest.config', config),
      layers: [sown.object('manifest.layer', { ...layer, annotations: { '': '' } })],
      annotations: { a: '' },
    }),
  )
  const entry = (place: string, known: Record<string, Json>): Json =>
    sown.object(place, { ...known, platform: sown.object(`${place}.platform`, platform) })
  const nested = await sown.document(
    mediaTypes.index,
    sown.object('nested', {
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [entry('nested.entry', manifest)],
    }),
  )
  await sown.root('oci-layout', sown.object('oci-layout', { imageLayoutVersion: '1.0.0' }))
  const named = (known: Record<string, Json>, tag: string): Record<string, Json> => ({
    ...known,
    annotations: { [refName]: tag, other: '' },
  })
  await sown.root(
    'index.json',
    sown.object('index', {
      schemaVersion: 2,
      annotations: { kept: 'yes' },
      manifests: [entry('base', named(manifest, 'base')), entry('multi', named(nested, 'multi'))],
    }),
  )
  return sown
}

/** Every edit that there is. */
async function edit(storage: StorageAdapter): Promise<void> {
  const dir = await OciDir.ensure(storage)
  await dir.tag('base', 'again', 'gone')
  await dir.tag('multi', 'multi-again')
  await dir.untag('gone')
  await dir.insertManifest({ schemaVersion: 2, config: emptyDescriptor, layers: [] }, { tag: 'beside' })
  const base = await dir.openImage('base')
  const layer = await dir.writeLayer('a new layer')
  const image = configure(
    pushLayer(draft(base), layer, { createdBy: 'y' }),
    { Cmd: ['/b'] },
    { author: 'me' },
  )
  await dir.writeImage(image, { tag: 'app' })
  const packed = { codec: gzip({ level: 1 }) }
  await transcode(dir, dir, { ...packed, refs: ['base'], as: 'base-packed' })
  await transcode(dir, dir, { ...packed, refs: ['multi'], as: 'multi-packed' })
}

/** Compares all fields that were sown with those that are there: in what was edited, and in what was copied from it. */
async function harvest({ storage, fields }: Sown): Promise<{ checked: number; lost: number }> {
  let checked = 0
  let lost = 0
  const check = (place: string, object: unknown): void => {
    const expected = fields.get(place) ?? []
    checked += expected.length
    lost += expected.length - kept(expected, object, equal)
  }
  const dir = await OciDir.open(storage)
  const { value: index } = await dir.readIndex()
  check('index', index)
  const entryOf = (tag: string): Descriptor | undefined =>
    index.manifests.find(({ annotations }) => annotations?.[refName] === tag)
  for (const [tag, place] of [
    ['base', 'base'],
    ['again', 'base'],
    ['multi', 'multi'],
    ['multi-again', 'multi'],
    ['base-packed', 'base'],
    ['multi-packed', 'multi'],
  ] as const) {
    const entry = entryOf(tag)
    check(place, entry)
    check(`${place}.platform`, entry?.platform)
    if (entry?.annotations?.other !== '') lost++
  }
  for (const tag of ['base', 'app', 'base-packed', 'multi-packed']) {
    const { manifest, config } = await dir.openImage(tag)
    check('manifest', manifest.value)
    check('manifest.config', manifest.value.config)
    check('manifest.layer', manifest.value.layers[0])
    check('config', config.value)
    check('config.config', config.value.config)
    check('rootfs', config.value.rootfs)
    check('history', config.value.history?.[0])
  }
  for (const tag of ['multi', 'multi-packed']) {
    const nested = await dir.readDocument(await dir.resolve(tag))
    check('nested', nested.value)
    check('nested.entry', Array.isArray(nested.value.manifests) ? nested.value.manifests[0] : undefined)
  }
  const marker = (await read(storage, 'oci-layout')) ?? new Uint8Array()
  check('oci-layout', parseJsonObject(marker, { where: 'oci-layout' }))
  return { checked, lost }
}

/** How many files that no edit touches don't have the very bytes that they had. */
async function changedFiles({ storage, texts }: Sown): Promise<number> {
  let changed = 0
  for (const [path, text] of texts) {
    const bytes = await read(storage, path as 'index.json')
    if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) !== text) changed++
  }
  return changed
}

it(`unknown fields of ${seeds} layouts survive every edit, and what isn't edited keeps its bytes`, {
  timeout: 600_000,
}, async () => {
  const sum = { checked: 0, lost: 0, files: 0, changed: 0 }
  for (let seed = 1; seed <= seeds; seed++) {
    const sown = await sow(seed)
    await edit(sown.storage)
    const { checked, lost } = await harvest(sown)
    if (lost > 0) console.log(`seed ${seed}: ${lost} of ${checked} fields lost`)
    sum.checked += checked
    sum.lost += lost
    sum.files += sown.texts.size
    sum.changed += await changedFiles(sown)
  }
  console.log(
    `unknown fields: ${sum.checked} checked in ${seeds} layouts, ${sum.lost} lost; ${sum.files} files, ${sum.changed} changed`,
  )
  expect(sum.checked).toBeGreaterThan(seeds * 50)
  expect(sum.lost).toBe(0)
  expect(sum.changed).toBe(0)
  expect(Object.keys(Object.prototype)).toEqual([])
})

it('a tool that reads and writes JSON as JavaScript does is found out, and so is one with typed structs', async () => {
  const lossy = {
    'JSON.parse': (text: string) => JSON.stringify(JSON.parse(text)),
    structs: (text: string) => {
      const { schemaVersion, manifests, annotations } = JSON.parse(text)
      return JSON.stringify({ schemaVersion, manifests, annotations })
    },
  }
  for (const [name, rewrite] of Object.entries(lossy)) {
    let losses = 0
    for (let seed = 1; seed <= 30; seed++) {
      const sown = await sow(seed)
      await edit(sown.storage)
      await sown.storage.update('index.json', now => utf8(rewrite(new TextDecoder().decode(now))))
      losses += (await harvest(sown)).lost
    }
    console.log(`unknown fields through ${name}: ${losses} lost`)
    expect(losses, name).toBeGreaterThan(10)
  }
})
