/** Layers stacked to one tree, as a container sees them. */

import { gzip } from '../../../src/codec/gzip.ts'
import { files } from '../../../src/files/index.ts'
import { fails, same, sameBytes } from '../assert.ts'
import { emptyDir } from '../layer-material.ts'
import { bytesOf, drain, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'
import { type Line, show, writeStack } from '../tree-lines.ts'

type Layers = readonly (readonly Line[])[]

/** A case that writes layers, one with each codec in turn, and looks at the tree. */
function treeCase(name: string, layers: Layers, tree: readonly string[]): StorageCase {
  return {
    name: `files: ${name}`,
    async run({ storage }) {
      const image = await writeStack(await emptyDir(storage), layers, { codecs: [undefined, gzip()] })
      same((await show(await files(image))).join('\n'), tree.join('\n'))
    },
  }
}

export const stackCases: readonly StorageCase[] = [
  treeCase(
    'a whiteout hides a file or a folder of the layers below, wherever it stands in its own',
    [
      ['a=1', 'b=2', 'd/', 'd/e/', 'd/e/f=1'],
      ['b=new', '.wh.b', '.wh.a', '.wh.d'],
    ],
    ['b=new'],
  ),
  treeCase(
    'an opaque whiteout hides all that layers below have in its folder',
    [
      ['d/', 'd/a=1', 'd/e/', 'd/e/old=1', 'x=1'],
      ['d/e/', 'd/e/new=2', 'd/', 'd/.wh..wh..opq'],
    ],
    ['d/', 'd/e/', 'd/e/new=2', 'x=1'],
  ),
  treeCase(
    'a hard link keeps its bytes when its target is hidden or replaced',
    [['a=1', 'b => a', 'c=3', 'd => c'], ['.wh.a', 'c=4'], ['e => c']],
    ['b => a=1', 'c=4', 'd => c=3', 'e => c=4'],
  ),
  treeCase(
    'a file on a folder removes what is below, a folder on a file begins anew',
    [
      ['d/', 'd/x=1', 'f=1', 'l -> d'],
      ['d=file', 'f/x=2', 'l/y=3'],
    ],
    ['d=file', 'f/ (implicit)', 'f/x=2', 'l/ (implicit)', 'l/y=3'],
  ),
  treeCase(
    'paths meet however they are written, and stand in the order of their bytes',
    [
      ['./a/', './a/b=1', 'a-b=1', '\u{1f600}=1', '\uffee=1', './c=1'],
      ['/a/.wh.b', 'x/../c=2'],
    ],
    ['a/', 'a-b=1', 'c=2', '\uffee=1', '\u{1f600}=1'],
  ),
  {
    name: 'files: a path that leads out of the image is refused',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const line of ['../a=1', 'a/../../b=1', '/../a=1']) {
        const image = await writeStack(dir, [[line]])
        await fails(() => files(image), { code: 'TAR_INVALID' })
      }
    },
  },
  {
    name: 'files: bytes, streams and digests of files, of plain and compressed layers',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const body = bytesOf(700_000, 3)
      const lines: Line[] = [{ line: 'big', body, size: body.length }, 'small=text', 'link => small']
      const image = await writeStack(dir, [lines, ['other=1']], { codecs: [gzip({ level: 1 }), undefined] })
      const tree = await files(image, { digests: true })
      sameBytes(await drain(tree.stream('big')), body)
      sameBytes(await tree.bytes('link'), utf8('text'))
      same(tree.find('big')?.sha256, '9578fad3fbf30c72ddd897a5b27f4173207f80b2bf8387f5aa420f1eecc6d61e')
      same(tree.find('small')?.sha256, '982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1')
    },
  },
  {
    name: 'files: a layer that is not its diffID makes no tree',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const image = await writeStack(dir, [['a=1']], { codecs: [gzip()] })
      const rootfs = { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}` as const] } as const
      const config = { ...image.config, value: { ...image.config.value, rootfs } }
      await fails(() => files({ ...image, config }), { code: 'DIFF_ID_MISMATCH' })
    },
  },
]
