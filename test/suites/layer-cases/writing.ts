/** Layers written: the digests that stand here are those of every runtime and medium. */

import type { Codec } from '../../../src/codec/codec.ts'
import { type DeflateLevel, gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { engine } from '../../../src/engine.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { mediaTypes } from '../../../src/spec.ts'
import { same, sameBytes, sameNames } from '../assert.ts'
import { emptyDir, plainOf } from '../layer-material.ts'
import { blobsIn, pathOf } from '../layout-material.ts'
import { bytesOf } from '../material.ts'
import { noise, seeded } from '../seeded-bytes.ts'
import type { StorageCase } from '../storage-case.ts'

/** What is written, and its diffID. */
const contents = {
  nothing: {
    make: () => new Uint8Array(0),
    diffId: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  },
  'zeros 1 MiB': {
    make: () => new Uint8Array(1_048_576),
    diffId: 'sha256:30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58',
  },
  'noise 300000': {
    make: () => noise(300_000, 7),
    diffId: 'sha256:e883ad077b24a23bb89652e6ae9400c4c0b5423276e98bddc56a159aa98dc9ee',
  },
  'seeded 262145': {
    make: () => seeded(262_145, 262_145),
    diffId: 'sha256:e14ea7f2f95a9b068b38a6c4d61e71290b2537c4a032a449009a48c6c9155b6c',
  },
} as const

/** The digests of `ocidir-gzip-1`, as `docs/ocidir-gzip-1.md` and the golden file have them. */
const gzipped: Readonly<Record<number, Readonly<Record<keyof typeof contents, string>>>> = {
  0: {
    nothing: 'sha256:30e6fa98fb48c2b132824d1ac5e2243c0be9e9082ff32598d34d7687ca7f6c7f',
    'zeros 1 MiB': 'sha256:49ce816e21a9624b84288035d814806b10397c437cfa822575e8ef9b715e8718',
    'noise 300000': 'sha256:8a4f92ee00af6cba0ff4ff64c40cb3581351a8e8afa0be88098c6d13a1975672',
    'seeded 262145': 'sha256:c6f23706e29035f877a31211dc03f2364b1a988220f3c1f5e9dafa4fb1102338',
  },
  1: {
    nothing: 'sha256:ac73670af3abed54ac6fb4695131f4099be9fbe39d6076c5d0264a6bbdae9d83',
    'zeros 1 MiB': 'sha256:31617eed22b3da60d5bf7475b60666bd294dfa3d08cc44db2382dc42ef7b2728',
    'noise 300000': 'sha256:dd4e0f3894d4f7f847456d44abc805ee157acbed66a917e0b269c053982d071e',
    'seeded 262145': 'sha256:251b94f0d48cc37536b44809ebea489a70d5a71c4b6456621511ad6eed0e5281',
  },
  6: {
    nothing: 'sha256:ac73670af3abed54ac6fb4695131f4099be9fbe39d6076c5d0264a6bbdae9d83',
    'zeros 1 MiB': 'sha256:31617eed22b3da60d5bf7475b60666bd294dfa3d08cc44db2382dc42ef7b2728',
    'noise 300000': 'sha256:701f844f643b8b3e7f04c4f30651f963d8a91e72935f24d6e8701eb1c3f43477',
    'seeded 262145': 'sha256:28a9ad333f70439cc11b32ba5b6f1fb33abd2bd4b200340ee43e226e13480efe',
  },
  9: {
    nothing: 'sha256:ac73670af3abed54ac6fb4695131f4099be9fbe39d6076c5d0264a6bbdae9d83',
    'zeros 1 MiB': 'sha256:31617eed22b3da60d5bf7475b60666bd294dfa3d08cc44db2382dc42ef7b2728',
    'noise 300000': 'sha256:701f844f643b8b3e7f04c4f30651f963d8a91e72935f24d6e8701eb1c3f43477',
    'seeded 262145': 'sha256:e4ee2c77821d2f1a50da91929bad02b6b282a9091fbddfdf34c3921f6f3fa608',
  },
}

interface CanonicalCodec {
  readonly name: string
  readonly codec: Codec
  readonly mediaType: string
  readonly digests: Readonly<Record<keyof typeof contents, string>> | undefined
}

/** The other formats, by the level: the digests of `ocidir-gzip-2` and `ocidir-zstd-1`, as their pages and golden files have them. */
const others: readonly CanonicalCodec[] = [
  {
    name: 'gzip 1 by zlib has the digests of ocidir-gzip-2',
    codec: gzip({ level: 1, deflate: 'zlib' }),
    mediaType: mediaTypes.layerGzip,
    digests: {
      nothing: 'sha256:ac73670af3abed54ac6fb4695131f4099be9fbe39d6076c5d0264a6bbdae9d83',
      'zeros 1 MiB': 'sha256:4c6d7aab34867d73006278dea9b324e29811c6570d47489e34c71cd6850dda6e',
      'noise 300000': 'sha256:dab2750ab3f42bf518b143a81f2188df49d654b5f0349d2545170441c48cae7f',
      'seeded 262145': 'sha256:f393d2ca8a2cee1870ec4154966045fb7beaeb77c085cdddd7c09e54764daa99',
    },
  },
  {
    name: 'gzip 6 by zlib has the digests of ocidir-gzip-2',
    codec: gzip({ level: 6, deflate: 'zlib' }),
    mediaType: mediaTypes.layerGzip,
    digests: {
      nothing: 'sha256:ac73670af3abed54ac6fb4695131f4099be9fbe39d6076c5d0264a6bbdae9d83',
      'zeros 1 MiB': 'sha256:e90e3b4f632203675f1fee0db3eed4f41df1cb9875ccc8de203e18593ddc25a7',
      'noise 300000': 'sha256:03554c1a818cf651ebbd65962112bea1ed95404e8b321f4af57488c4c454c1ee',
      'seeded 262145': 'sha256:23cb0ee00e11d3fb062096bff5bc8b3a03aa5c9d3d6f88bbc783e695983b4e25',
    },
  },
  {
    name: 'zstd 3 has the digests of ocidir-zstd-1',
    codec: zstd({ level: 3 }),
    mediaType: mediaTypes.layerZstd,
    digests: {
      nothing: 'sha256:f96deff1816083fdff8bc3e46c3fe6ca46a6bb49f4d5a00627616c13237a512c',
      'zeros 1 MiB': 'sha256:28b8859a365e6c4093bc66ac9dd662cfff708dd76a5b49915e12ef64c81410f1',
      'noise 300000': 'sha256:d19dd0434e23eaff7646ac0e1a7bbc0c084652d007366c7b94115c3ee997ade2',
      'seeded 262145': 'sha256:121520fe9c7f2e486c42ff56e7f4bffb5b5c5effad0a427f71dd6fc9a374b782',
    },
  },
  {
    name: 'zstd 19 has the digests of ocidir-zstd-1',
    codec: zstd({ level: 19 }),
    mediaType: mediaTypes.layerZstd,
    digests: {
      nothing: 'sha256:f96deff1816083fdff8bc3e46c3fe6ca46a6bb49f4d5a00627616c13237a512c',
      'zeros 1 MiB': 'sha256:ff40754f58be701e35153cb2143f099f7e0334c46c0959013aa406602766c846',
      'noise 300000': 'sha256:d19dd0434e23eaff7646ac0e1a7bbc0c084652d007366c7b94115c3ee997ade2',
      'seeded 262145': 'sha256:2caa8e09a40b66cc4289c78973ce616c678850376d275cd24ceaf10315ecde94',
    },
  },
]

function gzipCase(level: DeflateLevel): StorageCase {
  return canonicalCase({
    name: `gzip ${level} has the digests of ocidir-gzip-1`,
    codec: gzip({ level }),
    mediaType: mediaTypes.layerGzip,
    digests: gzipped[level],
  })
}

function canonicalCase({ name, codec, mediaType, digests }: CanonicalCodec): StorageCase {
  return {
    name: `writeLayer: ${name}, and reads back`,
    async run({ storage }) {
      // On this thread, where the storage's own inflater checks the blocks.
      const dir = await OciDir.ensure(storage, { engine: engine({ workers: 0 }) })
      for (const [name, { make, diffId }] of Object.entries(contents)) {
        const layer = await dir.writeLayer(make(), { codec })
        same(layer.descriptor.digest, digests?.[name as keyof typeof contents], name)
        same(layer.descriptor.mediaType, mediaType, 'media type')
        same(layer.diffId, diffId, `${name}: diffID`)
        sameBytes(await plainOf(dir, layer), make(), name)
      }
    },
  }
}

export const writingCases: readonly StorageCase[] = [
  {
    name: 'writeLayer: without a codec the digest is the diffID, known beforehand',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      for (const [name, { make, diffId }] of Object.entries(contents)) {
        const layer = await dir.writeLayer(make())
        same(layer.descriptor.digest, diffId, name)
        same(layer.diffId, diffId, `${name}: diffID`)
        same(layer.descriptor.size, make().length, `${name}: size`)
        sameBytes(await plainOf(dir, layer), make(), name)
      }
      same((await blobsIn(storage)).length, Object.keys(contents).length)
    },
  },
  ...([0, 1, 6, 9] as const).map(gzipCase),
  ...others.map(canonicalCase),
  {
    name: 'writeLayer: the same layer again is one blob',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = seeded(100_000, 3)
      const first = await dir.writeLayer(bytes, { codec: gzip() })
      const again = await dir.writeLayer(bytes, { codec: gzip() })
      same(again.descriptor.digest, first.descriptor.digest)
      sameNames(await blobsIn(storage), [pathOf(first.descriptor)])
    },
  },
  {
    name: 'writeLayer: eight at once keep their bytes apart',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const all = Array.from({ length: 8 }, (_, i) => seeded(60_000 + i, i + 1))
      const layers = await Promise.all(all.map(bytes => dir.writeLayer(bytes, { codec: gzip({ level: 1 }) })))
      for (const [i, layer] of layers.entries())
        sameBytes(await plainOf(dir, layer), all[i] ?? bytesOf(0), `layer ${i}`)
      same((await blobsIn(storage)).length, 8)
    },
  },
  {
    // From 4 MiB on OPFS writes by sync access handles, in a worker where it must.
    name: 'writeLayer: a layer of 5 MiB, on whatever way the medium has for large files',
    async run({ storage, open }) {
      const dir = await emptyDir(storage)
      const bytes = bytesOf(5 * 1_048_576 + 1, 5)
      const layer = await dir.writeLayer(bytes)
      same(layer.descriptor.digest, 'sha256:e2db9cdef810e05c250f137b78f9fbfefea8364fa6c505b5ec3acbddac2fa077')
      sameBytes(await plainOf(dir, layer), bytes)
      if (!storage.traits.persistent) return
      const file = await (await open()).open(pathOf(layer.descriptor))
      sameBytes(await file?.bytes({ start: 5_242_800 }), bytes.subarray(5_242_800), 'its end')
    },
  },
  {
    name: 'writeLayer: a gzip layer that is itself more than 4 MiB',
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const bytes = bytesOf(4_200_000, 6)
      const layer = await dir.writeLayer(bytes, { codec: gzip({ level: 0 }) })
      same(layer.descriptor.digest, 'sha256:16918bdbd7595dd65bd98717fdac4b94bdefd6d6221b0d0646a7c3b8816ec18c')
      sameBytes(await plainOf(dir, layer), bytes)
    },
  },
]
