/** Blobs: the crate's `create_blob`, `BlobWriter`, `read_blob`, `has_blob`. */

import { blobPath } from '../../../src/digest.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import { fails, ok, same, sameBytes, sameNames } from '../assert.ts'
import { blobsIn, changed, emptyDir, gzipLayer, pathOf, tarballDiffId, textIn } from '../layout-material.ts'
import { bytesOf, drain, textOf, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const foo = 'sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'
const empty = emptyDescriptor.digest

export const blobCases: readonly StorageCase[] = [
  {
    name: 'create_blob: nothing is visible before complete, all of it after',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const writer = await dir.createBlob()
      for (const part of ['pretend ', 'this is', '']) await writer.write(utf8(part))
      same(writer.size, 15)
      sameNames(await blobsIn(storage), [])
      const descriptor = await writer.complete()
      sameNames(await blobsIn(storage), [pathOf(descriptor)])
      same(await textIn(await dir.readBlob(descriptor)), 'pretend this is')
    },
  },
  {
    name: 'create_blob: a dropped writer leaves nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const dropped = await dir.createBlob()
      await dropped.write(bytesOf(300_000))
      await dropped.discard()
      await dropped.discard()
      await fails(() => dropped.complete(), { type: TypeError })
      const failing = (async function* () {
        yield bytesOf(300_000)
        throw new RangeError('no more')
      })()
      await fails(() => dir.writeBlob(failing), { type: RangeError })
      const forgotten = await dir.createBlob()
      await forgotten.write(bytesOf(10))
      sameNames(await blobsIn(storage), [])
      await forgotten.discard()
      const names: string[] = []
      for await (const entry of storage.list()) names.push(entry.path)
      sameNames(names, ['index.json', 'oci-layout'])
    },
  },
  {
    name: 'complete: gives the digest and size of all that was written, also of nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const writer = await dir.createBlob({ mediaType: 'text/plain' })
      await writer.write(utf8('foo'))
      const { digest, size, mediaType } = await writer.complete()
      same(`${digest} ${size} ${mediaType}`, `${foo} 3 text/plain`)
      const nothing = await (await dir.createBlob()).complete()
      same(nothing.digest, 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
      sameBytes(await drain(await dir.readBlob(nothing)), new Uint8Array())
    },
  },
  {
    name: 'complete: the same bytes twice are one blob, by sha256 and by sha512',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = bytesOf(1_500_000)
      for (const algorithm of ['sha256', 'sha512', 'sha256'] as const) {
        const descriptor = await dir.writeBlob(bytes, { algorithm })
        sameBytes(await drain(await dir.readBlob(descriptor)), bytes, algorithm)
      }
      same((await blobsIn(storage)).length, 2)
    },
  },
  {
    name: 'complete_verified_as: the right digest and size are committed',
    async run({ storage }) {
      const writer = await (await emptyDir(storage)).createBlob()
      await writer.write(utf8('{}'))
      same((await writer.completeVerifiedAs(emptyDescriptor)).digest, empty)
      sameNames(await blobsIn(storage), [blobPath(empty)])
    },
  },
  {
    name: 'complete_verified_as: a wrong digest is DIGEST_MISMATCH, checked before the size, and leaves nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const size of [3, 2, 4, undefined]) {
        const writer = await dir.createBlob()
        await writer.write(utf8('foo'))
        const expected = size === undefined ? { digest: empty } : { digest: empty, size }
        const error = await fails(() => writer.completeVerifiedAs(expected), { code: 'DIGEST_MISMATCH' })
        ok(error instanceof Error && 'data' in error, 'an error with data')
        same(JSON.stringify(error.data), JSON.stringify({ expected: empty, found: foo }))
      }
      sameNames(await blobsIn(storage), [])
    },
  },
  {
    name: 'complete_verified_as: a wrong size is SIZE_MISMATCH and leaves nothing',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const size of [0, 2, 4]) {
        const writer = await dir.createBlob()
        await writer.write(utf8('foo'))
        await fails(() => writer.completeVerifiedAs({ digest: foo, size }), { code: 'SIZE_MISMATCH' })
        await fails(() => dir.writeBlob('foo', { expected: { digest: foo, size } }), {
          code: 'SIZE_MISMATCH',
        })
      }
      sameNames(await blobsIn(storage), [])
      same((await dir.writeBlob('foo', { expected: { digest: foo, size: 3 } })).digest, foo)
    },
  },
  {
    name: 'read_blob: the size is checked before a byte is read, and what is missing says so',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const descriptor = await dir.writeBlob('foo')
      for (const size of [2, 4]) {
        await fails(() => dir.readBlob({ ...descriptor, size }), { code: 'SIZE_MISMATCH' })
      }
      await fails(() => dir.readBlob(emptyDescriptor), { code: 'BLOB_MISSING' })
      same(textOf(await drain(await dir.readBlob(descriptor))), 'foo')
    },
  },
  {
    name: 'read_blob: bytes that do not hash to the digest fail before the end',
    async run({ storage }) {
      const descriptor = await (await emptyDir(storage)).writeBlob(bytesOf(700_000))
      const broken = await changed(storage, pathOf(descriptor), bytes => {
        bytes[699_999] = (bytes[699_999] ?? 0) ^ 1
        return bytes
      })
      const stream = await (await OciDir.open(broken)).readBlob(descriptor)
      await fails(() => drain(stream), { code: 'DIGEST_MISMATCH' })
    },
  },
  {
    name: 'has_blob: tells what is there, with the right size',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const { descriptor, diffId } = await gzipLayer(dir)
      same(await dir.hasBlob(descriptor), true)
      // As in the crate's test_build: the digest of the uncompressed tar names no blob.
      same(diffId, tarballDiffId)
      same(await dir.hasBlob({ ...descriptor, digest: diffId }), false)
      same(await dir.hasBlob({ ...descriptor, size: descriptor.size + 1 }), false)
      same(descriptor.mediaType, mediaTypes.layerGzip)
    },
  },
]
