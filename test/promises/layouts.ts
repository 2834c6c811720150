/** Layouts as plain files, taken apart and put together again, so that each part can be broken with right digests. */

import { blobPath, digestOf } from '../../src/digest.ts'
import { mediaTypes } from '../../src/spec.ts'
import { chunksOf, collect, equalBytes } from '../../src/streams.ts'
import { readTar } from '../../src/tar/index.ts'

/** A layout's files by their paths. */
export type Files = ReadonlyMap<string, Uint8Array>

/** A layer as it is stored, and what a config says it unpacks to. */
export interface LayerParts {
  readonly blob: Uint8Array
  readonly type: string
  readonly diffId: string
}

/** What of an image differs from the clean one. */
export interface ImageParts {
  readonly layers?: readonly LayerParts[]
  readonly config?: object
  readonly artifactType?: string
  readonly configType?: string
}

/** A layout that is broken in one way, and one beside it that isn't. */
export interface Kind {
  readonly name: string
  /** What must be said of it: `error GZIP_INVALID`. */
  readonly said: string
  readonly broken: Files
  readonly near: Files
}

/** A fixture's tar, in Node and in pages. */
export async function fixtureFiles(name: string): Promise<Files> {
  const url = new URL(`${import.meta.url.replace(/promises\/.*$/, 'fixtures/')}${name}.tar`)
  const files = new Map<string, Uint8Array>()
  for await (const { path, type, body } of readTar(chunksOf(await bytesAt(url)))) {
    if (type === 'file') files.set(path.replace(/^(?:\.\/)+/, ''), await collect(body, { max: 16 << 20 }))
  }
  return files
}

async function bytesAt(url: URL): Promise<Uint8Array> {
  if (url.protocol !== 'file:') return new Uint8Array(await (await fetch(url)).arrayBuffer())
  const { readFile } = await import('node:fs/promises')
  // A copy: `slice` of Node's own kind of bytes is a view.
  return new Uint8Array(await readFile(url))
}

/** A file of a layout; it must be there. */
export function fileAt(files: Files, path: string): Uint8Array {
  const bytes = files.get(path)
  if (bytes === undefined) throw new Error(`no ${path}`)
  return bytes
}

/** The files with some replaced, or added, or (`undefined`) taken away. */
export function edited(
  files: Files,
  changes: Readonly<Record<string, Uint8Array | string | undefined>>,
): Files {
  const next = new Map(files)
  for (const [path, content] of Object.entries(changes)) {
    if (content === undefined) next.delete(path)
    else next.set(path, typeof content === 'string' ? new TextEncoder().encode(content) : content)
  }
  return next
}

export function jsonAt<T>(files: Files, path: string): T {
  return JSON.parse(new TextDecoder().decode(fileAt(files, path)))
}

/** The documents of the first image of index.json. */
export function imageIn(files: Files): { index: Index; manifest: Manifest; config: Config } {
  const index = jsonAt<Index>(files, 'index.json')
  const manifest = jsonAt<Manifest>(files, blobPath(index.manifests[0]?.digest ?? ''))
  return { index, manifest, config: jsonAt<Config>(files, blobPath(manifest.config.digest)) }
}

/** The layers of the first image. */
export function layersIn(files: Files): LayerParts[] {
  const { manifest, config } = imageIn(files)
  return manifest.layers.map(({ digest, mediaType }, i) => {
    const diffId = config.rootfs.diff_ids[i] ?? ''
    return { blob: fileAt(files, blobPath(digest)), type: mediaType, diffId }
  })
}

/** The layout of these images, each the clean one but for its parts; every digest and size is right. */
export async function rebuilt(clean: Files, ...images: readonly ImageParts[]): Promise<Files> {
  const { index, manifest, config } = imageIn(clean)
  const files = new Map<string, Uint8Array>()
  files.set('oci-layout', fileAt(clean, 'oci-layout'))
  const entries: object[] = []
  for (const [i, parts] of images.entries()) {
    const { layers = layersIn(clean), configType = mediaTypes.config, artifactType } = parts
    const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) }
    const history = layers.map(() => config.history[0])
    const stored = await add(files, json({ ...config, rootfs, history, ...parts.config }), configType)
    const listed = []
    for (const { blob, type } of layers) listed.push(await add(files, blob, type))
    const value = { ...manifest, config: stored, layers: listed, artifactType }
    const entry = await add(files, json(value), mediaTypes.manifest)
    const annotations = { 'org.opencontainers.image.ref.name': `t${i}` }
    entries.push({ ...entry, platform: index.manifests[0]?.platform, annotations })
  }
  files.set('index.json', json({ ...index, manifests: entries }))
  return files
}

/** Adds a blob under its digest. */
export async function add(
  files: Map<string, Uint8Array>,
  bytes: Uint8Array,
  mediaType: string,
): Promise<{ mediaType: string; digest: string; size: number }> {
  const digest = await digestOf(bytes)
  files.set(blobPath(digest), bytes)
  return { mediaType, digest, size: bytes.length }
}

export function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** A copy with one byte changed; negative places count from the end. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  const place = at < 0 ? bytes.length + at : at
  copy[place] = (copy[place] ?? 0) ^ 1
  return copy
}

/** Tells whether two layouts have the same files. */
export function isSame(a: Files, b: Files): boolean {
  const same = [...a].every(([path, bytes]) => equalBytes(bytes, b.get(path) ?? new Uint8Array()))
  return same && a.size === b.size
}

interface Named {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: object
}
interface Index {
  readonly manifests: readonly Named[]
}
interface Manifest {
  readonly config: Named
  readonly layers: readonly Named[]
}
interface Config {
  readonly rootfs: { readonly diff_ids: readonly string[] }
  readonly history: readonly object[]
}
