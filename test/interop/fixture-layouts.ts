/** The layouts of `test/fixtures`, made by other tools, and what an independent tool says is in them. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { memory } from '../../adapters/memory.ts'
import { type BlobPath, checkLayoutPath, type StorageAdapter } from '../../src/storage.ts'
import { chunksOf, collect } from '../../src/streams.ts'
import { readTar } from '../../src/tar/read.ts'

export interface ExpectedFile {
  readonly type: string
  readonly mode: string
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly linkname?: string
  readonly sha256?: string
  readonly xattrsBase64?: Readonly<Record<string, string>>
  readonly dev?: readonly [number, number]
  readonly implicit?: boolean
}

export interface ExpectedLayer {
  readonly digest: string
  readonly size: number
  readonly mediaType: string
  readonly compression?: string
  readonly diffID?: string
  readonly uncompressedSize?: number
}

export interface ExpectedImage {
  readonly manifest: string
  readonly mediaType: string | null
  readonly config: string
  readonly configMediaType: string
  readonly artifactType?: string
  readonly subject?: string
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string }
  readonly layers: readonly ExpectedLayer[]
  readonly entriesPerLayer?: readonly number[]
  readonly files?: Readonly<Record<string, ExpectedFile>>
}

export interface ExpectedEntry {
  readonly digest: string
  readonly mediaType: string
  readonly tag?: string | null
  readonly platform?: Readonly<Record<string, string>>
  readonly artifactType?: string
  readonly children?: readonly ExpectedEntry[]
}

export interface Expected {
  readonly kind: string
  readonly tags: readonly string[]
  readonly index: readonly ExpectedEntry[]
  readonly blobCount: number
  readonly images: readonly ExpectedImage[]
}

/** How one broken or odd layout should be judged. */
export interface Judged {
  readonly should: string
}

const folder = fileURLToPath(new URL('../fixtures/', import.meta.url))

export async function expectedOf<T = Expected>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(folder, name, 'expected.json'), 'utf8'))
}

/** Where a fixture's tar is. */
export function fixtureTar(name: string): string {
  return join(folder, `${name}.tar`)
}

/** The files of a fixture's tar, read by our own tar reader. */
export async function filesOf(name: string): Promise<Map<string, Uint8Array>> {
  const tar = await readFile(fixtureTar(name))
  const files = new Map<string, Uint8Array>()
  for await (const { path, type, body } of readTar(chunksOf(tar))) {
    if (type === 'file') files.set(path.replace(/^(?:\.\/)+/, ''), await collect(body, { max: 16 << 20 }))
  }
  return files
}

/** A layout's files put into memory by the contract alone; what no layout can hold is left out. */
export async function inMemory(files: ReadonlyMap<string, Uint8Array>): Promise<StorageAdapter> {
  const storage = memory()
  for (const [path, bytes] of files) {
    if (path === 'index.json' || path === 'oci-layout') await storage.update(path, () => bytes)
    else await stageBlob(storage, path, bytes)
  }
  return storage
}

/** A layout's files written to a folder by plain fs: another program's layout. */
export async function onDisk(files: ReadonlyMap<string, Uint8Array>, root: string): Promise<void> {
  for (const [path, bytes] of files) {
    const place = join(root, path)
    await mkdir(dirname(place), { recursive: true })
    await writeFile(place, bytes)
  }
}

async function stageBlob(storage: StorageAdapter, path: string, bytes: Uint8Array): Promise<void> {
  checkLayoutPath(path)
  const staged = await storage.stage()
  const writer = staged.writable.getWriter()
  await writer.write(bytes)
  await writer.close()
  await staged.commit(path as BlobPath)
}
