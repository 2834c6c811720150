/** gc and referrers on layouts that other tools wrote: nothing that they hold is lost, all that refers is found. */

import { mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { gc } from '../../src/gc.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { referrers } from '../../src/referrers.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { type Expected, expectedOf, filesOf, inMemory, onDisk } from './fixture-layouts.ts'

const fixtures = new URL('../fixtures/', import.meta.url)
const made = new Map<string, Expected>()
for (const entry of await readdir(fixtures, { withFileTypes: true })) {
  if (!entry.isDirectory() || ['corrupt', 'odd-valid'].includes(entry.name)) continue
  const expected = await expectedOf(entry.name)
  if (expected.kind === 'layout') made.set(entry.name, expected)
}
const judged = (await Promise.all(['corrupt', 'odd-valid'].map(namesIn))).flat()

async function namesIn(group: string): Promise<string[]> {
  const files = await readdir(new URL(`${group}/`, fixtures))
  return files.filter(file => file.endsWith('.tar')).map(file => `${group}/${file.slice(0, -4)}`)
}

let scratch = ''
let folders = 0
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ocidir-gc-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

const media: readonly [string, (name: string) => Promise<StorageAdapter>][] = [
  ['memory', async name => inMemory(await filesOf(name))],
  [
    'a folder',
    async name => {
      const root = join(scratch, String(folders++))
      await onDisk(await filesOf(name), root)
      return folder(root)
    },
  ],
]

describe.each(media)('in %s', (_, open) => {
  it.each([...made.keys()])('gc keeps all that index.json of %s reaches', async name => {
    const storage = await open(`${name}/${name}`)
    const before = await fsck(storage)
    const result = await gc(await OciDir.open(storage))
    const after = await fsck(storage)
    expect(result.kept + result.removed.length).toBe(made.get(name)?.blobCount)
    expect(result.removed).toHaveLength(before.counts.unreferenced)
    expect(after).toMatchObject({ validated: before.validated, counts: { unreferenced: 0 } })
  })

  it.each([...made])('finds the referrers of %s, as an independent reader does', async (name, { images }) => {
    const dir = await OciDir.open(await open(`${name}/${name}`))
    for (const { manifest } of images) {
      const expected = images.filter(({ subject }) => subject === manifest)
      const found = await referrers(dir, manifest)
      expect(found.map(({ digest, artifactType }) => [digest, artifactType])).toEqual(
        expected.map(image => [image.manifest, image.artifactType]),
      )
    }
  })
})

it('removes a link among the blobs as a link, and never the file that a referenced one leads to', async () => {
  const root = join(scratch, String(folders++))
  await onDisk(await filesOf('rs-referrers/rs-referrers'), root)
  const dir = await OciDir.open(folder(root))
  const [layer] = (await dir.openImage('t')).manifest.value.layers
  if (layer === undefined) throw new Error('no layer')
  const at = (name: string): string => join(root, 'blobs/sha256', name)
  const name = layer.digest.slice('sha256:'.length)
  await rename(at(name), at('0'.repeat(64)))
  await symlink('0'.repeat(64), at('1'.repeat(64)))
  await symlink('1'.repeat(64), at(name))
  await writeFile(at('2'.repeat(64)), 'garbage')
  await symlink('2'.repeat(64), at('3'.repeat(64)))
  const { removed } = await gc(dir)
  expect(removed.map(({ digest }) => digest.slice(-1)).sort()).toEqual(['2', '3'])
  expect(await dir.openImage('t')).toBeDefined()
  expect(await fsck(folder(root))).toMatchObject({ validated: 9 })
})

it.each(judged)('gc breaks nothing more in %s', async name => {
  const storage = await inMemory(await filesOf(name)).catch(() => undefined)
  // What no storage can hold, a name that leads out, is told elsewhere.
  if (storage === undefined) return
  const before = await fsck(storage)
  const opened = await OciDir.open(storage).catch(() => undefined)
  const removed = await Promise.resolve(opened && gc(opened)).then(
    result => result?.removed ?? [],
    error => {
      if (!isOciError(error)) throw error
      return []
    },
  )
  const after = await fsck(storage)
  const errors = before.findings.filter(({ severity }) => severity === 'error')
  expect(after.findings.filter(({ severity }) => severity === 'error')).toEqual(errors)
  expect(after.validated).toBe(before.validated)
  expect(removed.length).toBeLessThanOrEqual(before.counts.unreferenced)
})
