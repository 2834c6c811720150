/** A layout with one of everything, ways to hurt it, and what must hold of it afterwards. */

import { digestOf, isDigest } from '../../../src/digest.ts'
import { isOciError } from '../../../src/errors.ts'
import { gc } from '../../../src/gc.ts'
import { tagOf } from '../../../src/index-json.ts'
import { parseJsonObject } from '../../../src/json.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import type { BlobPath, StorageAdapter } from '../../../src/storage.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addBlob, addIndex, arm64, emptyDir, named, text, writeSample } from '../core/samples.ts'

/** The sample's parts, by their paths. */
export interface Parts {
  readonly layer: string
  readonly otherLayer: string
  readonly config: string
  readonly manifest: string
  readonly nested: string
  readonly child: string
  readonly childLayer: string
}

/** A layout: an image `app`, an index `multi` of one image, an artifact without a name, and a blob of the user's own. */
export async function sample(): Promise<{ raw: RawStorage; parts: Parts }> {
  made ??= makeSample()
  const { raw, parts } = await made
  return { raw: new RawStorage(raw.files), parts }
}

let made: ReturnType<typeof makeSample> | undefined

async function makeSample(): Promise<{ raw: RawStorage; parts: Parts }> {
  const dir = await emptyDir()
  const image = await writeSample(dir, { tag: 'app', layers: ['a layer', 'another layer'] })
  const child = await writeSample(dir, { tag: 'child', platform: arm64, layers: ['a layer below an index'] })
  const raw = await RawStorage.copyOf(dir.storage)
  const nested = await addIndex(raw, [{ ...child.descriptor, annotations: undefined }])
  const signature = await addBlob(raw, 'a signature', 'text/plain')
  const artifact = await addBlob(
    raw,
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: 'text/plain',
      config: emptyDescriptor,
      layers: [{ ...signature, data: btoa('a signature') }],
    },
    mediaTypes.manifest,
  )
  raw.files.set(pathOf(emptyDescriptor.digest), text('{}'))
  editIndex(raw, entries => [...entries.slice(0, 1), named(nested, 'multi'), artifact])
  const [layer, other] = image.manifest.value.layers
  const [childLayer] = child.manifest.value.layers
  return {
    raw,
    parts: {
      layer: pathOf(layer?.digest ?? ''),
      otherLayer: pathOf(other?.digest ?? ''),
      config: pathOf(image.config.descriptor.digest),
      manifest: pathOf(image.descriptor.digest),
      nested: pathOf(nested.digest),
      child: pathOf(child.descriptor.digest),
      childLayer: pathOf(childLayer?.digest ?? ''),
    },
  }
}

/** A way to hurt a layout, and what a repair makes of it. */
export interface Damage {
  readonly name: string
  hurt(raw: RawStorage, parts: Parts): void
  /** Codes of the errors that stay without a second storage; with one, nothing stays. */
  readonly alone?: readonly string[]
  /** The names that index.json has after a repair without a second storage: all unless given. */
  readonly names?: readonly string[]
}

const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 4 ? byte ^ 1 : byte))
const cut = (bytes: Uint8Array): Uint8Array => bytes.slice(0, -3)
const longer = (bytes: Uint8Array): Uint8Array => Uint8Array.of(...bytes, 0x78)
const change =
  (part: keyof Parts, how: (bytes: Uint8Array) => Uint8Array | undefined): Damage['hurt'] =>
  (raw, parts) =>
    raw.change(parts[part], how)
const entry =
  (how: (entry: Entry) => object): Damage['hurt'] =>
  raw =>
    editIndex(raw, ([first, ...rest]) => [how(first ?? {}), ...rest])
const absent = (): undefined => undefined
/** The names of the sample. */
export const allNames: readonly string[] = ['app', 'multi']
const emptyPath = pathOf(emptyDescriptor.digest)

/** One of each kind. */
export const damages: readonly Damage[] = [
  { name: 'a layer is missing', hurt: change('layer', absent), alone: ['BLOB_MISSING'] },
  { name: 'a layer is cut short', hurt: change('layer', cut), alone: ['BLOB_MISSING'] },
  { name: 'a layer is altered', hurt: change('layer', flipped), alone: ['BLOB_MISSING'] },
  { name: 'a layer has a byte more', hurt: change('layer', longer), alone: ['BLOB_MISSING'] },
  { name: 'a config is altered', hurt: change('config', flipped), alone: ['BLOB_MISSING'] },
  { name: 'a manifest is missing', hurt: change('manifest', absent), alone: ['BLOB_MISSING'] },
  { name: 'a manifest is altered', hurt: change('manifest', flipped), alone: ['DIGEST_MISMATCH'] },
  { name: 'a manifest is cut short', hurt: change('manifest', cut), alone: ['SIZE_MISMATCH'] },
  { name: 'a nested index is altered', hurt: change('nested', flipped), alone: ['DIGEST_MISMATCH'] },
  {
    name: 'a manifest below an index is altered',
    hurt: change('child', flipped),
    alone: ['DIGEST_MISMATCH'],
  },
  {
    name: 'every blob is altered',
    hurt: raw => {
      for (const path of blobsOf(raw))
        raw.change(path, bytes => bytes.map((byte, i) => (i === 1 ? byte ^ 1 : byte)))
    },
    alone: ['DIGEST_MISMATCH', 'DIGEST_MISMATCH', 'DIGEST_MISMATCH'],
  },
  { name: 'the empty config is missing', hurt: raw => raw.change(emptyPath, absent) },
  { name: 'the empty config is altered', hurt: raw => raw.change(emptyPath, () => '[]') },
  {
    name: 'a blob that stands in data is missing',
    hurt: raw => raw.change(findText(raw, 'a signature'), absent),
  },
  {
    name: 'a layer lies under a wrong name',
    hurt: (raw, { layer }) => {
      raw.files.set(`blobs/sha256/${'5'.repeat(64)}`, raw.files.get(layer) ?? new Uint8Array())
      raw.files.delete(layer)
    },
  },
  {
    name: 'two layers are under each other’s names',
    hurt: (raw, { layer, otherLayer }) => swap(raw, layer, otherLayer),
  },
  {
    name: 'layer and manifest are under each other’s names',
    hurt: (raw, { layer, manifest }) => swap(raw, layer, manifest),
  },
  { name: 'oci-layout is missing', hurt: raw => raw.change('oci-layout', absent) },
  { name: 'oci-layout is something else', hurt: raw => raw.change('oci-layout', () => '#!/bin/sh') },
  { name: 'index.json is missing', hurt: raw => raw.change('index.json', absent), names: [] },
  { name: 'index.json is cut short', hurt: raw => raw.change('index.json', cut), names: [] },
  {
    name: 'index.json has a key twice',
    hurt: raw =>
      raw.change('index.json', bytes => `{"manifests":[],${new TextDecoder().decode(bytes).slice(1)}`),
    names: [],
  },
  {
    name: 'index.json is missing and a manifest altered',
    hurt: (raw, { manifest }) => {
      raw.change('index.json', absent)
      raw.change(manifest, flipped)
    },
    alone: ['DIGEST_MISMATCH'],
    names: [],
  },
  { name: 'an entry has a wrong size', hurt: entry(first => ({ ...first, size: 7 })) },
  { name: 'an entry has a negative size', hurt: entry(first => ({ ...first, size: -1 })) },
  { name: 'an entry has a wrong type', hurt: entry(first => ({ ...first, mediaType: mediaTypes.index })) },
  { name: 'an entry has no type', hurt: entry(first => ({ ...first, mediaType: undefined })) },
  {
    name: 'an entry’s digest is in capitals',
    hurt: entry(first => ({ ...first, digest: `sha256:${String(first.digest).slice(7).toUpperCase()}` })),
  },
  { name: 'an entry has wrong data', hurt: entry(first => ({ ...first, data: 'AAAA' })) },
  { name: 'an entry’s platform is no platform', hurt: entry(first => ({ ...first, platform: 'linux' })) },
  {
    name: 'an entry’s annotations are none, in part',
    hurt: entry(first => ({ ...first, annotations: { ...first.annotations, x: 1 } })),
  },
  {
    name: 'an entry has no digest',
    hurt: entry(first => ({ ...first, digest: 'sha256:../../x' })),
    names: ['multi'],
  },
  { name: 'an entry is no object', hurt: raw => editIndex(raw, entries => [...entries, 7 as never]) },
  {
    name: 'index.json has layers, too',
    hurt: raw => raw.edit('index.json', index => ({ ...index, layers: [] })),
  },
  {
    name: 'index.json is of schema 1',
    hurt: raw => raw.edit('index.json', index => ({ ...index, schemaVersion: 1 })),
  },
  {
    name: 'an unreferenced blob isn’t its name',
    hurt: raw => raw.files.set(`blobs/sha256/${'7'.repeat(64)}`, text('someone’s')),
  },
]

/** Several at once: a fault can meet any step of them, and a slow medium has them all in little time. */
export const combined: readonly Damage[] = [
  {
    name: 'manifest and layer altered, config cut, empty config gone',
    hurt: (raw, parts) => {
      raw.change(parts.manifest, flipped)
      raw.change(parts.layer, flipped)
      raw.change(parts.config, cut)
      raw.change(emptyPath, absent)
    },
    alone: ['DIGEST_MISMATCH'],
  },
  {
    name: 'index.json cut, oci-layout broken, a manifest below an index altered',
    hurt: (raw, parts) => {
      raw.change('index.json', cut)
      raw.change('oci-layout', () => '{}')
      raw.change(parts.child, flipped)
    },
    alone: ['DIGEST_MISMATCH'],
    names: [],
  },
  {
    name: 'layers swapped, an entry of a wrong size, one without a digest',
    hurt: (raw, parts) => {
      swap(raw, parts.layer, parts.childLayer)
      editIndex(raw, ([first, ...rest]) => [{ ...first, size: 1 }, ...rest, { ...first, digest: 'no' }])
    },
  },
]

/** Writes all files of a raw layout into an empty storage, right or wrong. */
export async function pour(raw: RawStorage, storage: StorageAdapter): Promise<StorageAdapter> {
  for (const [path, bytes] of raw.files) {
    if (path === 'index.json' || path === 'oci-layout') {
      await storage.update(path, () => bytes)
      continue
    }
    const staged = await storage.stage()
    const sink = staged.writable.getWriter()
    await sink.write(bytes)
    await sink.close()
    await staged.commit(path as BlobPath)
  }
  return storage
}

/** What of a layout must outlive a repair, however it ended. */
export interface Holdings {
  /** What the files hold, by digest. */
  readonly contents: ReadonlySet<string>
  /** Blobs that are what their names say. */
  readonly right: ReadonlySet<string>
  readonly indexParses: boolean
  /** Files of writers at work. */
  readonly staged: number
  readonly names: readonly string[]
  /** What gc would take; `undefined` where it refuses to run. */
  readonly garbage: ReadonlySet<string> | undefined
}

export async function holdingsOf(storage: StorageAdapter): Promise<Holdings> {
  const contents = new Set<string>()
  const right = new Set<string>()
  let staged = 0
  for await (const { path, kind } of storage.list()) {
    if (kind === 'staged') staged += 1
    const file = kind === 'file' ? await storage.open(path as BlobPath) : undefined
    if (file === undefined) continue
    const digest = await digestOf(await file.bytes())
    contents.add(digest)
    if (isDigest(digest) && pathOf(digest) === path) right.add(digest)
  }
  const index = await (await storage.open('index.json'))?.bytes()
  return {
    contents,
    right,
    staged,
    indexParses: parses(index),
    names: namesIn(index),
    garbage: await garbageOf(storage),
  }
}

/** What was lost between two looks. */
export function lossesBetween(before: Holdings, after: Holdings): string[] {
  const lost = [...before.contents]
    .filter(digest => !after.contents.has(digest))
    .map(digest => `content ${digest}`)
  for (const digest of before.right) if (!after.right.has(digest)) lost.push(`blob ${digest}`)
  if (before.indexParses && !after.indexParses) lost.push('index.json')
  if (before.indexParses)
    for (const name of before.names) if (!after.names.includes(name)) lost.push(`name ${name}`)
  // What gc kept until now, and is right, it keeps.
  for (const digest of after.garbage ?? [])
    if (before.right.has(digest) && before.garbage !== undefined && !before.garbage.has(digest))
      lost.push(`gc ${digest}`)
  return lost
}

async function garbageOf(storage: StorageAdapter): Promise<ReadonlySet<string> | undefined> {
  try {
    const { removed } = await gc(await OciDir.open(storage), { dryRun: true })
    return new Set(removed.map(({ digest }) => digest))
  } catch (error) {
    if (isOciError(error)) return undefined
    throw error
  }
}

function parses(index: Uint8Array | undefined): boolean {
  try {
    return index !== undefined && parseJsonObject(index, { where: 'index.json' }) !== undefined
  } catch {
    return false
  }
}

/** The names that stand on something. */
export function namesIn(index: Uint8Array | undefined): string[] {
  if (index === undefined || !parses(index)) return []
  const { manifests } = parseJsonObject(index, { where: 'index.json' })
  return (Array.isArray(manifests) ? manifests : []).flatMap((item: Entry) => {
    const name = isDigest(item.digest) ? tagOf(item as Descriptor) : undefined
    return name === undefined ? [] : [name]
  })
}

/** Every file of a storage, for comparison. */
export async function filesOf(storage: StorageAdapter): Promise<Record<string, string>> {
  const { files } = await RawStorage.copyOf(storage)
  return Object.fromEntries([...files].map(([path, bytes]) => [path, String(bytes)]).sort())
}

export function pathOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}

interface Entry {
  readonly digest?: string
  readonly annotations?: object
}

function editIndex(raw: RawStorage, edit: (entries: Entry[]) => object[]): void {
  raw.edit('index.json', index => ({ ...index, manifests: edit(index.manifests as Entry[]) }))
}

function blobsOf(raw: RawStorage): string[] {
  return [...raw.files.keys()].filter(path => path.startsWith('blobs/'))
}

function findText(raw: RawStorage, wanted: string): string {
  return blobsOf(raw).find(path => new TextDecoder().decode(raw.files.get(path)) === wanted) ?? ''
}

function swap(raw: RawStorage, a: string, b: string): void {
  const bytes = raw.files.get(a) ?? new Uint8Array()
  raw.files.set(a, raw.files.get(b) ?? new Uint8Array())
  raw.files.set(b, bytes)
}
