/** Those of the 35 broken layouts of other tools' trials that have no fixture, by the numbers that the fixtures leave. */

import { blobPath, digestOf } from '../../src/digest.ts'
import { mediaTypes } from '../../src/spec.ts'
import { concat } from '../../src/streams.ts'
import { ascii, member } from '../unit/codec/members.ts'
import {
  add,
  edited,
  type Files,
  fileAt,
  flipped,
  imageIn,
  json,
  jsonAt,
  type Kind,
  type LayerParts,
  layersIn,
  rebuilt,
} from './layouts.ts'

/** The twelve of them, made of the clean layout. The thirteenth, a link that leads out, needs a real folder. */
export async function brokenLayouts(clean: Files): Promise<Kind[]> {
  const near = clean
  return [
    ...documents(clean).map(kind => ({ ...kind, near })),
    { ...(await nested(clean)), near: await nestedIn(clean, clean) },
    ...(await inside(clean)),
  ]
}

/** The valid ones without a fixture: an unknown file in the root, and a nested index that lists what isn't here. */
export async function soundLayouts(clean: Files): Promise<ReadonlyMap<string, Files>> {
  const sparse = new Map(clean)
  const [entry] = imageIn(clean).index.manifests
  const absent = { ...entry, digest: `sha256:${'1'.repeat(64)}` }
  const index = jsonAt<object>(clean, 'index.json')
  const inner = await add(sparse, json({ ...index, manifests: [entry, absent] }), mediaTypes.index)
  sparse.set('index.json', json({ ...index, manifests: [inner] }))
  return new Map([
    ['an unknown file', edited(clean, { NOTES: 'of a user' })],
    ['a sparse index', sparse],
  ])
}

function documents(clean: Files): Omit<Kind, 'near'>[] {
  const { index, manifest } = imageIn(clean)
  const [entry] = index.manifests
  const path = blobPath(entry?.digest ?? '')
  const layer = blobPath(manifest.layers[0]?.digest ?? '')
  const text = new TextDecoder().decode(fileAt(clean, 'index.json'))
  const listing = (change: object): string =>
    JSON.stringify({ ...index, manifests: [{ ...entry, ...change }] })
  const altered = new TextDecoder().decode(fileAt(clean, path)).replace('aaaa', 'aaab')
  return [
    {
      name: '02 layer truncated',
      said: 'error SIZE_MISMATCH',
      broken: edited(clean, { [layer]: fileAt(clean, layer).slice(0, -1) }),
    },
    {
      name: '08 index.json not JSON',
      said: 'error DOCUMENT_INVALID',
      broken: edited(clean, { 'index.json': text.slice(0, -1) }),
    },
    {
      name: '11 manifest altered at the same length',
      said: 'error DIGEST_MISMATCH',
      broken: edited(clean, { [path]: altered }),
    },
    {
      name: "20 unreferenced blob whose name isn't its digest",
      said: 'warning BLOB_MISNAMED',
      broken: edited(clean, { [`blobs/sha256/${'f'.repeat(64)}`]: 'another' }),
    },
    {
      name: '23 digest in upper case',
      said: 'error DIGEST_INVALID',
      broken: edited(clean, {
        'index.json': listing({ digest: entry?.digest.toUpperCase().replace('SHA', 'sha') }),
      }),
    },
    {
      name: '32 a key twice in index.json',
      said: 'error DOCUMENT_INVALID',
      broken: edited(clean, { 'index.json': text.replace('{', '{"schemaVersion": 2, ') }),
    },
    {
      name: '35 data against the blob',
      said: 'error DATA_MISMATCH',
      broken: edited(clean, { 'index.json': listing({ data: btoa('another') }) }),
    },
  ]
}

async function nested(clean: Files): Promise<Omit<Kind, 'near'>> {
  const layer = blobPath(imageIn(clean).manifest.layers[0]?.digest ?? '')
  const broken = await nestedIn(clean, edited(clean, { [layer]: flipped(fileAt(clean, layer), 100) }))
  return { name: '14 nested index with a flipped layer below', said: 'error DIGEST_MISMATCH', broken }
}

async function nestedIn(clean: Files, files: Files): Promise<Files> {
  const next = new Map(files)
  const inner = await add(next, fileAt(clean, 'index.json'), mediaTypes.index)
  const index = { ...jsonAt<object>(clean, 'index.json'), manifests: [inner] }
  return next.set('index.json', json(index))
}

async function inside(clean: Files): Promise<Kind[]> {
  const [base, top] = layersIn(clean) as [LayerParts, LayerParts]
  const near = await rebuilt(clean, {})
  const zeros = await gzipped(new Uint8Array(1024))
  const text = await gzipped(ascii('this is no tar at all, but a text that somebody has compressed'))
  const build = (...layers: LayerParts[]): Promise<Files> => rebuilt(clean, { layers })
  const wrong = `sha256:${'0'.repeat(64)}`
  return [
    {
      name: '05 diffID wrong',
      said: 'error DIFF_ID_MISMATCH',
      broken: await build({ ...base, diffId: wrong }, top),
      near,
    },
    {
      name: '17 gzip with garbage behind it',
      said: 'error GZIP_INVALID',
      broken: await build({ ...base, blob: concat([base.blob, ascii('garbage')]) }, top),
      near: await build({ ...base, blob: concat([base.blob, new Uint8Array(100)]) }, top),
    },
    { name: '26 not a tar', said: 'error TAR_INVALID', broken: await build(text), near },
    {
      name: '38 a corrupt second layer behind an empty one',
      said: 'error GZIP_INVALID',
      broken: await build(zeros, { ...base, blob: flipped(base.blob, -6) }),
      near: await build(zeros, base),
    },
  ]
}

/** A gzip layer of one stored member. */
export async function gzipped(tar: Uint8Array): Promise<LayerParts> {
  return { blob: await member({ content: tar }), type: mediaTypes.layerGzip, diffId: await digestOf(tar) }
}
