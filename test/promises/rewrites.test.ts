/** P7: what is done again writes no blob again: the files on the disk stay the very same. */

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { copy } from '../../src/copy/copy.ts'
import { draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { Tally } from '../setup/tally.ts'

let work = ''
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-rewrites-'))
})
afterEach(() => rm(work, { recursive: true }))

/** Every verb that writes blobs. */
async function writeAll(source: OciDir<StorageAdapter>, target: OciDir<StorageAdapter>): Promise<void> {
  const layer = await source.writeLayer('a layer', { codec: gzip() })
  await source.writeLayer('a layer')
  const image = await source.writeImage(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer), {
    tag: 'app:1',
  })
  const blob = await source.writeBlob('an artifact', { mediaType: 'text/plain' })
  await source.insertArtifactManifest({
    artifactType: 'text/plain',
    subject: image.descriptor,
    layers: [blob],
  })
  await copy(source, target, { referrers: true })
}

/** What a file is to the disk; any write would change it. */
async function versions(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(work, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.includes('.')) continue
    const path = join(entry.parentPath, entry.name)
    if (!path.includes('sha256')) continue
    const { ino, mtimeNs, ctimeNs, birthtimeNs } = await stat(path, { bigint: true })
    found.set(path, [ino, mtimeNs, ctimeNs, birthtimeNs].join())
  }
  return found
}

function changed(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): number {
  return [...before].filter(([path, version]) => after.get(path) !== version).length
}

it('P7: a blob that is there is not written again by any verb', async () => {
  const source = await OciDir.ensure(folder(join(work, 'source')))
  const target = await OciDir.ensure(folder(join(work, 'target')))
  await writeAll(source, target)
  const before = await versions()
  const tally = new Tally('P7: blobs that were written a second time')
  for (let i = 0; i < 5; i++) {
    await writeAll(source, target)
    tally.attempts += before.size
    tally.fired += before.size
    tally.losses += changed(before, await versions())
  }
  expect(tally.report()).toMatchObject({ losses: 0 })
  expect(before.size).toBeGreaterThan(10)

  const broken = new Tally('P7: blobs that were written a second time in place (broken on purpose)')
  for (const path of before.keys()) {
    await writeFile(path, await readFile(path))
    broken.attempts++
    broken.fired++
  }
  broken.losses = changed(before, await versions())
  expect(broken.report().losses).toBe(before.size)
})
