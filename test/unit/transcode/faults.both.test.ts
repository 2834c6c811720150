/** transcode where something is wrong: images that lie, damaged blobs, aborts, a gc beside. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { identity } from '../../../src/codec/codec.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { blobPath } from '../../../src/digest.ts'
import { fsck } from '../../../src/fsck.ts'
import { draft, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, type Digest, mediaTypes } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { tarSource } from '../../../src/tar/index.ts'
import { type TranscodeOptions, transcode } from '../../../src/transcode/transcode.ts'
import { collect, heedless, untilWritten } from '../../fault/gc-race.ts'
import { isLong } from '../../setup/rounds.ts'
import { seeChunks } from '../../setup/see-chunks.ts'
import { Tally } from '../../setup/tally.ts'
import { forwarding } from '../../suites/index.ts'
import { bytesOf } from '../../suites/material.ts'
import { lots } from '../../suites/seeded-bytes.ts'
import { namesIn, tagsIn, textAt } from '../core/library.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { amd64, emptyDir, failsWith } from '../core/samples.ts'
import { codecs, faultsIn } from './samples.ts'

type Dir = OciDir<StorageAdapter>

const rounds = isLong ? 1000 : 12
const toPlain: TranscodeOptions = { codec: identity, codecs, refs: ['app'] }

/** An image of three gzip layers, whose second one may have another diffID. */
async function writeApp(
  dir: Dir,
  {
    diffId,
    size = 4000,
    tag = 'app',
    seed = 1,
  }: { diffId?: Digest; size?: number; tag?: string; seed?: number } = {},
): Promise<void> {
  let image = draft(amd64)
  for (const own of [seed, seed + 1, seed + 2]) {
    const tar = tarSource([{ path: 'file', body: bytesOf(size, own) }])
    const layer = await dir.writeLayer(tar, { codec: gzip({ level: 1 }) })
    image = pushLayer(image, own === seed + 1 && diffId ? { ...layer, diffId } : layer)
  }
  await dir.writeImage(image, { tag })
}

/** Tries it into a target of its own, which must be as empty as before but for whole blobs. */
async function refused(source: OciDir, options = toPlain): Promise<unknown> {
  const target = await emptyDir()
  const before = await textAt(target.storage, 'index.json')
  const thrown = await transcode(source, target, options).catch(error => error)
  expect(await textAt(target.storage, 'index.json')).toBe(before)
  expect((await namesIn(target.storage)).filter(name => name.startsWith('.ocidir'))).toEqual([])
  expect((await fsck(target.storage)).ok).toBe(true)
  return thrown
}

describe('nothing is named', () => {
  it.each([['sha256:'.padEnd(71, '1')], ['sha512:'.padEnd(135, '1')]])(
    'of an image whose config says another diffID (%s)',
    async wrong => {
      const dir = await emptyDir()
      await writeApp(dir, { diffId: wrong as Digest })
      expect(await refused(dir)).toEqual(failsWith('DIFF_ID_MISMATCH', { expected: wrong }))
      // Nor within the layout itself, where its name stays.
      const before = await textAt(dir.storage, 'index.json')
      const call = transcode(dir, dir, { ...toPlain, as: 'app' })
      await expect(call).rejects.toEqual(failsWith('DIFF_ID_MISMATCH'))
      expect(await textAt(dir.storage, 'index.json')).toBe(before)
    },
  )

  it('of two images that say of one layer different diffIDs', async () => {
    const dir = await emptyDir()
    await writeApp(dir)
    const layer = await dir.writeLayer(tarSource([{ path: 'file', body: bytesOf(4000, 1) }]), {
      codec: gzip({ level: 1 }),
    })
    const liar = pushLayer(draft(amd64), { ...layer, diffId: `sha256:${'2'.repeat(64)}` })
    await dir.writeImage(liar, { tag: 'liar' })
    const thrown = await refused(dir, { ...toPlain, refs: ['app', 'liar'] })
    expect(thrown).toEqual(failsWith('DIFF_ID_MISMATCH', { layer: layer.descriptor.digest }))
    expect(await refused(dir, { ...toPlain, refs: ['liar'] })).toEqual(failsWith('DIFF_ID_MISMATCH'))
  })

  it('of an image that lists fewer diffIDs than layers', async () => {
    const dir = await emptyDir()
    await writeApp(dir)
    const { manifest } = await dir.openImage('app')
    const { descriptor: config } = await dir.writeDocument(
      { ...amd64, rootfs: { type: 'layers', diff_ids: [] } },
      { mediaType: mediaTypes.config },
    )
    await dir.insertManifest({ ...manifest.value, config }, { tag: 'app' })
    expect(await refused(dir)).toEqual(failsWith('DOCUMENT_INVALID', { at: '/rootfs/diff_ids' }))
  })

  it('whose compression has no codec here', async () => {
    const dir = await emptyDir()
    await writeApp(dir)
    expect(await refused(dir, { codec: identity })).toEqual(failsWith('CODEC_MISSING'))
  })

  const faults: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array | undefined, string])[] = [
    ['one flipped byte', bytes => bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)), 'DIGEST_MISMATCH'],
    ['one byte less', bytes => bytes.slice(0, -1), 'SIZE_MISMATCH'],
    ['no blob', () => undefined, 'BLOB_MISSING'],
  ]
  it.each(faults)('for %s of any blob of the source', async (_name, fault, code) => {
    const dir = await emptyDir()
    await writeApp(dir)
    const sound = await RawStorage.copyOf(dir.storage)
    const blobs = [...sound.files.keys()].filter(path => path.startsWith('blobs/'))
    expect(blobs).toHaveLength(5)
    for (const path of blobs) {
      const storage = new RawStorage(sound.files)
      storage.change(path, fault)
      const thrown = await refused(await OciDir.open(storage))
      // Also where a flipped byte meets the compression's own checks first.
      expect(thrown, path).toEqual(failsWith(code))
    }
  })
})

it('P9: aborted at each chunk it rejects with the reason, names nothing and leaves nothing staged', async () => {
  const dir = await emptyDir()
  await writeApp(dir, { size: 500_000 })
  const chunksOf = async (): Promise<number> => {
    let chunks = 0
    const target = await emptyDir()
    seeChunks(target.storage, () => chunks++)
    await transcode(dir, target, toPlain)
    return chunks
  }
  const whole = await chunksOf()
  let fired = 0
  for (let k = 1; k <= whole; k++) {
    const target = await emptyDir()
    const controller = new AbortController()
    const reason = new Error(`at chunk ${k}`)
    let chunks = 0
    seeChunks(target.storage, () => {
      if (++chunks === k) controller.abort(reason)
    })
    const ended = transcode(dir, target, { ...toPlain, signal: controller.signal })
    const thrown = await ended.catch(error => error)
    if (thrown === reason) fired += 1
    expect(thrown, `chunk ${k} of ${whole}`).toBe(reason)
    expect((await namesIn(target.storage)).filter(name => name.startsWith('.ocidir'))).toEqual([])
    expect((await target.readIndex()).value.manifests).toEqual([])
  }
  console.log(`P9, transcode: ${whole} aborts, ${fired} fired, nothing left`)
  expect(whole).toBeGreaterThan(5)
})

describe('a gc beside', () => {
  /** A storage that has one of the blobs taken away right before each of the first namings. */
  function taking(place: StorageAdapter, times: number): { storage: StorageAdapter; taken: string[] } {
    const taken: string[] = []
    const storage = forwarding(place, {
      async update(path, edit, options) {
        const required = options?.requires?.[taken.length]
        if (required !== undefined && taken.length < times) {
          taken.push(required)
          await place.remove(() => [required])
        }
        return place.update(path, edit, options)
      },
    })
    return { storage, taken }
  }

  it('may take any of the blobs before they are named: they are made again, and no more than these', async () => {
    const dir = await emptyDir()
    await writeApp(dir)
    const { storage, taken } = taking(memory(), 4)
    const target = await OciDir.ensure(storage)
    const reports: number[] = []
    let encoded = 0
    const codec: typeof identity = {
      ...identity,
      encode: source => {
        encoded += 1
        return source
      },
    }
    await transcode(dir, target, { ...toPlain, codec, onProgress: ({ bytes }) => reports.push(bytes) })
    expect(taken).toHaveLength(4)
    // Three layers, each of which was taken once; the fourth was the config.
    expect(encoded).toBe(6)
    expect(reports).toEqual([...reports].sort((a, b) => a - b))
    expect(await faultsIn(target.storage)).toEqual([])
    expect(await tagsIn(target)).toEqual(['app'])
  })

  it('that never ends has it give up, with nothing named', async () => {
    const dir = await emptyDir()
    await writeApp(dir)
    const place = memory()
    const hopeless = await OciDir.ensure(
      forwarding(place, {
        async update(path, edit, options) {
          const [first] = options?.requires ?? []
          if (first !== undefined) await place.remove(() => [first])
          return place.update(path, edit, options)
        },
      }),
    )
    await expect(transcode(dir, hopeless, toPlain)).rejects.toEqual(failsWith('BLOB_MISSING'))
    expect((await hopeless.readIndex()).value.manifests).toEqual([])
  })

  /** Has a gc without grace run right before some of the namings; waiting for a clock, it comes between none in a page. */
  function collected(
    place: StorageAdapter,
    seed: number,
  ): { storage: StorageAdapter; removed: () => number } {
    const below = lots(seed)
    let removed = 0
    const storage = forwarding(place, {
      async update(path, edit, options) {
        const taken = below(3) === 0 ? await collect(await OciDir.open(place)) : 0
        removed += taken
        return place.update(path, edit, options)
      },
    })
    return { storage, removed: () => removed }
  }

  /** Eight at once within one layout, beside a gc without grace; lost is what is named and isn't whole. */
  async function race(name: string, over: (place: StorageAdapter) => StorageAdapter): Promise<Tally> {
    const tally = new Tally(name)
    for (let round = 0; round < rounds; round++) {
      const place = memory()
      const sound = await OciDir.ensure(place)
      const images = Array.from({ length: 8 }, (_, i) => ({
        tag: `app-${i}`,
        as: `plain-${i}`,
        seed: 10 * i,
      }))
      for (const image of images) await writeApp(sound, image)
      const { storage, removed } = collected(over(place), round + 1)
      const dir = await OciDir.open(storage)
      await Promise.all(
        images.map(({ tag, as }) => {
          const options = { ...toPlain, refs: [tag], as }
          // Taken from at every one of its attempts it gives up, and is begun again.
          return untilWritten(() => transcode(dir, dir, options).then(() => {}))
        }),
      )
      tally.attempts++
      if (removed() > 0) tally.fired++
      const tags = await tagsIn(dir)
      if (images.some(({ as }) => !tags.includes(as)) || !(await fsck(place)).ok) tally.losses++
    }
    return tally.report()
  }

  it('P8: takes nothing that eight transcodings within one layout have named', {
    timeout: 120_000,
  }, async () => {
    const tally = await race('P8: transcodings beside gc, in memory', place => place)
    expect(tally).toMatchObject({ losses: 0 })
    const broken = await race(
      'P8: transcodings over a storage that forgets requires (broken on purpose)',
      heedless,
    )
    expect(broken.losses).toBeGreaterThan(0)
  })
})

it('a layer that fails ends the others that are under way, and waits for them', async () => {
  const dir = await emptyDir()
  let image = draft(amd64)
  for (let seed = 0; seed < 6; seed++) {
    const layer = await dir.writeLayer(bytesOf(300_000, seed), { codec: gzip({ level: 1 }) })
    image = pushLayer(image, seed === 3 ? { ...layer, diffId: `sha256:${'3'.repeat(64)}` } : layer)
  }
  await dir.writeImage(image, { tag: 'app' })
  const target = await emptyDir()
  const call = transcode(dir, target, { ...toPlain, concurrency: 6 })
  await expect(call).rejects.toEqual(failsWith('DIFF_ID_MISMATCH'))
  const after = await namesIn(target.storage)
  expect(after.filter(name => name.startsWith('.ocidir'))).toEqual([])
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(await namesIn(target.storage)).toEqual(after)
})

it("blobs of an external place needn't come, and those that are made go into the layout", async () => {
  const place = memory()
  const store = await OciDir.ensure(place)
  await writeApp(store)
  const own = memory()
  await OciDir.ensure(own)
  const dir = await OciDir.open(own, { blobs: place })
  await transcode(store, dir, toPlain)
  const { manifest, config } = await dir.openImage('app')
  const has = async ({ digest }: Descriptor): Promise<boolean> =>
    (await own.open(blobPath(digest))) !== undefined
  expect(await has(config.descriptor)).toBe(false)
  for (const blob of [manifest.descriptor, ...manifest.value.layers]) expect(await has(blob)).toBe(true)
})
