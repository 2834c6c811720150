/** Writers at work while a layout is repaired: what they make whole stays, and what moves is not taken for another. */

import { expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { layerCheck } from '../../../src/deep/index.ts'
import { gc } from '../../../src/gc.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type RepairOptions, type RepairResult, repair } from '../../../src/repair/repair.ts'
import { type Descriptor, mediaTypes } from '../../../src/spec.ts'
import type { BlobPath, StorageAdapter, StoredFile } from '../../../src/storage.ts'
import { put } from '../../suites/material.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addBlob, addIndex, emptyDir, named, rawLayout, writeSample } from '../core/samples.ts'
import { pathOf, pour } from './damage.ts'
import { checksOf, imageOf, type Parts, soundParts, tagsOf } from './images.ts'

/** Repairs a layout to which something is done as soon as it was checked for the first time. */
async function repairWhile(
  storage: StorageAdapter,
  happens: () => Promise<unknown>,
  options: RepairOptions = { quarantine: true },
): Promise<RepairResult> {
  const list = storage.list.bind(storage)
  let isFirst = true
  storage.list = async function* (given) {
    // The strays are looked for last: index.json and all it names were read.
    if (isFirst) await happens()
    isFirst = false
    yield* list(given)
  }
  return repair(storage, options)
}

const wrongImages: Readonly<Record<string, (parts: Parts) => Parts>> = {
  'too few diffIDs': ({ layers, diffIds }) => ({ layers, diffIds: diffIds.slice(1) }),
  'a wrong size of a layer that the other has, too': ({ layers: [first, ...others], diffIds }) => ({
    layers: [{ ...first, size: 1 } as Descriptor, ...others],
    diffIds,
  }),
}

it.each(Object.entries(wrongImages))(
  'an entry that moves into the place of a wrong one is not taken out for it: %s',
  async (_, wrong) => {
    const { raw, parts } = await soundParts()
    const first = await imageOf(raw, { ...parts, author: 'first' })
    const bad = await imageOf(raw, wrong(parts))
    rawLayout(raw, [named(first, 'first'), named(bad, 'bad'), named(await imageOf(raw, parts), 'good')])
    const storage = await pour(raw, memory())
    await repairWhile(storage, async () => (await OciDir.open(storage)).tag('first', 'first'))
    expect((await tagsOf(storage)).sort()).toEqual(['first', 'good'])
  },
)

it('an image that was pushed again meanwhile stays', async () => {
  const { raw, parts } = await soundParts()
  rawLayout(raw, [named(await imageOf(raw, parts), 'v1')])
  const path = pathOf(parts.layers[1]?.digest ?? '') as BlobPath
  const layer = raw.files.get(path) ?? new Uint8Array()
  raw.files.delete(path)
  const storage = await pour(raw, memory())
  const { after } = await repairWhile(storage, () => put(storage, path, layer))
  expect([await tagsOf(storage), after.ok]).toEqual([['v1'], true])
})

it('an index.json that is broken becomes no empty one where the blobs are in a second place', async () => {
  const dir = await emptyDir()
  await writeSample(dir, { tag: 'app' })
  const backup = await RawStorage.copyOf(dir.storage)
  const broken = async (): Promise<StorageAdapter> => {
    const storage = memory()
    await storage.update('oci-layout', () => backup.files.get('oci-layout'))
    await storage.update('index.json', () => backup.files.get('index.json')?.subarray(0, 20))
    return storage
  }
  const alone = await broken()
  expect((await repair(alone, { blobs: dir.storage })).after.ok).toBe(false)
  const helped = await broken()
  expect((await repair(helped, { blobs: dir.storage, from: backup })).after.ok).toBe(true)
  expect(await tagsOf(helped)).toEqual(['app'])
})

it('an altered manifest that an artifact lists as its layer keeps what it names from gc', async () => {
  const dir = await emptyDir()
  const image = await writeSample(dir, { tag: 'v1' })
  const raw = await RawStorage.copyOf(dir.storage)
  const { descriptor } = image
  const empty = await addBlob(raw, {}, mediaTypes.empty)
  const artifact = await addBlob(
    raw,
    { schemaVersion: 2, artifactType: 'application/x', config: empty, layers: [descriptor] },
    mediaTypes.manifest,
  )
  const nested = await addIndex(raw, [artifact])
  rawLayout(raw, [nested, named(descriptor, 'v1')])
  // Another letter, and as many of them.
  raw.change(pathOf(descriptor.digest), bytes =>
    new TextDecoder().decode(bytes).replace('"schemaVersion"', '"schemaversion"'),
  )
  const storage = await pour(raw, memory())
  await repair(storage)
  const { removed } = await gc(await OciDir.open(storage), { dryRun: true })
  const lost = image.manifest.value.layers.map(({ digest }) => digest)
  expect(removed.filter(({ digest }) => lost.includes(digest))).toEqual([])
})

it('an entry of a foreign type stays whose text mentions a broken one', async () => {
  const { raw, parts } = await soundParts()
  const gone = { mediaType: mediaTypes.manifest, digest: `sha256:${'0'.repeat(64)}`, size: 1 }
  const sbom = await addBlob(raw, { about: gone.digest }, 'application/spdx+json')
  rawLayout(raw, [named(await imageOf(raw, parts), 'good'), named(sbom, 'sbom'), named(gone, 'gone')])
  const storage = await pour(raw, memory())
  await repair(storage, { quarantine: true })
  expect((await tagsOf(storage)).sort()).toEqual(['good', 'sbom'])
})

it.each([0, 1])('right bytes in a descriptor are found beside wrong ones: order %i', async order => {
  const { raw, parts } = await soundParts()
  const layer = await addBlob(raw, 'a blob that is gone', 'application/x')
  raw.files.delete(pathOf(layer.digest))
  const right = { ...layer, data: btoa('a blob that is gone') }
  const wrong = { ...layer, data: btoa('A blob that is gone') }
  const holders = order === 0 ? [right, wrong] : [wrong, right]
  const entries = await Promise.all(
    holders.map((held, i) => imageOf(raw, { layers: [...parts.layers, held], author: String(i) })),
  )
  rawLayout(raw, entries)
  const storage = await pour(raw, memory())
  await repair(storage)
  expect(await storage.open(pathOf(layer.digest) as BlobPath)).toBeDefined()
})

it('a medium that gives fewer bytes than it has is at fault, and nothing is done', async () => {
  const { raw, parts } = await soundParts()
  rawLayout(raw, [named({ ...(await imageOf(raw, parts)), size: 3 }, 'v1')])
  const storage = await pour(raw, memory())
  const before = await RawStorage.copyOf(storage)
  const open = storage.open.bind(storage)
  let isChecked = false
  const list = storage.list.bind(storage)
  storage.list = async function* (given) {
    yield* list(given)
    isChecked = true
  }
  storage.open = async (path, given) => {
    const found = await open(path, given)
    return isChecked && found && path.startsWith('blobs/') ? shortened(found) : found
  }
  await expect(repair(storage)).rejects.toMatchObject({ code: 'STORAGE_CHANGED' })
  storage.open = open
  expect((await RawStorage.copyOf(storage)).files).toEqual(before.files)
})

function shortened(found: StoredFile): StoredFile {
  return {
    ...found,
    bytes: async range => (await found.bytes(range)).subarray(1),
    stream: range => found.stream({ ...range, start: 1 }),
  }
}

it('reads a blob once for each check, however many entries say its size wrongly', async () => {
  const { raw, parts } = await soundParts()
  const image = await imageOf(raw, parts)
  const entries = Array.from({ length: 200 }, (_, i) => named({ ...image, size: i }, `t${i}`))
  rawLayout(raw, entries)
  const storage = await pour(raw, memory())
  const path = pathOf(image.digest)
  let reads = 0
  const open = storage.open.bind(storage)
  storage.open = async (at, given) => {
    const found = await open(at, given)
    if (at !== path || found === undefined) return found
    return {
      ...found,
      bytes: range => {
        reads++
        return found.bytes(range)
      },
    }
  }
  const { after } = await repair(storage)
  expect([after.ok, (await tagsOf(storage)).length]).toEqual([true, 200])
  expect(reads).toBeLessThan(20)
})

it.each(['LAYER_TYPE_MISMATCH', 'HARDLINK_DANGLING', 'SIZE_MISMATCH'])(
  'takes all images out at once that one layer makes wrong: %s',
  async code => {
    const { raw, parts, bases } = await soundParts()
    const [base, top] = parts.layers
    if (base === undefined || top === undefined) throw new Error('two layers')
    const layersOf = (i: number): readonly Descriptor[] => {
      if (code === 'LAYER_TYPE_MISMATCH') return [base, { ...top, mediaType: mediaTypes.layerGzip }]
      if (code === 'SIZE_MISMATCH') return [base, { ...top, size: i }]
      return [bases[i % bases.length]?.descriptor ?? base, top]
    }
    const bad = await Promise.all(
      Array.from({ length: 30 }, (_, i) => imageOf(raw, { layers: layersOf(i), author: String(i) })),
    )
    rawLayout(raw, [named(await imageOf(raw, parts), 'good'), ...bad.map((one, i) => named(one, `bad${i}`))])
    const storage = await pour(raw, memory())
    const checks = checksOf(storage)
    const { before, after } = await repair(storage, { quarantine: true, deep: layerCheck() })
    expect(before.findings.map(found => found.code)).toContain(code)
    expect([after.ok, await tagsOf(storage)]).toEqual([true, ['good']])
    expect(checks.count()).toBeLessThan(5)
  },
)

it('an image that was altered and mended meanwhile stays, also where its insides were looked at', async () => {
  const { raw, parts } = await soundParts()
  rawLayout(raw, [named(await imageOf(raw, parts), 'v1')])
  const path = pathOf(parts.layers[1]?.digest ?? '') as BlobPath
  const good = raw.files.get(path) ?? new Uint8Array()
  raw.files.set(
    path,
    good.map((byte, i) => (i < 600 ? byte ^ 1 : byte)),
  )
  const storage = await pour(raw, memory())
  const happens = async (): Promise<void> => {
    await storage.remove(() => [path])
    await put(storage, path, good)
  }
  const result = await repairWhile(storage, happens, { quarantine: true, deep: layerCheck() })
  expect(result.before.findings.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['DIGEST_MISMATCH', 'TAR_INVALID']),
  )
  expect([await tagsOf(storage), result.after.ok, result.actions]).toEqual([['v1'], true, []])
})
