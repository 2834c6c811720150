/** Names: what isn't a layout's name never reaches the medium. */

import type { BlobPath, DocumentPath, StorageAdapter } from '../../../src/storage.ts'
import { fails, same, sameBytes, sameNames } from '../assert.ts'
import { blobName, bytesOf, namesIn, put, read, stageBytes, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const hostile: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '//',
  ' index.json',
  'index.json ',
  'index.json/',
  'index.json\0',
  'index.json\n',
  './index.json',
  '../index.json',
  '/index.json',
  'INDEX.JSON',
  'oci-layout.',
  '.ocidir/lock',
  'blobs',
  'blobs/',
  'blobs/sha256',
  'blobs/sha256/',
  'blobs//abc',
  'blobs/sha256/.',
  'blobs/sha256/..',
  'blobs/sha256/../index.json',
  'blobs/../blobs/sha256/abc',
  'blobs/./abc',
  'blobs/.sha256/abc',
  'blobs/sha256/a/b',
  'blobs/sha256/.hidden',
  'blobs/sha256/a.b',
  'blobs/sha256/ab c',
  'blobs/sha256/ab:c',
  'blobs/sha256/ab%2fc',
  'blobs/sha256/ab\0c',
  'blobs/sha256/abc\n',
  'blobs/sha256/ab\u00e9',
  'blobs/sha256/ab\u2044c',
  'blobs/sha256/abc.',
  'blobs/sha256/abc*',
  'blobs/SHA256/abc',
  'blobs/sha..256/abc',
  'blobs/+sha256/abc',
  'Blobs/sha256/abc',
  'blobs\\sha256\\abc',
  'blobs/sha256\\..\\abc',
  'C:\\index.json',
  'C:index.json',
  '\\\\server\\share',
  'file:///etc/passwd',
  '/etc/passwd',
  '~/index.json',
  '__proto__',
  'constructor',
  `blobs/sha256/${'a'.repeat(4096)}`,
]

const unusual: readonly BlobPath[] = [
  `blobs/sha512/${'0f'.repeat(64)}`,
  'blobs/sha256+b64u/LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564',
  'blobs/multihash+base58/QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
  'blobs/test_alg.v1-x/A_b=-',
  'blobs/a/b',
]

/** A string where the types ask for a name: the caller's mistake that these cases make on purpose. */
function asName<Path extends BlobPath | DocumentPath>(text: unknown): Path {
  return text as Path
}

async function refused(storage: StorageAdapter, call: (path: string) => Promise<unknown>): Promise<void> {
  await put(storage, blobName(1), bytesOf(10))
  for (const path of hostile)
    await fails(() => call(path), { type: TypeError }, JSON.stringify(path.slice(0, 40)))
  sameNames(await namesIn(storage), [blobName(1)], 'what is stored')
}

export const nameCases: readonly StorageCase[] = [
  {
    name: 'opens no path but a name of a layout',
    run: ({ storage }) => refused(storage, path => storage.open(asName(path))),
  },
  {
    name: 'commits under no path but the name of a blob',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(5))
      await fails(() => staged.commit(asName('index.json')), { type: TypeError }, 'index.json')
      await fails(() => staged.commit(asName('oci-layout')), { type: TypeError }, 'oci-layout')
      for (const path of hostile)
        await fails(() => staged.commit(asName(path)), { type: TypeError }, path.slice(0, 40))
      same(await staged.commit(blobName(1)), 'written', 'a right name after the wrong ones')
      sameNames(await namesIn(storage), [blobName(1)], 'what is stored')
    },
  },
  {
    name: 'updates no path but the two documents',
    run: ({ storage }) => refused(storage, path => storage.update(asName(path), () => utf8('{}'))),
  },
  {
    name: 'updates no blob',
    run: ({ storage }) => refused(storage, () => storage.update(asName(blobName(1)), () => utf8('{}'))),
  },
  {
    name: 'requires no path but the name of a blob',
    run: ({ storage }) =>
      refused(storage, path => storage.update('index.json', () => utf8('{}'), { requires: [asName(path)] })),
  },
  {
    name: 'removes no path but the name of a blob, and nothing beside it',
    run: ({ storage }) => refused(storage, path => storage.remove(() => [blobName(1), asName(path)])),
  },
  {
    name: 'removes no document',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('{}'))
      await fails(() => storage.remove(() => [asName('index.json')]), { type: TypeError })
      sameBytes(await read(storage, 'index.json'), utf8('{}'))
    },
  },
  {
    name: 'takes no name that is not a string',
    async run({ storage }) {
      const trick = { toString: () => 'index.json' }
      for (const path of [undefined, null, 42, trick, ['index.json']]) {
        await fails(() => storage.open(asName(path)), { type: TypeError }, `open ${String(path)}`)
        await fails(
          () => storage.update(asName(path), () => utf8('{}')),
          { type: TypeError },
          `update ${String(path)}`,
        )
      }
      sameNames(await namesIn(storage), [], 'what is stored')
    },
  },
  ...unusual.map(path => ({
    name: `keeps a blob under any name of the grammar: ${path.slice(0, 30)}`,
    async run({ storage }: { storage: StorageAdapter }) {
      same(await put(storage, path, bytesOf(20)), 'written')
      sameBytes(await read(storage, path), bytesOf(20))
      sameNames(await namesIn(storage), [path])
      same(await storage.remove(() => [path]), 1, 'removed')
    },
  })),
  {
    name: 'tells algorithms apart that share an encoding',
    async run({ storage }) {
      await put(storage, 'blobs/sha256/aa', bytesOf(4, 1))
      await put(storage, 'blobs/sha512/aa', bytesOf(4, 2))
      sameBytes(await read(storage, 'blobs/sha256/aa'), bytesOf(4, 1))
      sameBytes(await read(storage, 'blobs/sha512/aa'), bytesOf(4, 2))
    },
  },
]
