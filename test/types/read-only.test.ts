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

it('no verb that writes is forgotten here', async () => {
  const text = await readFile(join(top, 'src/oci-dir.ts'), 'utf8')
  expect(text.match(/this: OciDir<StorageAdapter>/g)).toHaveLength(Object.keys(writing).length)
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
