import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { collect } from '../../../src/streams.ts'
import { createTarLayer } from '../../../src/tar/layer.ts'
import { tarSource } from '../../../src/tar/write.ts'
import { forwarding } from '../../suites/index.ts'
import { namesIn } from '../../suites/material.ts'

const dirOn = (storage: StorageAdapter): Promise<OciDir<StorageAdapter>> => OciDir.ensure(storage)

describe('createTarLayer', () => {
  it('writes entries one after the other, though nobody awaits them', async () => {
    const dir = await dirOn(memory())
    const bodies = Array.from({ length: 20 }, (_, i) => 'x'.repeat(i * 700))
    const writer = createTarLayer(dir, { codec: gzip() })
    const added = bodies.map((body, i) => writer.add({ path: `file-${i}` }, body))
    const layer = await writer.complete()
    await Promise.all(added)
    const together = await dir.writeLayer(tarSource(bodies.map((body, i) => ({ path: `file-${i}`, body }))))
    expect(layer.diffId).toBe(together.diffId)
  })

  it('an empty one is the empty tar', async () => {
    const dir = await dirOn(memory())
    const layer = await createTarLayer(dir).complete()
    expect(await collect(await dir.readLayer(layer), { max: 4096 })).toEqual(new Uint8Array(1024))
  })

  it('tells what failed in the storage, not that a stream went away', async () => {
    const full = new Error('full')
    const storage = memory()
    const dir = await OciDir.ensure(storage)
    const failing = await OciDir.open(
      forwarding(storage, {
        stage: async options => {
          const staged = await storage.stage(options)
          const writable = new WritableStream<Uint8Array>({ write: () => Promise.reject(full) })
          return { ...staged, writable, commit: staged.commit, discard: () => staged.discard() }
        },
      }),
    )
    const writer = createTarLayer(failing)
    await expect(
      (async () => {
        for (let i = 0; i < 10; i++) await writer.add({ path: `${i}` }, new Uint8Array(100_000))
        await writer.complete()
      })(),
    ).rejects.toBe(full)
    expect(await namesIn(dir.storage)).not.toContain('blobs')
  })

  it('ends with the reason of an abort, and leaves nothing', async () => {
    const storage = memory()
    const dir = await dirOn(storage)
    const controller = new AbortController()
    const writer = createTarLayer(dir, { signal: controller.signal })
    await writer.add({ path: 'a' }, new Uint8Array(100_000))
    controller.abort(new Error('enough'))
    await expect(writer.add({ path: 'b' }, 'b')).rejects.toBe(controller.signal.reason)
    await expect(writer.complete()).rejects.toBe(controller.signal.reason)
    expect((await namesIn(storage)).sort()).toEqual(['index.json', 'oci-layout'])
  })

  it('an entry that no tar can hold ends it', async () => {
    const dir = await dirOn(memory())
    const writer = createTarLayer(dir)
    await expect(writer.add({ path: 'a\0b' })).rejects.toMatchObject({ code: 'ENTRY_INVALID' })
    await expect(writer.complete()).rejects.toMatchObject({ code: 'ENTRY_INVALID' })
  })
})
