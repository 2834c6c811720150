/** A layout's files in a tar, read in place: its layers are parts of a Blob. */

import { archive } from '../../../src/archive/archive.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { copy } from '../../../src/copy/copy.ts'
import { files } from '../../../src/files/index.ts'
import { layersOf } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { writeTar } from '../../../src/tar/write.ts'
import { fails, ok, same, sameBytes } from '../assert.ts'
import { type Dir, emptyDir } from '../layer-material.ts'
import { filesIn, pathOf } from '../layout-material.ts'
import { bytesOf, drain } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'
import { bytesOf as joined } from '../tar-bytes.ts'
import { show, writeStack } from '../tree-lines.ts'

const tree = ['a=1', 'd/', 'd/b=2']

/** The tar of a layout that has one image of two layers. */
async function tarOf(dir: Dir): Promise<Uint8Array> {
  const body = bytesOf(300_000)
  await writeStack(
    dir,
    [
      ['a=0', { line: 'gone', body, size: body.length }],
      [...tree, '.wh.gone'],
    ],
    {
      codecs: [undefined, gzip()],
    },
  )
  const stored = await filesIn(dir.storage)
  return joined(writeTar(Array.from(stored, ([path, bytes]) => ({ path, body: bytes }))))
}

export const archiveCases: readonly StorageCase[] = [
  {
    name: 'archive: layers are read in place from a Blob, and from bytes',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = await tarOf(dir)
      for (const source of [new Blob([bytes.slice()]), bytes]) {
        const opened = await OciDir.open(await archive(source))
        const image = await opened.openImage('t')
        same((await show(await files(image))).join('\n'), tree.join('\n'))
        for (const layer of layersOf(image)) {
          sameBytes(
            await drain(await opened.readBlob(layer.descriptor)),
            await drain(await dir.readBlob(layer.descriptor)),
          )
        }
      }
    },
  },
  {
    name: 'archive: its image goes to the medium by a copy, with the same digests',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const source = await archive(new Blob([(await tarOf(dir)).slice()]))
      const image = await (await OciDir.open(source)).openImage('t')
      const layers = layersOf(image)
      await storage.remove(() => layers.map(({ descriptor }) => pathOf(descriptor)))
      await fails(async () => files(await dir.openImage('t')), { code: 'BLOB_MISSING' })
      await copy(image, dir, { as: 'copied' })
      const copied = await dir.openImage('copied')
      same(copied.descriptor.digest, image.descriptor.digest)
      same((await show(await files(copied))).join('\n'), tree.join('\n'))
    },
  },
  {
    name: 'archive: a bit that turned over in a layer is found when it is read',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = await tarOf(dir)
      const [layer] = layersOf(await dir.openImage('t'))
      ok(layer !== undefined, 'a layer')
      const found = await archive(bytes)
      const file = await found.open(pathOf(layer.descriptor))
      const content = await file?.bytes()
      const at = indexOf(bytes, content?.subarray(0, 2000) ?? bytes)
      const broken = bytes.map((byte, i) => (i === at + 1000 ? byte ^ 1 : byte))
      const image = await (await OciDir.open(await archive(new Blob([broken])))).openImage('t')
      await fails(() => files(image), { code: 'DIGEST_MISMATCH' })
    },
  },
]

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= bytes.length; at += 512) {
    if (part.every((byte, i) => bytes[at + i] === byte)) return at
  }
  throw new Error('the archive holds the layer')
}
