/** The crate's errors, each with its code here and data as rich or richer. */

import { isOciError, type OciErrorCode, type OciErrorData } from '../../../src/errors.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { annotationKeys, mediaTypes } from '../../../src/spec.ts'
import { ok, same, thrownBy } from '../assert.ts'
import {
  arm64,
  changed,
  type Dir,
  emptyDir,
  emptyManifest,
  here,
  pathOf,
  sameJson,
  textIn,
  writeImage,
  writeIndex,
} from '../layout-material.ts'
import { utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const blake = `blake3:${'0'.repeat(64)}` as const

/** What a call throws must be this code; its data are given. */
async function dataOf<Code extends OciErrorCode>(
  call: () => unknown,
  code: Code,
): Promise<Readonly<OciErrorData[Code]>> {
  const error = await thrownBy(call, code)
  ok(isOciError(error, code), `expected ${code}, thrown was ${String(error)}`)
  return error.data
}

function each(crate: string, run: (dir: Dir) => Promise<void>): StorageCase {
  return { name: `errors: ${crate}`, run: async ({ storage }) => run(await emptyDir(storage)) }
}

export const errorCases: readonly StorageCase[] = [
  each('Io is an error of the storage, by its own code', async dir => {
    await dir.storage.close()
    same((await dataOf(() => dir.readIndex(), 'STORAGE_CLOSED')).storage, dir.storage.name)
  }),
  each('SerDe and OciSpecError are DOCUMENT_INVALID, with the place and what was expected', async dir => {
    const broken = await dir.writeBlob('{"a":', { mediaType: 'application/json' })
    same((await dataOf(() => dir.readDocument(broken), 'DOCUMENT_INVALID')).where, broken.digest)
    const index = '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"a:b","size":-1}]}'
    await dir.storage.update('index.json', () => utf8(index))
    const { where, at } = await dataOf(() => dir.readIndex(), 'DOCUMENT_INVALID')
    same(`${where} ${at}`, 'index.json /manifests/0/size')
  }),
  each('DigestMismatch (and CryptographicError) carry whole digests', async dir => {
    const descriptor = await dir.writeBlob('foo')
    const other = await OciDir.open(await changed(dir.storage, pathOf(descriptor), () => utf8('fob')))
    const data = await dataOf(async () => textIn(await other.readBlob(descriptor)), 'DIGEST_MISMATCH')
    same(data.expected, descriptor.digest)
    same(data.found.startsWith('sha256:'), true)
  }),
  each('SizeMismatch carries both sizes and the blob', async dir => {
    const descriptor = await dir.writeBlob('foo')
    sameJson(await dataOf(() => dir.readBlob({ ...descriptor, size: 4 }), 'SIZE_MISMATCH'), {
      expected: 4,
      found: 3,
      where: descriptor.digest,
    })
  }),
  each(
    'UnsupportedDigestAlgorithm is DIGEST_UNSUPPORTED, for what is there and can not be verified',
    async dir => {
      const staged = await dir.storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(utf8('foo'))
      await writer.close()
      await staged.commit(pathOf({ digest: blake }))
      const descriptor = { mediaType: 'text/plain', digest: blake, size: 3 }
      const { algorithm } = await dataOf(() => dir.readBlob(descriptor), 'DIGEST_UNSUPPORTED')
      same(algorithm, 'blake3')
      await dataOf(() => dir.writeBlob('foo', { expected: { digest: blake } }), 'DIGEST_UNSUPPORTED')
      await dataOf(() => dir.readBlob({ ...descriptor, digest: 'sha256:../../x' }), 'DIGEST_INVALID')
    },
  ),
  each('MissingImageIndex is INDEX_MISSING', async dir => {
    const without = await OciDir.open(await changed(dir.storage, 'index.json', () => undefined))
    await dataOf(() => without.openImage(), 'INDEX_MISSING')
  }),
  each('EmptyImageIndex is INDEX_EMPTY', async dir => {
    same((await dataOf(() => dir.openImage(), 'INDEX_EMPTY')).storage, dir.storage.name)
  }),
  each('TagNotFound names the tag and those that there are', async dir => {
    await writeImage(dir, { tag: 'a' })
    for (const call of [() => dir.resolve('b'), () => dir.openImage('b'), () => dir.untag('b')]) {
      sameJson(await dataOf(call, 'TAG_NOT_FOUND'), { tag: 'b', available: ['a'] })
    }
  }),
  each('NoMatchingPlatform names what was wanted and what there is', async dir => {
    await writeImage(dir, { platform: arm64 })
    sameJson(await dataOf(() => dir.openImage(undefined, { platform: here }), 'NO_MATCHING_PLATFORM'), {
      wanted: here,
      available: ['linux/arm64'],
    })
  }),
  each(
    'UnexpectedMediaType is NOT_AN_IMAGE for what is no image, MEDIA_TYPE_UNEXPECTED for a lie',
    async dir => {
      const blob = await dir.writeBlob('foo', { mediaType: 'text/plain' })
      await writeIndex(dir, [{ ...blob, annotations: { [annotationKeys.refName]: 'a' } }])
      same((await dataOf(() => dir.openImage('a'), 'NOT_AN_IMAGE')).descriptor.mediaType, 'text/plain')
      const lie = { ...emptyManifest, mediaType: mediaTypes.dockerManifest }
      const manifest = await dir.writeBlob(JSON.stringify(lie), { mediaType: mediaTypes.manifest })
      const { mediaType } = await dataOf(() => dir.openImage(manifest), 'MEDIA_TYPE_UNEXPECTED')
      same(mediaType, mediaTypes.dockerManifest)
    },
  ),
  each('NestedImageIndex is none: nested indexes are followed, a cycle ends', async dir => {
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }
    const empty = await dir.writeDocument(index, { mediaType: mediaTypes.index })
    const outer = await dir.writeDocument(
      { ...index, manifests: [empty.descriptor, empty.descriptor] },
      { mediaType: mediaTypes.index },
    )
    await writeIndex(dir, [outer.descriptor, outer.descriptor])
    await dataOf(() => dir.openImage(undefined, { platform: here }), 'NO_MATCHING_PLATFORM')
  }),
  each("Other has no code: every error has one of its own, or is a caller's mistake", async dir => {
    for (const wrong of ['', '\0', 'a\nb', '\ud800', 'x'.repeat(1025)]) {
      const error = await thrownBy(
        () => dir.insertManifest(emptyManifest, { tag: wrong }),
        JSON.stringify(wrong),
      )
      ok(error instanceof RangeError, `a tag ${JSON.stringify(wrong.slice(0, 9))} must be a RangeError`)
    }
    ok((await thrownBy(() => dir.openImage(''))) instanceof TypeError, 'an empty reference')
  }),
]
