/** Copies and clones of layouts that other tools wrote: the same bytes, and as sound as they were. */

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { folder } from '../../adapters/node/index.ts'
import { cloneTo, copy } from '../../src/copy/copy.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { ReadableStorage } from '../../src/storage.ts'
import { type Expected, expectedOf, filesOf, inMemory } from './fixture-layouts.ts'

const fixtures = new URL('../fixtures/', import.meta.url)
// No reader takes its index.json (RFC 8259, 8.1), so there is nothing to copy.
const unreadable = 'odd-valid/57-index-trailing-newline-bom'

const names: string[] = []
for (const entry of await readdir(fixtures, { withFileTypes: true })) {
  if (!entry.isDirectory() || entry.name === 'corrupt') continue
  const files = (await readdir(new URL(`${entry.name}/`, fixtures))).filter(file => file.endsWith('.tar'))
  for (const file of files) {
    const name = `${entry.name}/${file.slice(0, -'.tar'.length)}`
    if (name !== unreadable && (await isLayout(name))) names.push(name)
  }
}

async function isLayout(name: string): Promise<boolean> {
  if (name.startsWith('odd-valid/')) return true
  return (await expectedOf<Expected>(name.split('/')[0] ?? '')).kind === 'layout'
}

/** Blobs that a layout holds under paths that its index reaches. */
async function blobsIn(storage: ReadableStorage): Promise<Map<string, string>> {
  const blobs = new Map<string, string>()
  for await (const { path, kind } of storage.list?.() ?? []) {
    if (!path.startsWith('blobs/') || kind !== 'file') continue
    const file = await storage.open(path as 'index.json')
    if (file !== undefined) blobs.set(path, hexOf(await file.bytes()))
  }
  return blobs
}

/** What fsck says, but for blobs that nothing names, which no copy takes along, and the file around the blobs. */
async function findingsOf(storage: ReadableStorage): Promise<string[]> {
  const { findings } = await fsck(storage)
  return findings
    .filter(({ code }) => code !== 'BLOB_UNREFERENCED' && code !== 'FILE_UNKNOWN')
    .map(({ severity, code, digest = '' }) => `${severity} ${code} ${digest}`)
    .sort()
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

let scratch = ''
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ocidir-copies-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

it('covers the layouts of every maker', () => {
  expect(names.length).toBeGreaterThan(15)
})

it('refuses a layout whose index.json nobody can read, and makes nothing of it', async () => {
  const source = await OciDir.open(await inMemory(await filesOf(unreadable)))
  const storage = memory()
  await expect(cloneTo(source, storage)).rejects.toHaveProperty('code', 'DOCUMENT_INVALID')
  expect(await storage.open('oci-layout')).toBeUndefined()
})

describe.each(names)('%s', name => {
  it('cloned to a disk has the same index.json and the same blobs', async () => {
    const source = await OciDir.open(await inMemory(await filesOf(name)))
    const storage = folder(join(scratch, name), { durability: 'relaxed' })
    await cloneTo(source, storage)
    expect(hexOf((await (await OciDir.open(storage)).readIndex()).bytes)).toBe(
      hexOf((await source.readIndex()).bytes),
    )
    const given = await blobsIn(source.storage)
    for (const [path, bytes] of await blobsIn(storage)) expect(bytes, path).toBe(given.get(path))
    expect(await findingsOf(storage)).toEqual(await findingsOf(source.storage))
    await storage.close()
  })

  it('copied lists the same entries, and is as sound as it was', async () => {
    const source = await OciDir.open(await inMemory(await filesOf(name)))
    const target = await OciDir.ensure(memory())
    const { copied } = await copy(source, target)
    expect((await target.readIndex()).value.manifests).toEqual((await source.readIndex()).value.manifests)
    expect((await blobsIn(target.storage)).size).toBe(copied)
    const findings = (await findingsOf(source.storage)).filter(finding => !finding.includes('INDEX_'))
    expect((await findingsOf(target.storage)).filter(finding => !finding.includes('INDEX_'))).toEqual(
      findings,
    )
    expect(await copy(source, target)).toMatchObject({ copied: 0, present: copied })
  })
})
