/** Copies at once into one folder, beside a collector without grace: nothing lost, nothing dangling. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { copy } from '../../src/copy/copy.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { BlobPath, StorageAdapter } from '../../src/storage.ts'
import { rounds } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { forwarding } from '../suites/index.ts'
import { RawStorage } from '../unit/core/raw-storage.ts'
import { addImage, amd64, named, rawLayout } from '../unit/core/samples.ts'

const writers = 8
const images = rounds({ short: 4, long: 40 })
const timeout = rounds({ short: 60_000, long: 600_000 })

let parent: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'ocidir-copies-'))
})
afterEach(() => rm(parent, { recursive: true }))

/** Images that share a layer, by name, and what each of them needs. */
async function library(): Promise<{ source: OciDir; needs: Map<string, BlobPath[]>; names: string[] }> {
  const storage = new RawStorage()
  const needs = new Map<string, BlobPath[]>()
  const entries: object[] = []
  const names: string[] = []
  for (let i = 0; i < writers * images; i++) {
    const before = new Set(storage.files.keys())
    const image = await addImage(storage, { ...amd64, variant: `v${i}` }, `layer ${i % writers}`)
    const shared = `layer ${i % writers}`
    const paths = [...storage.files].filter(
      ([path, bytes]) => !before.has(path) || new TextDecoder().decode(bytes) === shared,
    )
    needs.set(
      image.digest,
      paths.map(([path]) => path as BlobPath),
    )
    names.push(`image-${i}`)
    entries.push(named(image, `image-${i}`))
  }
  return { source: await OciDir.open(rawLayout(storage, entries)), needs, names }
}

/** Removes what index.json doesn't need, however young. Gives the number removed. */
function collect(storage: StorageAdapter, needs: ReadonlyMap<string, readonly BlobPath[]>): Promise<number> {
  const all = [...new Set([...needs.values()].flat())]
  return storage.remove(index => {
    const { manifests = [] } = JSON.parse(new TextDecoder().decode(index) || '{}')
    const needed = new Set(manifests.flatMap(({ digest }: { digest: string }) => needs.get(digest) ?? []))
    return all.filter(path => !needed.has(path))
  })
}

/**
 * Writers at once, and a collector that runs right before every third of their updates, but only so often: each run
 * takes what all of them have in hand. Gives what is missing at the end.
 */
async function race(isCareless: boolean, tally: Tally): Promise<number> {
  const { source, needs, names } = await library()
  const dir = join(parent, 'target')
  await OciDir.ensure(folder(dir))
  const collector = folder(dir)
  let updates = 0
  let runs = writers * images
  const wrap = (storage: StorageAdapter): StorageAdapter =>
    forwarding(storage, {
      async update(path, edit, options) {
        const collects = path === 'index.json' && ++updates % 3 === 0 && runs-- > 0
        if (collects) tally.fired += await collect(collector, needs)
        await storage.update(path, edit, isCareless ? { ...options, requires: [] } : options)
      },
    })
  const write = async (writer: number): Promise<void> => {
    const target = await OciDir.open(wrap(folder(dir, { durability: 'relaxed' })))
    for (let round = 0; round < images; round++) {
      const ref = names[round * writers + writer] ?? ''
      for (let done = false; !done; ) {
        tally.attempts += 1
        done = await copied(source, target, ref)
      }
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  const tags = new Set((await (await OciDir.open(folder(dir))).tags()).map(({ tag }) => tag))
  const { findings } = await fsck(folder(dir))
  const missing = findings.filter(({ severity }) => severity === 'error').length
  tally.losses = names.filter(name => !tags.has(name)).length + missing
  return missing
}

/** False where a copy's own few tries were used up: its caller may try again. */
async function copied(source: OciDir, target: OciDir<StorageAdapter>, ref: string): Promise<boolean> {
  try {
    await copy(source, target, { refs: [ref] })
    return true
  } catch (error) {
    if (isOciError(error, 'BLOB_MISSING')) return false
    throw error
  }
}

it('copies beside a collector without grace: every name is there, and all that it needs', {
  timeout,
}, async () => {
  const tally = new Tally('P8: copies beside a collector')
  await race(false, tally)
  expect(tally.report().losses).toBe(0)
})

it('a copy that requires nothing is found out by the same race', { timeout }, async () => {
  const tally = new Tally('P8: copies that require nothing (broken on purpose)')
  const missing = await race(true, tally)
  tally.report()
  expect(missing).toBeGreaterThan(0)
})
