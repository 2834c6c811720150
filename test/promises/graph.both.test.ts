/** P13: a hostile graph costs what its limits allow. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { engine } from '../../src/engine.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { defaultLimits, type Limits } from '../../src/limits.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { type Descriptor, type JsonObject, mediaTypes } from '../../src/spec.ts'
import { walk } from '../../src/walk.ts'
import { forwarding } from '../suites/index.ts'
import { utf8 } from '../suites/material.ts'

const platform = { os: 'linux', architecture: 'amd64' }

/** Indexes inside each other, the innermost holding an image. */
async function nested(dir: OciDir<ReturnType<typeof memory>>, depth: number): Promise<Descriptor> {
  const config = await dir.writeDocument(
    { ...platform, rootfs: { type: 'layers', diff_ids: [] } },
    { mediaType: mediaTypes.config },
  )
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] }
  let { descriptor } = await dir.writeDocument(manifest, { mediaType: mediaTypes.manifest })
  for (let i = 0; i < depth; i++) {
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [descriptor, descriptor] }
    descriptor = (await dir.writeDocument(index, { mediaType: mediaTypes.index })).descriptor
  }
  return descriptor
}

function list(manifests: readonly object[]): Uint8Array {
  return utf8(JSON.stringify({ schemaVersion: 2, manifests }))
}

const limit = (name: string): unknown =>
  expect.objectContaining({ code: 'LIMIT_EXCEEDED', data: expect.objectContaining({ limit: name }) })

describe('P13: the graph of a layout', () => {
  it('P13: the limits are those that are promised', () => {
    expect(defaultLimits).toMatchObject({
      maxIndexDepth: 32,
      maxDocuments: 1_000_000,
      maxEntries: 20_000,
      maxIndexEntries: 1_000_000,
    })
  })

  it('P13: indexes nested 32 deep are read, one more is refused by every verb', async () => {
    const dir = await OciDir.ensure(memory())
    const deep = await nested(dir, 32)
    await dir.storage.update('index.json', () => list([deep]))
    expect((await dir.openImage()).config.value.os).toBe('linux')
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 34 })
    const { descriptor } = await dir.writeDocument(
      { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [deep] },
      { mediaType: mediaTypes.index },
    )
    await dir.storage.update('index.json', () => list([descriptor]))
    await expect(dir.openImage()).rejects.toEqual(limit('maxIndexDepth'))
    const { ok, findings } = await fsck(dir.storage)
    expect(ok).toBe(false)
    expect(findings.map(({ code }) => code)).toContain('LIMIT_EXCEEDED')
  })

  it('P13: a graph that doubles at every level is visited once', async () => {
    const inner = memory()
    const deep = await nested(await OciDir.ensure(inner), 30)
    await inner.update('index.json', () => list([deep, deep]))
    let opened = 0
    const storage = forwarding(inner, {
      open: (path, options) => {
        opened++
        return inner.open(path, options)
      },
    })
    const dir = await OciDir.open(storage)
    for await (const _image of dir.images()) expect(opened).toBeLessThan(200)
    const before = opened
    expect((await fsck(storage)).validated).toBe(32)
    console.log(`P13: 2^31 paths, ${before} files opened by images, ${opened - before} by fsck`)
    expect(opened - before).toBeLessThan(400)
  })

  it('P13: a cycle, made where no digest is checked, ends', async () => {
    const cyclic = { mediaType: mediaTypes.index, digest: 'x:a', size: 1 } as const
    let read = 0
    const limits = defaultLimits
    const reading = async (): Promise<JsonObject> => {
      read++
      return { manifests: [cyclic, cyclic] }
    }
    const nodes = walk({ manifests: [cyclic] }, { limits, read: reading })
    let seen = 0
    for await (const _node of nodes) seen++
    expect([read, seen]).toEqual([1, 3])
  })

  it('P13: documents and entries are counted, and each bound is an option', async () => {
    const dir = await OciDir.ensure(memory())
    const image = await nested(dir, 1)
    await dir.storage.update('index.json', () => list(Array.from({ length: 5 }, () => image)))
    const opened = async (limits: Partial<Limits>): Promise<unknown> =>
      (await OciDir.open(dir.storage, { engine: engine({ limits }) })).openImage()
    await expect(opened({ maxIndexEntries: 4 })).rejects.toEqual(limit('maxIndexEntries'))
    await expect(opened({ maxEntries: 1 })).rejects.toEqual(limit('maxEntries'))
    await expect(opened({ maxIndexDepth: 0 })).rejects.toEqual(limit('maxIndexDepth'))
    await opened({ maxIndexEntries: 5, maxEntries: 2, maxIndexDepth: 1 })
    const { findings } = await fsck(dir.storage, { engine: engine({ limits: { maxDocuments: 1 } }) })
    expect(findings.map(({ code }) => code)).toContain('LIMIT_EXCEEDED')
  })

  it('P13: 20,000 layers are read, one more is refused', async () => {
    const storage = memory()
    const dir = await OciDir.ensure(storage)
    const layer = { mediaType: 'a/b', digest: 'x:a', size: 1 }
    for (const [count, code] of [
      [20_000, undefined],
      [20_001, 'LIMIT_EXCEEDED'],
    ] as const) {
      const layers = Array.from({ length: count }, () => layer)
      const bytes = JSON.stringify({ schemaVersion: 2, config: layer, layers })
      const descriptor = await dir.writeBlob(bytes, { mediaType: mediaTypes.manifest })
      const error = await dir.readDocument(descriptor).then(
        () => undefined,
        error => error,
      )
      expect(isOciError(error) ? error.code : error).toBe(code)
    }
  })
})
