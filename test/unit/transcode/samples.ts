/// <reference types="vite/client" />
/** Layouts of other tools, and what tests of transcoding ask of them. */

import { archive } from '../../../src/archive/index.ts'
import { canonicalJson } from '../../../src/canonical-json.ts'
import type { Codec } from '../../../src/codec/codec.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { layerCheck } from '../../../src/deep/index.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { Descriptor, JsonObject } from '../../../src/spec.ts'
import type { ReadableStorage } from '../../../src/storage.ts'
import { fromBase64 } from '../../fuzz/corpus.ts'
import { frame } from '../../suites/zstd-frames.ts'

const tars: Readonly<Record<string, string>> = import.meta.glob(
  '../../fixtures/{crane-multiarch,odd-valid,oras-artifact,oras-multiarch,regctl-multiarch,rs-gzip,rs-none,rs-referrers,rs-zstd,skopeo-zstd,umoci-raw}/*.tar',
  { query: '?url&inline', import: 'default', eager: true },
)

/** A layout of `test/fixtures`, read in place. */
export async function fixture(path: string): Promise<OciDir> {
  const url = tars[`../../fixtures/${path}.tar`]
  if (url === undefined) throw new RangeError(path)
  return OciDir.open(await archive(fromBase64(url.slice(url.indexOf(',') + 1))))
}

/** What layers of other tools are read by. */
export const codecs = [gzip(), zstd()] as const

/** Zstd as a codec that stores: every chunk is a frame of raw blocks. */
export const storingZstd: Codec = {
  ...zstd(),
  async *encode(source) {
    let frames = 0
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += 100_000) {
        yield await frame({ content: chunk.slice(at, at + 100_000) })
        frames += 1
      }
    }
    if (frames === 0) yield await frame({ content: new Uint8Array() })
  },
}

/** A codec that counts how often it was asked to compress. */
export function counting(codec: Codec): { readonly codec: Codec; readonly encoded: () => number } {
  let encoded = 0
  const encode: Codec['encode'] = (source, options) => {
    encoded += 1
    return codec.encode(source, options)
  }
  return { codec: { ...codec, encode }, encoded: () => encoded }
}

/** What fsck says that looks inside of layers: codes that aren't mere information. */
export async function faultsIn(storage: ReadableStorage): Promise<string[]> {
  const { findings } = await fsck(storage, { deep: layerCheck() })
  return findings.filter(({ severity }) => severity !== 'info').map(({ code }) => code)
}

/** A document with its layers' and children's own type, digest and size taken out: what may not change. */
export function restOf(value: object): string {
  const without = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map(({ mediaType: _type, digest: _digest, size: _size, ...rest }: Descriptor) => rest)
      : list
  const { layers, manifests, ...rest } = value as JsonObject
  return canonicalJson({ ...rest, layers: without(layers), manifests: without(manifests) })
}
