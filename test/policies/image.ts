/** One image with all that may need WebAssembly, a worker or a script of its own: built, checked and read by public names. */

import {
  type Codec,
  digestOf,
  draft,
  type Engine,
  fsck,
  type Hashing,
  hashing,
  type Layer,
  mediaTypes,
  OciDir,
  OciError,
  pushLayer,
  type StorageAdapter,
} from 'ocidir'
import { files } from 'ocidir/files'
import { gzip } from 'ocidir/gzip'
import { tarSource, writeTar } from 'ocidir/tar'
import { zstd } from 'ocidir/zstd'
import { PlainXxh64 } from '../../src/codec/zstd/plain-xxh64.ts'
import { collect } from '../../src/streams.ts'
import { bytesOf } from '../suites/material.ts'
import { frame } from '../unit/codec/frames.ts'

/** What came of it; but for `hashing` the same everywhere. */
export interface Outcome {
  readonly image: string
  readonly sha512: string
  readonly isSound: boolean
  /** Paths and the SHA-256 of what was read there. */
  readonly files: Readonly<Record<string, string>>
}

/** By what it was hashed, and what became of the formats that need WebAssembly: a digest, or why not. */
export interface Hashed {
  readonly hashing: Hashing
  readonly zlib: string
  readonly zstd: string
}

/** From these bytes on OPFS asks for a worker. */
const largeSize = 5 * 2 ** 20

/** Builds the image in an empty place, checks it, and reads every file of it. */
export async function buildAndRead(storage: StorageAdapter, engine?: Engine): Promise<Outcome & Hashed> {
  const dir = await OciDir.ensure(storage, { engine })
  const text = [
    { path: 'text', body: 'the same everywhere\n'.repeat(5000) },
    { path: 'noise', body: bytesOf(300_000) },
  ]
  const layers = [
    await dir.writeLayer(tarSource(text), { codec: gzip({ level: 1 }) }),
    await writeZstdLayer(dir),
    await dir.writeLayer(tarSource([{ path: 'large', body: bytesOf(largeSize) }])),
  ]
  const image = layers.reduce(
    (base, layer) => pushLayer(base, layer),
    draft({ os: 'linux', architecture: 'amd64' }),
  )
  const { descriptor } = await dir.writeImage(image, { tag: 'app:1' })
  const { digest: sha512 } = await dir.writeBlob('strict', { algorithm: 'sha512' })
  const { ok } = await fsck(storage, { engine })
  const tree = await files(await dir.openImage('app:1'), { digests: true, codecs: [gzip(), zstd()] })
  return {
    image: descriptor.digest,
    sha512,
    isSound: ok,
    files: Object.fromEntries([...tree.entries()].map(({ path, sha256 = '' }) => [path, sha256])),
    hashing: hashing(storage.native),
    zlib: await tryCodec(dir, gzip({ deflate: 'zlib' })),
    zstd: await tryCodec(dir, zstd()),
  }
}

async function tryCodec(dir: OciDir<StorageAdapter>, codec: Codec): Promise<string> {
  try {
    return (await dir.writeLayer(bytesOf(300_000), { codec })).descriptor.digest
  } catch (error) {
    return error instanceof OciError ? error.code : String(error)
  }
}

/** A layer as others write it: one raw block, with its checksum. */
async function writeZstdLayer(dir: OciDir<StorageAdapter>): Promise<Layer> {
  const tar = await collect(writeTar([{ path: 'packed', body: 'by zstd' }]), { max: 10_000 })
  const checksum = new PlainXxh64()
  checksum.update(tar)
  const packed = await frame({ content: tar, checksum: checksum.value() })
  const descriptor = await dir.writeBlob(packed, { mediaType: mediaTypes.layerZstd })
  return { descriptor, diffId: await digestOf(tar) }
}
