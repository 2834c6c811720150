/** The reading matrix: layouts of seven makers, compared whole. Its table stands in docs/interop.md. */

import { expect, it } from 'vitest'
import { file } from '../../adapters/node/index.ts'
import { archive } from '../../src/archive/index.ts'
import { expectTable } from './doc-table.ts'
import { expectLayout } from './fixture-expectations.ts'
import { type Expected, expectedOf, fixtureTar } from './fixture-layouts.ts'

/** Who made which fixture. */
const makers: Readonly<Record<string, readonly string[]>> = {
  'the Rust crate': ['rs-gzip', 'rs-none', 'rs-zstd', 'rs-tarformats', 'rs-special', 'rs-referrers'],
  skopeo: ['skopeo-zstd'],
  umoci: ['umoci-raw'],
  crane: ['crane-append', 'crane-multiarch'],
  regctl: ['regctl-multiarch'],
  oras: ['oras-multiarch', 'oras-artifact'],
  buildah: ['buildah-commit'],
}

it('layouts of seven makers are read whole, as docs/interop.md says', async () => {
  const head = ['made by', 'layout', 'tags', 'manifests', 'layers', 'files', 'blobs', 'compression']
  const rows = [head]
  for (const [maker, names] of Object.entries(makers)) {
    for (const name of names) {
      const fixture = await expectedOf(name)
      // The other media have a test of their own, over the same fixtures.
      const storage = await archive(await file(fixtureTar(`${name}/${name}`)))
      const { tags, manifests, layers, files, blobs } = await expectLayout(storage, fixture)
      rows.push([maker, name, ...[tags, manifests, layers, files, blobs].map(String), compressionOf(fixture)])
    }
  }
  expect(rows.length - 1).toBe(14)
  await expectTable('docs/interop.md', 'read', rows)
}, 120_000)

function compressionOf({ images }: Expected): string {
  const kinds = images.flatMap(({ layers }) => layers.map(({ compression = '-' }) => compression))
  return [...new Set(kinds)].sort().join(', ')
}
