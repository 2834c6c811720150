/** Takes an image out of the browser: as a tar of a layout that holds it alone, or into a folder. */

import {
  blobPath,
  canonicalJson,
  type Descriptor,
  type Image,
  type ImageIndex,
  mediaTypes,
  OciDir,
  type StorageAdapter,
} from 'ocidir'
import { folder } from 'ocidir/fsa'
import { type TarInput, tarSource } from 'ocidir/tar'
import type { CallOptions } from './call.ts'
import type { Calls } from './protocol.ts'
import { builds } from './store.ts'

/** Writes the tar, an oci-archive that skopeo and podman read, into a file; without one gives it as a `Blob`. */
export async function saveTar(
  { tag, handle }: Calls['saveTar']['request'],
  options: CallOptions,
): Promise<Blob | undefined> {
  const { signal } = options
  const dir = await builds()
  const image = await dir.openImage({ tag }, { signal })
  const tar = tarSource(() => entriesOfLayout(dir, image, options)).tar({ signal })
  // The parts come from disk, and a Blob this large lies on disk again: the tar is never whole in memory.
  if (handle === undefined) return new Response(tar).blob()
  // An abort or a fault drops the swap file; the file of that name stays as it was.
  await tar.pipeTo(await handle.createWritable(), { signal })
  return undefined
}

/** Copies the image into a folder, which becomes a layout or already is one. Every blob is verified on its way. */
export async function saveFolder(
  { tag, handle }: Calls['saveFolder']['request'],
  { signal, onProgress }: CallOptions,
): Promise<undefined> {
  const from = await builds()
  const image = await from.openImage({ tag }, { signal })
  const storage = await folder(handle)
  try {
    const to = await OciDir.ensure(storage, { signal })
    const blobs = blobsOf(image)
    const total = sizeOf(blobs)
    let before = 0
    for (const blob of blobs) {
      const { mediaType, size } = blob
      await to.writeBlob(await from.readBlob(blob, { signal }), {
        mediaType,
        expected: blob,
        signal,
        onProgress: ({ bytes }) => onProgress({ bytes: before + bytes, total }),
      })
      before += size
    }
    // The entry comes last: index.json never names what isn't there.
    await to.tag(image.descriptor, tag)
  } finally {
    await storage.close()
  }
}

/** A layout of one image: its bytes are the same each time. */
async function* entriesOfLayout(
  dir: OciDir<StorageAdapter>,
  image: Image,
  { signal, onProgress }: CallOptions,
): AsyncGenerator<TarInput, void, undefined> {
  yield { path: 'oci-layout', body: canonicalJson({ imageLayoutVersion: '1.0.0' }) }
  yield { path: 'index.json', body: canonicalJson(indexOf(image)) }
  const blobs = blobsOf(image)
  const total = sizeOf(blobs)
  let bytes = 0
  for (const blob of blobs) {
    const onChunk = (size: number): void => {
      bytes += size
      onProgress({ bytes, total })
    }
    const body = (await dir.readBlob(blob, { signal })).pipeThrough(counter(onChunk))
    yield { path: blobPath(blob.digest), size: blob.size, body }
  }
}

function indexOf({ descriptor }: Image): ImageIndex {
  return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [descriptor] }
}

/** Every blob once: two layers may be the same. */
function blobsOf({ descriptor, manifest }: Image): Descriptor[] {
  const { config, layers } = manifest.value
  return [...new Map([descriptor, config, ...layers].map(blob => [blob.digest, blob])).values()]
}

function sizeOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0)
}

function counter(onChunk: (size: number) => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      onChunk(chunk.length)
      controller.enqueue(chunk)
    },
  })
}
