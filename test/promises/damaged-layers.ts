/** Kinds of broken layers of our own, each with a sound neighbour that looks much like it. */

import { digestOf } from '../../src/digest.ts'
import { mediaTypes } from '../../src/spec.ts'
import { concat } from '../../src/streams.ts'
import { block, frame, skippable } from '../unit/codec/frames.ts'
import { ascii, member as gzipMember } from '../unit/codec/members.ts'
import { base256, gnuMagic, header, member, pax, type RawHeader, tar } from '../unit/tar/samples.ts'
import { gzipped } from './damaged-layouts.ts'
import {
  type Files,
  flipped,
  type ImageParts,
  type Kind,
  type LayerParts,
  layersIn,
  rebuilt,
} from './layouts.ts'

/** The layers of an image, broken and sound; the broken one says what must be found. */
type Pair = readonly [name: string, said: string, broken: Parts, near: Parts]
type Parts = readonly ImageParts[]

/** All kinds, as layouts made of the clean one. */
export async function brokenLayers(clean: Files): Promise<Kind[]> {
  const pairs = [
    ...(await compressed()),
    ...(await types()),
    ...(await tars()),
    ...(await names()),
    ...(await images(clean)),
    ...(await stacks()),
  ]
  return Promise.all(
    pairs.map(async ([name, said, broken, near]) => {
      return { name, said, broken: await rebuilt(clean, ...broken), near: await rebuilt(clean, ...near) }
    }),
  )
}

const file = (name: string, fields: RawHeader = {}): Uint8Array => member({ name, ...fields }, 'content')
const folder = (name: string): Uint8Array => member({ name, type: '5' })
const link = (name: string, linkname: string, type = '1'): Uint8Array => member({ name, linkname, type })
const sound = tar(folder('a/'), file('a/b'))
const half = sound.length / 2

async function layer(blob: Uint8Array, type: string, content: Uint8Array = sound): Promise<LayerParts> {
  return { blob, type, diffId: await digestOf(content) }
}

async function compressed(): Promise<Pair[]> {
  const { layerGzip: gzip, layerZstd: zstd } = mediaTypes
  const zipped = await gzipMember({ content: sound })
  const framed = await frame({ content: sound })
  const [first, second] = [sound.subarray(0, half), sound.subarray(half)]
  const members = [await gzipMember({ content: first }), await gzipMember({ content: second })] as const
  const frames = concat([await frame({ content: first }), await frame({ content: second })])
  const named = { content: sound, flags: 2 | 8, fields: ascii('layer.tar\0') }
  const blocks = block({ content: sound, last: true })
  const noDictionary = { content: sound, flags: 5, fields: [7 << 3, 0], blocks }
  return [
    [
      'zstd: wrong checksum',
      'error ZSTD_INVALID',
      await of(flipped(framed, -1), zstd),
      await of(framed, zstd),
    ],
    [
      'zstd: cut in a frame',
      'error ZSTD_INVALID',
      await of(frames.slice(0, -30), zstd),
      await of(frames, zstd),
    ],
    [
      'zstd: other bytes behind a frame',
      'error ZSTD_INVALID',
      await of(concat([framed, ascii('more')]), zstd),
      await of(concat([framed, skippable(ascii('more'))]), zstd),
    ],
    [
      'zstd: a dictionary',
      'warning UNSUPPORTED',
      await of(await frame({ ...noDictionary, fields: [7 << 3, 9] }), zstd),
      await of(await frame(noDictionary), zstd),
    ],
    ['gzip: wrong size', 'error GZIP_INVALID', await of(flipped(zipped, -4), gzip), await of(zipped, gzip)],
    [
      'gzip: second member corrupt',
      'error GZIP_INVALID',
      await of(concat([members[0], flipped(members[1], -8)]), gzip),
      await of(concat(members), gzip),
    ],
    [
      "gzip: wrong CRC of a member's header",
      'error GZIP_INVALID',
      await of(await gzipMember({ ...named, headerCrc: 1 }), gzip),
      await of(await gzipMember(named), gzip),
    ],
    [
      'gzip: cut behind the content',
      'error GZIP_INVALID',
      await of(zipped.slice(0, -8), gzip),
      await of(concat([zipped, new Uint8Array(512)]), gzip),
    ],
  ]
}

async function types(): Promise<Pair[]> {
  const { layerGzip: gzip, layerZstd: zstd, layer: plain } = mediaTypes
  const zipped = await gzipMember({ content: sound })
  return [
    [
      'type plain, bytes gzip',
      'error LAYER_TYPE_MISMATCH',
      await of(zipped, plain, zipped),
      await of(sound, plain),
    ],
    [
      'type zstd, bytes gzip',
      'error LAYER_TYPE_MISMATCH',
      await of(zipped, zstd),
      await of(zipped, mediaTypes.dockerLayerGzip),
    ],
    [
      'gzip in gzip',
      'error TAR_INVALID',
      await of(await gzipMember({ content: zipped }), gzip, zipped),
      await of(
        await gzipMember({ content: tar(member({ name: 'a.gz' }, zipped)) }),
        gzip,
        tar(member({ name: 'a.gz' }, zipped)),
      ),
    ],
    [
      'no byte where a tar should be',
      'warning LAYER_EMPTY',
      await of(new Uint8Array(), plain, new Uint8Array()),
      await of(new Uint8Array(1024), plain, new Uint8Array(1024)),
    ],
  ]
}

async function of(blob: Uint8Array, type: string, content: Uint8Array = sound): Promise<Parts> {
  return [{ layers: [await layer(blob, type, content)] }]
}

async function tars(): Promise<Pair[]> {
  const long = member({ name: '././@LongLink', type: 'L', magic: gnuMagic }, 'a-long-name\0')
  const broken = pax([['path', 'name']])
  broken[512] = 0x39
  const filled = member({ name: 'PaxHeaders/x', type: 'x' }, '12 path=abc\n\0\0\0')
  const zeros = new Uint8Array(512)
  return plain([
    [
      'tar: wrong checksum',
      'error TAR_INVALID',
      tar(file('a', { checksum: '000001\0 ' }), file('b')),
      tar(file('\xe9', { signed: true }), file('b')),
    ],
    [
      'tar: size beyond the end',
      'error TAR_INVALID',
      member({ name: 'a', size: 9000 }, 'content'),
      concat([header({ name: 'a', size: 7 }), ascii('content')]),
    ],
    [
      'tar: a lone zero block',
      'error TAR_INVALID',
      concat([file('a'), zeros, file('b'), zeros, zeros]),
      concat([tar(file('a')), zeros, zeros, zeros]),
    ],
    [
      'tar: junk behind the end',
      'warning TAR_TRAILING',
      concat([tar(file('a')), tar(file('hidden'))]),
      file('a'),
    ],
    ['tar: a pax record too long', 'error TAR_INVALID', tar(broken, file('a')), tar(filled, file('a'))],
    [
      'tar: a NUL in a name',
      'error TAR_INVALID',
      tar(pax([['path', 'a\0b']]), file('a')),
      tar(pax([['comment', 'a\0b']]), file('a')),
    ],
    [
      'tar: a long name of nothing',
      'error TAR_INVALID',
      tar(long),
      tar(long, file('a', { magic: gnuMagic })),
    ],
    [
      'tar: a negative size',
      'error TAR_INVALID',
      tar(member({ name: 'a', size: base256(-1n, 12) })),
      tar(member({ name: 'a', size: base256(7n, 12) }, 'content')),
    ],
  ])
}

async function names(): Promise<Pair[]> {
  return plain([
    ['a path twice', 'warning PATH_DUPLICATE', tar(file('a'), file('./a')), tar(folder('a'), folder('a/'))],
    [
      'a path of two types, of which readers take the last',
      'warning PATH_DUPLICATE',
      tar(file('a'), link('a', 'b', '2')),
      tar(file('a'), link('A', 'b', '2')),
    ],
    [
      'a file and what is below it',
      'error PATH_CONFLICT',
      tar(file('a'), file('a/b')),
      tar(file('a/b'), folder('a')),
    ],
    [
      'a file where a folder was meant',
      'error PATH_CONFLICT',
      tar(file('a/b'), file('a')),
      tar(file('a/b'), file('a/c')),
    ],
    [
      'below a symlink',
      'warning PATH_CONFLICT',
      tar(link('a', 'b', '2'), file('a/b')),
      tar(link('a', 'b', '2'), file('b/b')),
    ],
    ['the root as a file', 'error PATH_CONFLICT', tar(file('./')), tar(folder('./'))],
    ['a path that leads out', 'error PATH_ESCAPES', tar(file('a/../../b')), tar(file('a/../b'))],
    ['an absolute path that leads out', 'error PATH_ESCAPES', tar(file('/../b')), tar(file('/b'))],
    [
      'a hard link that leads out',
      'error PATH_ESCAPES',
      tar(link('a', '../b')),
      tar(link('a', '../../etc/passwd', '2')),
    ],
    [
      'a hard link before its file',
      'warning HARDLINK_FORWARD',
      tar(link('b', 'a'), file('a')),
      tar(file('a'), link('b', '/a')),
    ],
    [
      'a whiteout of no name',
      'error WHITEOUT_INVALID',
      tar(file('a/.wh.')),
      tar(file('.wh..wh..opq'), file('a/.wh.b')),
    ],
    ['a whiteout of its folder', 'error WHITEOUT_INVALID', tar(file('a/.wh..')), tar(file('a/.wh..b'))],
  ])
}

async function images(clean: Files): Promise<Pair[]> {
  const [base, top] = layersIn(clean) as [LayerParts, LayerParts]
  const badBase = { ...base, blob: flipped(base.blob, -7) }
  const lower = await gzipped(tar(file('a')))
  const other = [{ ...base, diffId: top.diffId }, top]
  const called = await layer(ascii('text'), mediaTypes.layer, ascii('text'))
  const sha512 = await digestOf(tar(file('a')), { algorithm: 'sha512' })
  const wrong512 = await digestOf(tar(file('b')), { algorithm: 'sha512' })
  return [
    [
      'a broken base below a sound layer',
      'error GZIP_INVALID',
      [{ layers: [badBase, top] }],
      [{ layers: [base, top] }],
    ],
    [
      'diffIDs changed about',
      'error DIFF_ID_MISMATCH',
      [
        {
          layers: [
            { ...base, diffId: top.diffId },
            { ...top, diffId: base.diffId },
          ],
        },
      ],
      [{ layers: [top, top] }],
    ],
    [
      'a wrong diffID of SHA-512',
      'error DIFF_ID_MISMATCH',
      [{ layers: [{ ...lower, diffId: wrong512 }] }],
      [{ layers: [{ ...lower, diffId: sha512 }] }],
    ],
    [
      'a layer of two images, one with another diffID',
      'error DIFF_ID_MISMATCH',
      [{}, { layers: other }],
      [{}, { layers: [base] }],
    ],
    [
      'a layer of two images, the other with a diffID of SHA-512',
      'error DIFF_ID_MISMATCH',
      [{ layers: [lower] }, { layers: [{ ...lower, diffId: wrong512 }] }],
      [{ layers: [lower] }, { layers: [{ ...lower, diffId: sha512 }] }],
    ],
    [
      'a layer that an artifact has as well, and had first',
      'error TAR_INVALID',
      [{ layers: [called], ...artifact }, { layers: [called] }],
      [{ layers: [called], ...artifact }, { layers: [lower] }],
    ],
  ]
}

async function stacks(): Promise<Pair[]> {
  const [lower, upper] = [await gzipped(tar(file('a'))), await gzipped(tar(link('b', 'a')))]
  const called = await layer(ascii('text'), mediaTypes.layer, ascii('text'))
  const entry = { created_by: 'x' }
  const history = [entry, { ...entry, empty_layer: true }, entry]
  const told = history.map(each => ({ ...each, empty_layer: false }))
  return [
    [
      'history of a layer that is none',
      'warning HISTORY_COUNT',
      [{ config: { history: told } }],
      [{ config: { history } }],
    ],
    [
      'a hard link to nowhere',
      'error HARDLINK_DANGLING',
      [{ layers: [upper, lower] }],
      [{ layers: [lower, upper] }],
    ],
    [
      'a hard link to nowhere beside a symlink',
      'error HARDLINK_DANGLING',
      [{ layers: [await gzipped(tar(link('l', 'a', '2'), link('b', 'm/a')))] }],
      [{ layers: [await gzipped(tar(link('l', 'a', '2'), link('b', 'l/a')))] }],
    ],
    [
      'a hard link to a folder',
      'error HARDLINK_DANGLING',
      [{ layers: [await gzipped(tar(folder('a'), link('b', 'a')))] }],
      [{ layers: [await gzipped(tar(link('a', 'b', '2'), link('b', 'a')))] }],
    ],
    [
      'a text that is called a layer',
      'error TAR_INVALID',
      [{ layers: [called] }],
      // Some tools call every file of an artifact so.
      [{ layers: [called], ...artifact }],
    ],
  ]
}

const artifact = {
  artifactType: 'application/vnd.example',
  configType: 'application/vnd.unknown.config.v1+json',
}

/** Pairs of tars as images of one uncompressed layer. */
function plain(pairs: readonly (readonly [string, string, Uint8Array, Uint8Array])[]): Promise<Pair[]> {
  const of = async (content: Uint8Array): Promise<Parts> => {
    return [{ layers: [await layer(content, mediaTypes.layer, content)] }]
  }
  return Promise.all(
    pairs.map(
      async ([name, said, broken, near]): Promise<Pair> => [name, said, await of(broken), await of(near)],
    ),
  )
}
