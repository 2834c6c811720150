/** What the page shows of stored images: the list, one image, its files, a check of the whole layout. */

import {
  type FsckResult,
  formatPlatform,
  fsck,
  type Image,
  type OciDir,
  platformOfConfig,
  type StorageAdapter,
} from 'ocidir'
import { type FileRow, files, rowOf } from 'ocidir/files'
import type { CallOptions } from './call.ts'
import type { Calls, FilePage, ImageSummary, StoredImage } from './protocol.ts'
import { builds } from './store.ts'

/** Every named entry; what can't be opened is listed with its fault. */
export async function images(): Promise<readonly StoredImage[]> {
  const dir = await builds()
  const tags = await dir.tags()
  return tags.map(({ tag, descriptor }) => ({
    tag,
    digest: descriptor.digest,
    detail: descriptor.platform === undefined ? '' : formatPlatform(descriptor.platform),
  }))
}

/** One image by its tag. */
export async function open(
  { tag }: Calls['open']['request'],
  { signal }: CallOptions,
): Promise<ImageSummary> {
  const dir = await builds()
  return summaryOf(await dir.openImage({ tag }, { signal }))
}

/** What the page shows of an image. */
export function summaryOf({ tag = '', descriptor, manifest, config }: Image): ImageSummary {
  const { layers } = manifest.value
  const container = config.value.config
  return {
    tag,
    digest: descriptor.digest,
    platform: formatPlatform(platformOfConfig(config.value) ?? {}),
    created: config.value.created ?? '',
    size: layers.reduce((sum, layer) => sum + layer.size, descriptor.size + config.descriptor.size),
    layers,
    entrypoint: container?.Entrypoint ?? [],
    cmd: container?.Cmd ?? [],
    env: container?.Env ?? [],
    workdir: container?.WorkingDir ?? '',
  }
}

/** Takes a name away; with the last one all blobs go too, for then nothing can name them. */
export async function remove({ tag }: Calls['remove']['request']): Promise<undefined> {
  const dir = await builds()
  await dir.untag(tag)
  if ((await dir.readIndex()).value.manifests.length === 0) await empty(dir)
}

/** Checks every byte of the layout, all images that it holds. */
export async function check(_: undefined, { signal, onProgress }: CallOptions): Promise<FsckResult> {
  return fsck((await builds()).storage, { signal, onProgress })
}

/** Some rows of an image's file list; the tree stays here, for the page would choke on a hundred thousand rows. */
export async function listFiles(
  { tag, filter, offset, limit }: Calls['files']['request'],
  options: CallOptions,
): Promise<FilePage> {
  const rows = await rowsOf(tag, options)
  const wanted = filter.toLowerCase()
  const matching = wanted === '' ? rows : rows.filter(({ path }) => path.toLowerCase().includes(wanted))
  return { rows: matching.slice(offset, offset + limit), matching: matching.length, total: rows.length }
}

/** The rows of the image shown last: a filter is typed letter by letter. */
let shown: { readonly digest: string; readonly rows: readonly FileRow[] } | undefined

async function rowsOf(tag: string, { signal, onProgress }: CallOptions): Promise<readonly FileRow[]> {
  const dir = await builds()
  const image = await dir.openImage({ tag }, { signal })
  const { digest } = image.descriptor
  if (shown?.digest === digest) return shown.rows
  const tree = await files(image, { signal, onProgress })
  const rows = Array.from(tree.entries(), rowOf)
  shown = { digest, rows }
  return rows
}

/** Inside the storage's own exclusive section, so that a build in another tab loses nothing. */
async function empty({ storage }: OciDir<StorageAdapter>): Promise<void> {
  const blobs: `blobs/${string}/${string}`[] = []
  for await (const { path } of storage.list()) if (isBlobPath(path)) blobs.push(path)
  await storage.remove(index => (index === undefined || namesNothing(index) ? blobs : []))
}

function isBlobPath(path: string): path is `blobs/${string}/${string}` {
  return /^blobs\/sha(?:256|512)\/[0-9a-f]+$/.test(path)
}

function namesNothing(index: Uint8Array): boolean {
  const { manifests }: { manifests?: unknown } = JSON.parse(new TextDecoder().decode(index))
  return Array.isArray(manifests) && manifests.length === 0
}
