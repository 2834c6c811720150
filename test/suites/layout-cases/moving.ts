/** Layouts and artifacts on the move: the crate's `clone_to`, `insert_artifact_manifest`, `find_referrers`. */

import { cloneTo, copy } from '../../../src/copy/copy.ts'
import { emptyIndexBytes } from '../../../src/document.ts'
import { fsck } from '../../../src/fsck.ts'
import { gc } from '../../../src/gc.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { referrers } from '../../../src/referrers.ts'
import { type Descriptor, emptyDescriptor } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { fails, ok, same, sameBytes, sameNames } from '../assert.ts'
import {
  blobsIn,
  changed,
  type Dir,
  emptyDir,
  filesIn,
  pathOf,
  readOnly,
  sameJson,
  writeImage,
} from '../layout-material.ts'
import type { StorageCase } from '../storage-case.ts'

const sbom = 'application/vnd.example.sbom'
const signature = 'application/vnd.example.signature'

/** Two tags on images that share a layer, and an artifact about one of them. */
async function writeAll(dir: Dir): Promise<Descriptor> {
  const { descriptor } = await writeImage(dir, { tag: 'one' })
  await writeImage(dir, { tag: 'two', platform: { os: 'linux', architecture: 'arm64' } })
  return dir.insertArtifactManifest({ artifactType: sbom, subject: descriptor })
}

/** A storage whose layout lists nothing and holds no blob. */
async function clear(storage: StorageAdapter): Promise<void> {
  await storage.update('index.json', emptyIndexBytes)
  await gc(await OciDir.open(storage), { sweepOlderThan: 0 })
}

export const movingCases: readonly StorageCase[] = [
  {
    name: 'clone_to: a layout comes whole into a storage that gc has emptied, byte for byte',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      await writeAll(dir)
      const before = await filesIn(storage)
      await clear(storage)
      sameNames(await blobsIn(storage), [], 'blobs after gc')
      const source = await OciDir.open(readOnly(before))
      const { copied, present } = await cloneTo(source, storage)
      same(copied, before.size - 2, 'blobs copied')
      same(present, 0, 'blobs there before')
      const after = await filesIn(storage)
      sameNames([...after.keys()], [...before.keys()])
      for (const [path, bytes] of before) sameBytes(after.get(path), bytes, path)
      sameJson((await fsck(storage)).findings, [], 'findings')
      same((await cloneTo(source, storage)).copied, 0, 'blobs copied a second time')
    },
  },
  {
    name: 'clone_to: a source with a wrong byte leaves the target as it was',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const { manifest } = await writeImage(dir, { tag: 'one' })
      const [layer] = manifest.value.layers
      ok(layer !== undefined, 'an image of one layer')
      const broken = await changed(storage, pathOf(layer), bytes => bytes.map(byte => byte ^ 1))
      await clear(storage)
      await fails(async () => cloneTo(await OciDir.open(broken), storage), { code: 'DIGEST_MISMATCH' })
      same((await dir.readIndex()).value.manifests.length, 0, 'entries')
      ok(!(await blobsIn(storage)).includes(pathOf(layer)), 'the wrong blob must not be there')
    },
  },
  {
    name: 'clone_to: parts of a layout are copied with what refers to them',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const artifact = await writeAll(dir)
      const source = await OciDir.open(readOnly(await filesIn(storage)))
      await clear(storage)
      await copy(source, dir, { refs: [{ tag: 'one' }], referrers: true })
      const { manifests } = (await dir.readIndex()).value
      sameNames(
        manifests.map(({ digest }) => digest),
        [(await dir.resolve({ tag: 'one' })).digest, artifact.digest],
      )
      same((await fsck(storage)).ok, true, 'ok')
    },
  },
  {
    name: 'insert_artifact_manifest: an untagged entry with its type and annotations, and the empty blob stored',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const { descriptor: subject } = await writeImage(dir, { tag: 'one' })
      const annotations = { 'org.example.by': 'test' }
      const entry = await dir.insertArtifactManifest({ artifactType: sbom, subject, annotations })
      const { manifests } = (await dir.readIndex()).value
      sameJson(manifests.at(-1), entry, 'entry')
      same(entry.artifactType, sbom, 'artifactType')
      sameJson(entry.annotations, annotations, 'annotations')
      same(entry.platform, undefined, 'platform')
      const { value } = await dir.readDocument(entry)
      const { mediaType, digest, size } = subject
      sameJson(value.subject, { mediaType, digest, size }, 'subject')
      sameJson(value.config, emptyDescriptor, 'config')
      sameJson(value.layers, [emptyDescriptor], 'layers')
      same(await dir.hasBlob(emptyDescriptor), true, 'the empty blob')
      same((await fsck(storage)).ok, true, 'ok')
    },
  },
  {
    name: 'insert_artifact_manifest: layers given are its layers, and must be there',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = await dir.writeBlob('{}\n', { mediaType: 'application/spdx+json' })
      const entry = await dir.insertArtifactManifest({ artifactType: sbom, layers: [layer] })
      sameJson((await dir.readDocument(entry)).value.layers, [layer], 'layers')
      const absent = { ...layer, digest: `sha256:${'0'.repeat(64)}` as const }
      await fails(() => dir.insertArtifactManifest({ artifactType: sbom, layers: [absent] }), {
        code: 'BLOB_MISSING',
      })
    },
  },
  {
    name: 'find_referrers: those of a subject, of one type if one is asked, in document order and each once',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const { descriptor: subject } = await writeImage(dir, { tag: 'one' })
      await writeImage(dir, { tag: 'other', content: 'another' })
      const first = await dir.insertArtifactManifest({ artifactType: sbom, subject })
      const second = await dir.insertArtifactManifest({ artifactType: signature, subject })
      await dir.insertArtifactManifest({ artifactType: signature, subject: first })
      const digests = async (
        ...args: Parameters<typeof referrers> extends [unknown, ...infer R] ? R : never
      ) => (await referrers(dir, ...args)).map(({ digest }) => digest)
      sameJson(await digests({ tag: 'one' }), [first.digest, second.digest])
      sameJson(await digests(subject.digest, { artifactType: signature }), [second.digest])
      sameJson(await digests({ tag: 'other' }), [])
      sameJson(await digests(`sha256:${'0'.repeat(64)}`), [])
    },
  },
]
