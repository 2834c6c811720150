import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { top } from '../house/sources.ts'
import { compile } from './compile.ts'

/** Every verb that writes. */
const writing: Readonly<Record<string, string>> = {
  createBlob: `dir.createBlob()`,
  writeBlob: `dir.writeBlob('bytes')`,
  writeDocument: `dir.writeDocument({}, { mediaType: 'application/json' })`,
  writeLayer: `dir.writeLayer('a tar')`,
  createLayer: `dir.createLayer()`,
  insertManifest: `dir.insertManifest(manifest)`,
  insertArtifactManifest: `dir.insertArtifactManifest({ artifactType: 'a/b', subject: descriptor })`,
  replaceWithSingleManifest: `dir.replaceWithSingleManifest(manifest)`,
  writeImage: `dir.writeImage(image)`,
  tag: `dir.tag('old', 'new')`,
  untag: `dir.untag('old')`,
}
const reading: Readonly<Record<string, string>> = {
  readBlob: `dir.readBlob(descriptor)`,
  tags: `dir.tags()`,
  openImage: `dir.openImage('app:1')`,
}

it('writing to a read-only layout does not compile', async () => {
  const errors = await compile('core', sources('ReadableStorage', { ...writing, ...reading }))
  for (const verb of Object.keys(writing)) {
    expect(errors[verb], verb).toHaveLength(1)
    expect(errors[verb]?.[0], verb).toMatch(/^TS2684: The 'this' context of type 'OciDir<ReadableStorage>'/)
  }
  for (const verb of Object.keys(reading)) expect(errors[verb], verb).toEqual([])
})

it('writing to a layout of an adapter compiles', async () => {
  const errors = await compile('core', sources('StorageAdapter', { ...writing, ...reading }))
  expect(Object.values(errors).flat()).toEqual([])
})

const archived = `OciDir.open(await archive(new Blob(['a tar'])))`
it.each<[medium: string, opened: string]>([
  ['an archive', archived],
  ['chosen files', `OciDir.open(fileList([]))`],
  [
    'an archive with external blobs that can be written',
    `OciDir.open(await archive(new Uint8Array()), { blobs: memory() })`,
  ],
  [
    'chosen files with an archive as external blobs',
    `OciDir.open(fileList([]), { blobs: await archive(new Uint8Array()) })`,
  ],
])('writing to %s does not compile, reading does', async (_, opened) => {
  const read = { ...reading, storage: `dir.storage.open('index.json')` }
  const store = { stage: `dir.storage.stage()`, update: `dir.storage.update('index.json', now => now)` }
  const errors = await compile('core', openedSources(opened, { ...writing, ...read, ...store }))
  for (const verb of Object.keys(writing)) {
    expect(errors[verb], verb).toHaveLength(1)
    expect(errors[verb]?.[0], verb).toMatch(/^TS2684: The 'this' context of type 'OciDir<ReadableStorage>'/)
  }
  for (const verb of Object.keys(store)) expect(errors[verb]?.[0], verb).toMatch(/^TS2339: Property/)
  for (const verb of Object.keys(read)) expect(errors[verb], verb).toEqual([])
})

it('writing to a layout whose external blobs are an archive compiles, and to the archive it does not', async () => {
  const opened = `OciDir.ensure(memory(), { blobs: await archive(new Uint8Array()) })`
  const errors = await compile('core', {
    ...openedSources(opened, { ...writing, ...reading }),
    ...openedSources(archived, { asWritable: `OciDir.ensure(dir.storage)` }),
  })
  expect(errors.asWritable?.[0]).toMatch(/^TS2739: Type 'ReadableStorage' is missing/)
  for (const verb of [...Object.keys(writing), ...Object.keys(reading)])
    expect(errors[verb], verb).toEqual([])
})

it('copying into a read-only layout, or cloning to a read-only storage, does not compile', async () => {
  const call = (target: string, verb: string): string => `
import { cloneTo, copy, type OciDir, type ReadableStorage, type StorageAdapter } from '../../src/index.ts'
export type Both = ReadableStorage | StorageAdapter
export const use = (from: OciDir, to: OciDir<${target}>): unknown => [cloneTo, copy, ${verb}]`
  const verbs = { copy: 'copy(from, to)', cloneTo: 'cloneTo(from, to.storage)' }
  for (const [verb, text] of Object.entries(verbs)) {
    const errors = await compile('core', {
      readOnly: call('ReadableStorage', text),
      writable: call('StorageAdapter', text),
    })
    expect(errors.readOnly, verb).toHaveLength(1)
    expect(errors.readOnly?.[0], verb).toMatch(/OciDir<ReadableStorage>|'ReadableStorage'/)
    expect(errors.writable, verb).toEqual([])
  }
})

it('no verb that writes is forgotten here', async () => {
  const text = await readFile(join(top, 'src/oci-dir.ts'), 'utf8')
  expect(text.match(/this: OciDir<StorageAdapter>/g)).toHaveLength(Object.keys(writing).length)
})

it('a layer is built into a layout that can be written, and into no other', async () => {
  const building = (storage: string): string => `
import { createTarLayer } from '../../src/tar/index.ts'
import type { OciDir, ReadableStorage, StorageAdapter } from '../../src/index.ts'
export type Both = ReadableStorage | StorageAdapter
export const use = (dir: OciDir<${storage}>): unknown => createTarLayer(dir)`
  const errors = await compile('core', {
    read: building('ReadableStorage'),
    written: building('StorageAdapter'),
  })
  expect(errors.read).toHaveLength(1)
  expect(errors.written).toEqual([])
})

function sources(storage: string, verbs: Readonly<Record<string, string>>): Record<string, string> {
  const wrap = (call: string): string => `
import type { Descriptor, Draft, ImageManifest, OciDir, ReadableStorage, StorageAdapter } from '../../src/index.ts'
export type Both = ReadableStorage | StorageAdapter
export type All = Descriptor | Draft | ImageManifest
export const use = (dir: OciDir<${storage}>, { descriptor, image, manifest }: Given): unknown =>
  [descriptor, image, manifest, ${call}]
interface Given { descriptor: Descriptor; image: Draft; manifest: ImageManifest }`
  return Object.fromEntries(Object.entries(verbs).map(([verb, call]) => [verb, wrap(call)]))
}

/** The verbs on a layout that is opened for real, so that its type is what the factory gives. */
function openedSources(opened: string, verbs: Readonly<Record<string, string>>): Record<string, string> {
  const wrap = (call: string): string => `
import { fileList } from '../../adapters/fsa/index.ts'
import { memory } from '../../adapters/memory.ts'
import { archive } from '../../src/archive/index.ts'
import { type Descriptor, type Draft, type ImageManifest, OciDir } from '../../src/index.ts'
export const all = [fileList, memory, archive]
export const use = async ({ descriptor, image, manifest }: Given): Promise<unknown> => {
  const dir = await ${opened}
  return [descriptor, image, manifest, ${call}]
}
interface Given { descriptor: Descriptor; image: Draft; manifest: ImageManifest }`
  return Object.fromEntries(Object.entries(verbs).map(([verb, call]) => [verb, wrap(call)]))
}
