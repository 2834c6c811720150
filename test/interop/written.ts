/** What we write, one layout a kind: the rows of the write matrix. */

import { join } from 'node:path'
import { folder } from '../../adapters/node/index.ts'
import { type Codec, identity } from '../../src/codec/codec.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { zstd } from '../../src/codec/zstd.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Image } from '../../src/resolve.ts'
import { type Descriptor, emptyDescriptor, mediaTypes, type Platform } from '../../src/spec.ts'
import type { StorageAdapter, TarSource } from '../../src/storage.ts'
import { chunksOf, collect } from '../../src/streams.ts'
import { tarSource } from '../../src/tar/index.ts'

type Dir = OciDir<StorageAdapter>

/** The name that every layout has. */
export const tag = 'app'

const amd64: Platform = { os: 'linux', architecture: 'amd64' }
const arm64: Platform = { os: 'linux', architecture: 'arm64', variant: 'v8' }

/** Each kind writes one tagged entry and gives its descriptor. */
export const kinds: Readonly<Record<string, (dir: Dir) => Promise<Descriptor>>> = {
  'image, gzip layers': async dir => (await writeApp(dir, { codec: gzip(), tag })).descriptor,
  'image, gzip layers by zlib': async dir =>
    (await writeApp(dir, { codec: gzip({ deflate: 'zlib' }), tag })).descriptor,
  'image, zstd layers': async dir => (await writeApp(dir, { codec: zstd(), tag })).descriptor,
  'image, uncompressed layers': async dir => (await writeApp(dir, { codec: identity, tag })).descriptor,
  'index of two platforms': writeIndex,
  'artifact with a subject': writeArtifact,
  'image, sha512 layer': writeSha512,
}

/** Writes a layout of one kind into a folder. */
export async function writeKind(kind: string, root: string): Promise<{ path: string; entry: Descriptor }> {
  const path = join(root, kind.replaceAll(/[^a-z0-9]+/g, '-'))
  const write = kinds[kind]
  if (write === undefined) throw new RangeError(kind)
  const entry = await write(await OciDir.ensure(folder(path)))
  return { path, entry }
}

async function writeApp(
  dir: Dir,
  { codec, platform = amd64, tag: name }: { codec: Codec; platform?: Platform; tag?: string },
): Promise<Image> {
  let image = configure(draft(platform), { Cmd: ['/app/run'], Env: ['A=1'] })
  for (const text of ['#!/bin/sh\n', `for ${platform.architecture}\n`]) {
    image = pushLayer(image, await dir.writeLayer(appTar(text), { codec }), { createdBy: 'COPY' })
  }
  return dir.writeImage(image, { tag: name })
}

async function writeIndex(dir: Dir): Promise<Descriptor> {
  const entries: Descriptor[] = []
  for (const platform of [amd64, arm64]) {
    const { descriptor } = await writeApp(dir, { codec: gzip(), platform })
    entries.push(descriptor)
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries }
  const { descriptor } = await dir.writeDocument(index, { mediaType: mediaTypes.index })
  return dir.tag(descriptor, tag)
}

async function writeArtifact(dir: Dir): Promise<Descriptor> {
  const { descriptor } = await writeApp(dir, { codec: gzip() })
  const { platform: _platform, ...subject } = descriptor
  const layer = await dir.writeBlob('{"spdxVersion":"SPDX-2.3"}', { mediaType: 'application/spdx+json' })
  const artifactType = 'application/vnd.example.sbom'
  return dir.insertManifest(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType,
      config: emptyDescriptor,
      layers: [layer],
      subject,
    },
    { tag },
  )
}

async function writeSha512(dir: Dir): Promise<Descriptor> {
  const tar = await collect(chunksOf(appTar('#!/bin/sh\n').tar()), { max: 1 << 20 })
  const descriptor = await dir.writeBlob(tar, { mediaType: mediaTypes.layer, algorithm: 'sha512' })
  const { digest: diffId } = await dir.writeBlob(tar)
  const image = await dir.writeImage(pushLayer(draft(amd64), { descriptor, diffId }), { tag })
  return image.descriptor
}

/** A tar of one program. */
function appTar(text: string): TarSource {
  return tarSource([
    { path: 'app/', type: 'directory' },
    { path: 'app/run', mode: 0o755, body: text },
  ])
}
