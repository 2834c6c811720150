/** What a repair must not take for damage, and must not take away. */

import { expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { engine } from '../../../src/engine.ts'
import { OciError } from '../../../src/errors.ts'
import { fsck } from '../../../src/fsck.ts'
import { parseJsonObject } from '../../../src/json.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { repair } from '../../../src/repair/repair.ts'
import { mediaTypes } from '../../../src/spec.ts'
import type { BlobPath, StorageAdapter } from '../../../src/storage.ts'
import { concat } from '../../../src/streams.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addIndex, emptyDir, text, writeSample } from '../core/samples.ts'
import { pathOf, pour } from './damage.ts'

async function sample(): Promise<{ storage: StorageAdapter; layer: BlobPath }> {
  const storage = memory()
  const dir = await OciDir.ensure(storage)
  const image = await writeSample(dir, { tag: 'kept' })
  const digest = image.manifest.value.layers[0]?.digest ?? ''
  return { storage, layer: `blobs/${digest.replace(':', '/')}` as BlobPath }
}

async function put(storage: StorageAdapter, path: BlobPath, bytes: Uint8Array): Promise<void> {
  const staged = await storage.stage()
  const sink = staged.writable.getWriter()
  await sink.write(bytes)
  await sink.close()
  await staged.commit(path)
}

it('quarantine takes nothing out because a medium failed once', async () => {
  const { storage, layer } = await sample()
  let faults = 1
  const open = storage.open.bind(storage)
  storage.open = async (path, options) => {
    if (path === layer && faults-- > 0)
      throw new OciError('STORAGE_FAILED', { storage: 'it', operation: 'open', path })
    return open(path, options)
  }
  expect((await repair(storage, { quarantine: true })).actions).toEqual([])
})

it('quarantine takes nothing out for a bound that was passed', async () => {
  const { storage } = await sample()
  const small = engine({ limits: { maxConfigSize: 10 } })
  expect((await repair(storage, { quarantine: true, engine: small })).actions).toEqual([])
})

it('what a writer has made good meanwhile is not removed', async () => {
  const { storage, layer } = await sample()
  const bytes = (await (await storage.open(layer))?.bytes()) ?? new Uint8Array()
  await storage.remove(() => [layer])
  await put(storage, layer, bytes.subarray(1))
  const remove = storage.remove.bind(storage)
  storage.remove = async (choose, options) => {
    await put(storage, layer, bytes)
    return remove(choose, options)
  }
  await repair(storage)
  expect((await fsck(storage)).ok).toBe(true)
})

it('what an index that is altered may name keeps its name, also where the list of faults was cut', async () => {
  const raw = await withNested()
  const [nested = '', child = ''] = namedIn(raw)
  // Two faults before it fill the list of the errors, so that nothing tells of the nested index.
  raw.edit('index.json', index => ({
    ...index,
    manifests: [gone('1'), gone('2'), ...(index.manifests as object[])],
  }))
  const altered = (path: string): Uint8Array => concat([raw.files.get(path) ?? new Uint8Array(), text(' ')])
  for (const path of [nested, child]) raw.files.set(path, altered(path))
  const storage = await pour(raw, memory())
  const few = engine({ limits: { maxFindings: 2 } })
  await repair(storage, { engine: few })
  expect(await storage.open(child as BlobPath)).toBeDefined()
})

async function withNested(): Promise<RawStorage> {
  const dir = await emptyDir()
  const image = await writeSample(dir, { tag: 'child' })
  const raw = await RawStorage.copyOf(dir.storage)
  const nested = await addIndex(raw, [image.descriptor])
  raw.edit('index.json', index => ({ ...index, manifests: [nested] }))
  return raw
}

/** The paths of the one entry of index.json, and of the one that it names. */
function namedIn(raw: RawStorage): string[] {
  const entryOf = (path: string): string => {
    const { manifests } = parseJsonObject(raw.files.get(path) ?? new Uint8Array(), { where: path })
    return pathOf((manifests as { digest: string }[])[0]?.digest ?? '')
  }
  const nested = entryOf('index.json')
  return [nested, entryOf(nested)]
}

function gone(digit: string): object {
  return { mediaType: mediaTypes.manifest, digest: `sha256:${digit.repeat(64)}`, size: 1 }
}
