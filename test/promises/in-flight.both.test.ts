/** P9: nothing runs ahead of a slow sink, and what is there already isn't written again (P7). */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { engine } from '../../src/engine.ts'
import { draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { chunksOf } from '../../src/streams.ts'
import { brokenStorages } from '../suites/broken/broken.ts'
import { chunks, counted, InFlight, slow } from '../suites/in-flight.ts'
import { forwarding } from '../suites/index.ts'
import { bytesOf, pause } from '../suites/material.ts'

describe('P9: a slow sink', () => {
  it('P9: has at most 2 chunks of a blob in flight', async () => {
    const flow = new InFlight()
    await (await OciDir.ensure(slow(memory(), flow))).writeBlob(flow.source())
    console.log(`P9 writeBlob: ${flow.most} of ${chunks} chunks in flight`)
    expect(flow.given).toBe(chunks)
    expect(flow.most).toBeLessThanOrEqual(2)
  })

  it('P9: has at most 2 chunks of what a reader reads in flight', async () => {
    const inner = memory()
    const written = await (await OciDir.ensure(inner)).writeBlob(new InFlight().source())
    const flow = new InFlight()
    const dir = await OciDir.open(counted(inner, flow))
    for await (const _chunk of chunksOf(await dir.readBlob(written))) {
      await pause(2)
      flow.taken++
    }
    console.log(`P9 readBlob: ${flow.most} of ${chunks} chunks in flight`)
    expect(flow.most).toBeLessThanOrEqual(2)
  })

  it('P9: holds up the tar of a gzip layer by no more than the blocks being compressed', async () => {
    const flow = new InFlight()
    const dir = await OciDir.ensure(slow(memory(), flow), { engine: engine({ workers: 0 }) })
    await dir.writeLayer(flow.source(), { codec: gzip({ level: 1 }) })
    console.log(`P9 writeLayer: ${flow.most} of ${chunks} chunks in flight`)
    // A block is 256 KiB of the tar, four chunks: one being filled, one being written.
    expect(flow.most).toBeLessThanOrEqual(2 + 2 * 4)
  })

  it('P9: a writer that waits for nobody is found out', async () => {
    const flow = new InFlight()
    const dir = await OciDir.ensure(slow(memory(), flow))
    const writer = await dir.createBlob()
    const writes: Promise<void>[] = []
    for await (const chunk of flow.source()) writes.push(writer.write(chunk))
    await Promise.all(writes)
    await writer.complete()
    expect(flow.most).toBe(chunks)
  })
})

/** How often a blob that was there was written again, in all the ways to put one. */
async function rewrites(storage: StorageAdapter): Promise<{ puts: number; rewritten: number }> {
  let puts = 0
  let rewritten = 0
  const counting = forwarding(storage, {
    stage: async options => {
      const staged = await storage.stage(options)
      return {
        writable: staged.writable,
        discard: () => staged.discard(),
        commit: async (path, commitOptions) => {
          const before = await storage.open(path)
          const outcome = await staged.commit(path, commitOptions)
          if (before !== undefined) puts++
          if (before !== undefined && outcome === 'written') rewritten++
          return outcome
        },
      }
    },
  })
  const dir = await OciDir.ensure(counting)
  const bytes = bytesOf(300_000)
  const platform = { os: 'linux', architecture: 'amd64' }
  for (let i = 0; i < 10; i++) {
    const { mediaType: _, ...expected } = await dir.writeBlob(bytes)
    await dir.writeBlob(bytes, { expected })
    const layer = await dir.writeLayer(bytes, { codec: gzip({ level: 1 }) })
    await dir.writeImage(pushLayer(draft(platform), layer), { tag: 'app' })
    await dir.writeDocument({ a: 1 }, { mediaType: 'application/json' })
  }
  return { puts, rewritten }
}

it('P7: a blob that is there is not written again', async () => {
  const { puts, rewritten } = await rewrites(memory())
  console.log(`P7: ${puts} puts of blobs that were there, ${rewritten} written again`)
  expect(puts).toBeGreaterThan(20)
  expect(rewritten).toBe(0)
})

it('P7: a storage that writes it again is found out', async () => {
  const broken = brokenStorages.find(({ fault }) => fault === 'rewrites existing blobs')
  const { rewritten } = await rewrites(broken?.over(memory()) ?? memory())
  expect(rewritten).toBeGreaterThan(20)
})
