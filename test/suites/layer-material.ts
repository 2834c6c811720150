/** What the layer cases are made of: the usual ways to a layer and back. */

import { gzip } from '../../src/codec/gzip.ts'
import { zstd } from '../../src/codec/zstd.ts'
import { digestOf } from '../../src/digest.ts'
import type { Layer } from '../../src/layer.ts'
import { type Descriptor, mediaTypes } from '../../src/spec.ts'
import type { ByteSource } from '../../src/streams.ts'
import { type ReadTarOptions, readTar } from '../../src/tar/read.ts'
import { type ExpectedError, fails, same } from './assert.ts'
import { type Dir, emptyDir } from './layout-material.ts'
import { drain, entriesIn } from './material.ts'
import { bytesOf, type Whole } from './tar-bytes.ts'

export { type Dir, emptyDir }

/** All that can be read. */
export const codecs: readonly [ReturnType<typeof gzip>, ReturnType<typeof zstd>] = [gzip(), zstd()]

/** A blob of these very bytes, called a layer. */
export function storeAs(
  dir: Dir,
  mediaType: 'layer' | 'layerGzip' | 'layerZstd',
  source: ByteSource,
): Promise<Descriptor> {
  return dir.writeBlob(source, { mediaType: mediaTypes[mediaType] })
}

/** The uncompressed bytes of a layer. */
export async function plainOf(dir: Dir, layer: Layer | Descriptor): Promise<Uint8Array> {
  return drain(await dir.readLayer(layer, { codecs }))
}

/** Fails unless the layer is refused so, and gives its bytes to nobody as whole. */
export async function isRefused(
  dir: Dir,
  layer: Layer | Descriptor,
  expected: ExpectedError,
): Promise<unknown> {
  return fails(() => plainOf(dir, layer), expected, 'readLayer')
}

/** Every entry of a layer with its body. */
export async function entriesOfLayer(
  dir: Dir,
  layer: Layer | Descriptor,
  options?: ReadTarOptions,
): Promise<Whole[]> {
  const all: Whole[] = []
  for await (const { body, ...entry } of readTar(await dir.readLayer(layer, { codecs }), options)) {
    all.push({ ...entry, bytes: await bytesOf(body) })
  }
  return all
}

/** The entries of a tar that went into a layer and came out again. */
export async function throughLayer(dir: Dir, tar: Uint8Array): Promise<Whole[]> {
  return entriesOfLayer(dir, await dir.writeLayer(tar, { codec: gzip({ level: 1 }) }))
}

/** Fails unless the bytes have this digest, wherever they were made. */
export async function hasDigest(bytes: Uint8Array, digest: string, message: string): Promise<void> {
  same(await digestOf(bytes), digest, message)
}

/** Fails unless a storage holds no blob and nothing staged; a discard that was begun may end a moment later. */
export async function holdsNothing(dir: Dir): Promise<void> {
  let left: string[] = []
  for (let i = 0; i < 40; i++) {
    left = (await entriesIn(dir.storage)).map(({ path }) => path)
    left = left.filter(path => path !== 'index.json' && path !== 'oci-layout')
    if (left.length === 0) return
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  same(left.join(), '', 'left behind')
}
