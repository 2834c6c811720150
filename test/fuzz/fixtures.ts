/// <reference types="vite/client" />
/** Real bytes to change: what other tools made, out of test/fixtures, by what they are. */

import { readTar } from '../../src/tar/index.ts'
import { bytesOf } from '../unit/tar/samples.ts'
import { fromBase64 } from './corpus.ts'

const tars: Readonly<Record<string, string>> = import.meta.glob(
  '../fixtures/{buildah-commit,crane-append,odd-valid,oras-artifact,rs-none,rs-special,rs-tarformats,rs-zstd,skopeo-zstd}/*.tar',
  { query: '?url&inline', import: 'default', eager: true },
)

/** Files of one kind each. */
export interface Fixtures {
  readonly json: readonly Uint8Array[]
  readonly gzip: readonly Uint8Array[]
  readonly zstd: readonly Uint8Array[]
  readonly tar: readonly Uint8Array[]
  readonly archive: readonly Uint8Array[]
}

/** The smaller ones: in a large one a mutation hits content, and no rule. */
const largest = 12_000

/** All of them, once each. */
export async function fixtures(): Promise<Fixtures> {
  const found = {
    json: new Map<string, Uint8Array>(),
    gzip: new Map<string, Uint8Array>(),
    zstd: new Map<string, Uint8Array>(),
    tar: new Map<string, Uint8Array>(),
    archive: new Map<string, Uint8Array>(),
  }
  for (const url of Object.values(tars)) {
    const tar = fromBase64(url.slice(url.indexOf(',') + 1))
    if (tar.length <= 2 * largest) found.archive.set(url.slice(-2000), tar)
    for await (const { path, type, body } of readTar(tar)) {
      const bytes = await bytesOf(body)
      const kind = type === 'file' ? kindOf(bytes) : undefined
      if (kind !== undefined && bytes.length <= largest)
        found[kind].set(path.split('/').at(-1) ?? path, bytes)
    }
  }
  const { json, gzip, zstd, tar, archive } = found
  return {
    json: [...json.values()],
    gzip: [...gzip.values()],
    zstd: [...zstd.values()],
    tar: [...tar.values()],
    archive: [...archive.values()],
  }
}

function kindOf(bytes: Uint8Array): 'json' | 'gzip' | 'zstd' | 'tar' | undefined {
  const [first, second] = bytes
  if (first === 0x7b) return 'json'
  if (first === 0x1f && second === 0x8b) return 'gzip'
  if (first === 0x28 && second === 0xb5) return 'zstd'
  return bytes[257] === 0x75 ? 'tar' : undefined
}
