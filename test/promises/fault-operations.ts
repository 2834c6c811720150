/** Every public operation that reaches a medium, each on a small layout whose parts are several chunks. */

import { archive } from '../../src/archive/index.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { zstd } from '../../src/codec/zstd.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { blobPath, digestOf } from '../../src/digest.ts'
import type { OciErrorCode } from '../../src/errors.ts'
import { files } from '../../src/files/index.ts'
import { configure } from '../../src/image.ts'
import {
  cloneTo,
  copy,
  type Descriptor,
  draft,
  fsck,
  gc,
  type ImageManifest,
  identity,
  pushLayer,
  referrers,
  repair,
  transcode,
  transcodeLayer,
} from '../../src/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { emptyDescriptor } from '../../src/spec.ts'
import type { NamedFile, StorageAdapter } from '../../src/storage.ts'
import { collect } from '../../src/streams.ts'
import { createTarLayer, tarSource } from '../../src/tar/index.ts'
import { bytesOf, utf8 } from '../suites/material.ts'
import { Reported } from './fault-report.ts'

/** What an operation works on. */
export interface World {
  /** The place, behind faults: the sample, or nothing where the operation wants an empty one. */
  readonly storage: StorageAdapter
  /** The place as a layout; of an empty place, the source. */
  readonly dir: OciDir<StorageAdapter>
  /** Another layout, behind faults too. */
  readonly source: OciDir<StorageAdapter>
  /** That layout as an archive, behind faults too. */
  readonly archive: NamedFile
  readonly signal: AbortSignal
}

/** One operation. What it gives is compared as JSON with what it gives without faults. */
export interface Operation {
  readonly run: (world: World) => Promise<unknown>
  readonly isOnEmpty?: boolean
  /** It takes no signal, so there is no abort. */
  readonly hasNoSignal?: boolean
  /** What was written is left for the next try, or for `sweep`. */
  readonly isLeft?: boolean
  /** It ends the storage. */
  readonly isClose?: boolean
  /** What faults of another source than the media become. */
  readonly code?: OciErrorCode
}

const amd64 = { os: 'linux', architecture: 'amd64' }
const options = { max: 1 << 22 }

/** Writes the layout that most operations begin with: two images, a referrer, a blob that nothing names. */
export async function writeSample(dir: OciDir<StorageAdapter>, seed: number): Promise<void> {
  const plain = await dir.writeLayer(tarSource([{ path: 'a', body: bytesOf(300_000, seed) }]))
  const packed = await dir.writeLayer(tarSource([{ path: 'b', body: bytesOf(150_000, seed + 1) }]), {
    codec: gzip({ level: 1 }),
  })
  const image = pushLayer(pushLayer(configure(draft(amd64), { Cmd: ['/a'] }), plain), packed)
  const app = await dir.writeImage(image, { tag: 'app' })
  await dir.writeImage(pushLayer(draft({ os: 'linux', architecture: 'arm64' }), packed), { tag: 'arm' })
  const sbom = await dir.writeBlob(utf8(`{"seed":${seed}}`), { mediaType: 'application/spdx+json' })
  await dir.insertArtifactManifest({ subject: app.descriptor, artifactType: sbom.mediaType, layers: [sbom] })
  await dir.writeBlob(bytesOf(1000, seed + 2))
}

const body = (seed: number): Uint8Array => bytesOf(290_000, seed)

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000)
}

async function layersOf(dir: OciDir, signal: AbortSignal): Promise<readonly [Descriptor, Descriptor]> {
  const [plain, packed] = (await dir.openImage('app', { signal })).manifest.value.layers
  if (plain === undefined || packed === undefined) throw new Error('the sample has two layers')
  return [plain, packed]
}

const manifestOf = (dir: OciDir, signal: AbortSignal): Promise<ImageManifest> =>
  dir
    .openImage('app', { signal })
    .then(({ manifest }) => ({ ...manifest.value, annotations: { again: 'yes' } }))

const sizeOf = async (stream: ReadableStream<Uint8Array>): Promise<number> =>
  (await collect(stream, options)).length

/** By the public name, and what sets it apart from others of that name. */
export const operations: Readonly<Record<string, Operation>> = {
  'OciDir.ensure': {
    isOnEmpty: true,
    run: async ({ storage, signal }) => (await OciDir.ensure(storage, { signal })).places.length,
  },
  'OciDir.open': {
    run: async ({ storage, signal }) => (await OciDir.open(storage, { signal })).places.length,
  },
  'OciDir.readIndex': { run: async ({ dir, signal }) => (await dir.readIndex({ signal })).descriptor },
  'OciDir.tags': { run: ({ dir, signal }) => dir.tags({ signal }) },
  'OciDir.find': { run: ({ dir, signal }) => dir.find('app', { signal }) },
  'OciDir.resolve': { run: ({ dir, signal }) => dir.resolve('app', { signal, platform: amd64 }) },
  'OciDir.openImage': {
    run: async ({ dir, signal }) => (await dir.openImage('app', { signal })).config.value,
  },
  'OciDir.images': {
    async run({ dir, signal }) {
      const found = []
      for await (const { descriptor } of dir.images(undefined, { signal })) found.push(descriptor)
      return found
    },
  },
  'OciDir.hasBlob': { run: async ({ dir, signal }) => dir.hasBlob(emptyDescriptor, { signal }) },
  'OciDir.hasManifest': { run: async ({ dir, signal }) => dir.hasManifest(emptyDescriptor, { signal }) },
  'OciDir.readBlob': {
    run: async ({ dir, signal }) => sizeOf(await dir.readBlob((await layersOf(dir, signal))[0], { signal })),
  },
  'OciDir.readBlobRange': {
    run: async ({ dir, signal }) =>
      sizeOf(
        await dir.readBlobRange((await layersOf(dir, signal))[0], { start: 1000, end: 280_000, signal }),
      ),
  },
  'OciDir.readDocument': {
    run: async ({ dir, signal }) =>
      (await dir.readDocument(await dir.resolve('app', { signal }), { signal })).value,
  },
  'OciDir.readLayer (plain)': {
    run: async ({ dir, signal }) => sizeOf(await dir.readLayer((await layersOf(dir, signal))[0], { signal })),
  },
  'OciDir.readLayer (gzip)': {
    run: async ({ dir, signal }) =>
      sizeOf(await dir.readLayer((await layersOf(dir, signal))[1], { signal, codecs: [gzip(), zstd()] })),
  },
  'OciDir.createBlob': {
    async run({ dir, signal }) {
      const writer = await dir.createBlob({ signal })
      try {
        for await (const piece of pieces(body(20))) await writer.write(piece)
      } catch (error) {
        await writer.discard()
        throw error
      }
      return writer.complete()
    },
  },
  'OciDir.writeBlob': { run: ({ dir, signal }) => dir.writeBlob(pieces(body(21)), { signal }) },
  'OciDir.writeDocument': {
    run: async ({ dir, signal }) =>
      (await dir.writeDocument({ a: 1 }, { mediaType: 'application/json', signal })).descriptor,
  },
  'OciDir.writeLayer (plain)': { run: ({ dir, signal }) => dir.writeLayer(pieces(body(22)), { signal }) },
  'OciDir.writeLayer (gzip)': {
    run: ({ dir, signal }) =>
      dir.writeLayer(tarSource([{ path: 'c', body: body(23) }]), { codec: gzip({ level: 1 }), signal }),
  },
  'OciDir.createLayer': {
    async run({ dir, signal }) {
      const writer = dir.createLayer({ signal })
      const sink = writer.writable.getWriter()
      sink.closed.catch(() => {})
      try {
        for await (const piece of pieces(body(24))) await sink.write(piece)
        await sink.close()
      } catch {
        // Why it failed is for `complete` to say.
      }
      return writer.complete()
    },
  },
  createTarLayer: {
    async run({ dir, signal }) {
      const writer = createTarLayer(dir, { signal, codec: gzip({ level: 1 }) })
      await writer.add({ path: 'd' }, body(25))
      await writer.add({ path: 'e' }, 'hello')
      return writer.complete()
    },
  },
  'OciDir.insertManifest': {
    run: async ({ dir, signal }) => dir.insertManifest(await manifestOf(dir, signal), { tag: 'app', signal }),
  },
  'OciDir.insertArtifactManifest': {
    run: ({ dir, signal }) => dir.insertArtifactManifest({ artifactType: 'application/x.test' }, { signal }),
  },
  'OciDir.replaceWithSingleManifest': {
    run: async ({ dir, signal }) => dir.replaceWithSingleManifest(await manifestOf(dir, signal), { signal }),
  },
  'OciDir.writeImage': {
    async run({ dir, signal }) {
      const layer = await dir.writeLayer(pieces(body(26)), { signal })
      return (await dir.writeImage(pushLayer(draft(amd64), layer), { tag: 'app', signal })).descriptor
    },
  },
  'OciDir.writeImage (with a base elsewhere)': {
    async run({ dir, source, signal }) {
      const base = await source.openImage('app', { signal })
      return (await dir.writeImage(draft(base), { tag: 'new', signal })).descriptor
    },
  },
  'OciDir.tag': { hasNoSignal: true, run: ({ dir }) => dir.tag('app', 'latest', 'app:2') },
  'OciDir.untag': { hasNoSignal: true, run: ({ dir }) => dir.untag('arm') },
  copy: {
    run: async ({ source, dir, signal }) =>
      (await copy(source, dir, { refs: ['app'], referrers: true, signal })).entries,
  },
  'copy (of an image)': {
    run: async ({ source, dir, signal }) =>
      (await copy(await source.openImage('arm', { signal }), dir, { as: 'came', signal })).entries,
  },
  cloneTo: {
    isOnEmpty: true,
    run: async ({ source, storage, signal }) => (await cloneTo(source, storage, { signal })).entries,
  },
  transcodeLayer: {
    run: async ({ dir, signal }) =>
      transcodeLayer(dir, (await layersOf(dir, signal))[0], { codec: gzip({ level: 1 }), signal }),
  },
  transcode: {
    run: async ({ source, dir, signal }) =>
      (await transcode(source, dir, { refs: ['app'], codec: identity, codecs: [gzip()], signal })).entries,
  },
  'transcode (within one layout)': {
    run: async ({ dir, signal }) =>
      (await transcode(dir, dir, { refs: ['app'], as: 'app', codec: gzip({ level: 1 }), signal })).entries,
  },
  referrers: { run: ({ dir, signal }) => referrers(dir, 'app', { signal }) },
  fsck: {
    async run({ storage, signal }) {
      const { ok, findings, counts } = await fsck(storage, { signal })
      if (!ok) throw new Reported(findings)
      return counts
    },
  },
  'fsck (deep)': {
    async run({ storage, signal }) {
      const { ok, findings, counts } = await fsck(storage, { deep: layerCheck(), signal })
      if (!ok) throw new Reported(findings)
      return counts
    },
  },
  // Of what is damaged `test/unit/repair/faults.test.ts` fails each call.
  repair: {
    async run({ storage, source, signal }) {
      const { actions, after } = await repair(storage, { from: source.storage, signal })
      if (!after.ok) throw new Reported(after.findings)
      return [actions, after.counts]
    },
  },
  gc: { run: async ({ dir, signal }) => (await gc(dir, { signal })).kept },
  files: {
    async run({ dir, signal }) {
      const tree = await files(await dir.openImage('app', { signal }), { signal })
      return [tree.size, (await tree.bytes('b', { signal })).length]
    },
  },
  // Of a layer alone, so that it isn't all of `files` again.
  'FileTree.stream': {
    async run({ dir, signal }) {
      const tree = await files(await dir.openImage('app', { signal }), { layer: 0, signal })
      return sizeOf(tree.stream('a', { signal }))
    },
  },
  archive: {
    async run({ archive: file, signal }) {
      const dir = await OciDir.open(await archive(file, { signal }), { signal })
      return sizeOf(await dir.readBlob((await layersOf(dir, signal))[0], { signal }))
    },
  },
  'StorageAdapter.list': {
    async run({ storage, signal }) {
      const paths = []
      for await (const { path } of storage.list({ signal })) paths.push(path)
      return paths.sort()
    },
  },
  'StorageAdapter.resume': {
    isLeft: true,
    run: ({ storage, signal }) => writeInTwo([storage, storage], signal),
  },
  'StorageAdapter.sweep': { hasNoSignal: true, run: ({ storage }) => storage.sweep({ olderThan: 0 }) },
  'StorageAdapter.close': { isClose: true, hasNoSignal: true, run: async ({ storage }) => storage.close() },
}

/** Writes a blob half and leaves it, then goes on with it through the other storage, as far as they resume. */
export async function writeInTwo(
  [first, second]: readonly [StorageAdapter, StorageAdapter],
  signal: AbortSignal,
): Promise<number> {
  const bytes = bytesOf(1_300_000, 26)
  const size = bytes.length
  const path = blobPath(await digestOf(bytes))
  for (const [storage, end] of [[first, 1_100_000] as const, [second, size] as const]) {
    const part = await storage.resume?.(path, { size, signal })
    if (part === undefined) return 0
    try {
      const sink = part.writable.getWriter()
      sink.closed.catch(() => {})
      const kept = await sizeOf(part.kept.stream({ signal }))
      for (let at = kept; at < end; at += 100_000)
        await sink.write(bytes.slice(at, Math.min(end, at + 100_000)))
      if (end < size) continue
      // A stream that an abort has ended says only that it can't be closed.
      signal.throwIfAborted()
      await sink.close()
      await part.commit({ signal })
    } finally {
      await part.leave()
    }
  }
  return size
}

/** Public functions that no operation drives, by the reason. */
export const undriven: Readonly<Record<string, readonly string[]>> = {
  'reaches no medium': [
    'canonicalJson',
    'blobPath',
    'createHasher',
    'digestOf',
    'isDigest',
    'engine',
    'isOciError',
    'OciError',
    'configure',
    'draft',
    'layersOf',
    'pushLayer',
    'tagOf',
    'formatPlatform',
    'matchesPlatform',
    'parsePlatform',
    'platformOfConfig',
    'hashing',
    'adviceFor',
    'fsckRules',
    'rowOf',
    'FileTree.entries',
    'FileTree.list',
    'FileTree.find',
  ],
  'makes a storage, and waits for its first call': ['memory'],
  'makes bytes of what it is given, and reads nothing by itself': [
    'gzip',
    'gunzip',
    'zstd',
    'unzstd',
    'readTar',
    'tarSource',
    'writeTar',
  ],
  // Chosen files and folders are the platform's: in `faults.test.ts` the disk's, by `readFolder`.
  'reads what is no layout': ['entriesOf', 'sourceOfDrop'],
}

/** Functions that are driven by an operation of another name; and classes whose objects it gives. */
export const drivenBy: Readonly<Record<string, string>> = {
  OciDir: 'OciDir.open',
  BlobWriter: 'OciDir.createBlob',
  LayerWriter: 'OciDir.createLayer',
  TarLayerWriter: 'createTarLayer',
  layerCheck: 'fsck',
  'FileTree.bytes': 'files',
}
