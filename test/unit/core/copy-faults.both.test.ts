/** copy where something is wrong: sources that are broken, aborts, copies at once, a gc beside. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { type CopyResult, copy } from '../../../src/copy/copy.ts'
import { blobPath } from '../../../src/digest.ts'
import { isOciError, OciError } from '../../../src/errors.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { type Descriptor, mediaTypes } from '../../../src/spec.ts'
import type { StagedFile, StorageAdapter } from '../../../src/storage.ts'
import { seeChunks } from '../../setup/see-chunks.ts'
import { Tally } from '../../setup/tally.ts'
import { forwarding } from '../../suites/index.ts'
import { library, namesIn, tagsIn, textAt } from './library.ts'
import { RawStorage } from './raw-storage.ts'
import {
  addBlob,
  addImage,
  addIndex,
  amd64,
  arm64,
  emptyDir,
  failsWith,
  named,
  rawLayout,
} from './samples.ts'

describe('a copy that fails', () => {
  const faults: readonly [string, (bytes: Uint8Array) => Uint8Array | undefined, string][] = [
    [
      'one flipped byte',
      bytes => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)),
      'DIGEST_MISMATCH',
    ],
    ['one byte less', bytes => bytes.slice(0, -1), 'SIZE_MISMATCH'],
    ['one byte more', bytes => Uint8Array.of(...bytes, 0), 'SIZE_MISMATCH'],
    ['no blob', () => undefined, 'BLOB_MISSING'],
  ]
  it.each(faults)(
    'for %s of any blob publishes nothing of it and leaves the index',
    async (_name, fault, code) => {
      const sound = await library()
      const blobs = [...sound.files.keys()].filter(path => path.startsWith('blobs/'))
      // Children of a nested index may be missing: that is a sparse layout, and no fault.
      const nested = (await OciDir.open(sound).then(dir => dir.readDocument(childIndex(sound)))).value
      const mayMiss = new Set(code === 'BLOB_MISSING' ? pathsOf(nested) : [])
      let attempts = 0
      for (const path of blobs) {
        if (mayMiss.has(path)) continue
        const storage = new RawStorage(sound.files)
        storage.change(path, fault)
        const target = await emptyDir()
        const before = await textAt(target.storage, 'index.json')
        attempts += 1
        const thrown = await copy(await OciDir.open(storage), target).catch(error => error)
        expect(isOciError(thrown) && thrown.code, path).toBe(code)
        const names = await namesIn(target.storage)
        expect(names).not.toContain(path)
        expect(names.filter(name => name.startsWith('.ocidir'))).toEqual([])
        expect(await textAt(target.storage, 'index.json')).toBe(before)
        for (const name of names.filter(name => name.startsWith('blobs/')))
          expect(await (await target.storage.open(name as 'index.json'))?.bytes()).toEqual(
            sound.files.get(name),
          )
      }
      expect(attempts).toBe(13 - mayMiss.size)
    },
  )

  function childIndex(storage: RawStorage): Descriptor {
    return JSON.parse(new TextDecoder().decode(storage.files.get('index.json'))).manifests[0]
  }

  function pathsOf(index: { readonly manifests?: unknown }): string[] {
    return Array.isArray(index.manifests) ? index.manifests.map(({ digest }) => blobPath(digest)) : []
  }

  it('for a document that no reader takes copies nothing of it', async () => {
    const storage = new RawStorage()
    const both = await addBlob(storage, { schemaVersion: 2, manifests: [], layers: [] }, mediaTypes.index)
    rawLayout(storage, [both])
    const target = await emptyDir()
    await expect(copy(await OciDir.open(storage), target)).rejects.toEqual(failsWith('DOCUMENT_INVALID'))
    expect(await namesIn(target.storage)).toEqual(['index.json', 'oci-layout'])
  })

  it.each(['streamed', 'adopted'])(
    'P9: aborted at each chunk it rejects with the reason, and leaves nothing staged (%s)',
    async way => {
      const source = await OciDir.open(way === 'adopted' ? await inMemory() : await largeLayout())
      const whole = await chunksOfCopy(source)
      let fired = 0
      for (let k = 1; k <= whole; k++) {
        const target = await emptyDir()
        const controller = new AbortController()
        const reason = new Error(`at chunk ${k}`)
        let chunks = 0
        seeChunks(target.storage, () => {
          if (++chunks === k) controller.abort(reason)
        })
        const ended = copy(source, target, { signal: controller.signal })
        const thrown = await ended.catch(error => error)
        if (thrown === reason) fired += 1
        expect(thrown, `chunk ${k} of ${whole}`).toBe(reason)
        expect((await namesIn(target.storage)).filter(name => name.startsWith('.ocidir'))).toEqual([])
        expect((await target.readIndex()).value.manifests).toEqual([])
      }
      console.log(`P9, ${way}: ${whole} aborts, ${fired} fired, nothing left`)
      expect(fired).toBe(whole)
      expect(whole).toBeGreaterThanOrEqual(way === 'adopted' ? 12 : 40)
    },
  )

  async function chunksOfCopy(source: OciDir): Promise<number> {
    let chunks = 0
    const target = await emptyDir()
    seeChunks(target.storage, () => chunks++)
    await copy(source, target)
    return chunks
  }

  /** Some images with layers of several chunks (a raw storage gives 1,000 bytes at a time). */
  async function largeLayout(): Promise<RawStorage> {
    const storage = new RawStorage()
    const images = []
    for (let i = 0; i < 4; i++) images.push(await addImage(storage, amd64, `${i}`.repeat(7_500)))
    return rawLayout(
      storage,
      images.map((image, i) => named(image, `${i}`)),
    )
  }

  async function inMemory(): Promise<StorageAdapter> {
    const target = await emptyDir()
    await copy(await OciDir.open(await largeLayout()), target)
    return target.storage
  }

  it('P3: failing at each call of the target it leaves the old index or the new one, and nothing staged', async () => {
    const tally = await atEachCall('P3: copy, calls of the target that fail once', copy)
    expect(tally).toMatchObject({ losses: 0, fired: tally.attempts })
    const early: Copier = async (source, target) => {
      const index = await (await source.storage.open('index.json'))?.bytes()
      await target.storage.update('index.json', () => index)
      return copy(source, target)
    }
    const broken = await atEachCall('P3: copy that names before it copies (broken on purpose)', early)
    expect(broken.losses).toBeGreaterThan(0)
  })

  type Copier = (source: OciDir, target: OciDir<StorageAdapter>) => Promise<unknown>

  async function atEachCall(name: string, copier: Copier): Promise<Tally> {
    const source = await OciDir.open(await library())
    const tally = new Tally(name)
    const { calls, thrown } = await failingAt(-1, copier, source)
    expect(thrown).toBeUndefined()
    for (let k = 1; k <= calls; k++) {
      const { place, thrown } = await failingAt(k, copier, source)
      tally.attempts++
      if (isOciError(thrown, 'STORAGE_FAILED')) tally.fired++
      const staged = (await namesIn(place)).filter(name => name.startsWith('.ocidir'))
      const { manifests } = (await (await OciDir.open(place)).readIndex()).value
      const { ok } = await fsck(place)
      if (staged.length > 0 || manifests.length > 0 || !ok) tally.losses++
    }
    return tally.report()
  }

  async function failingAt(
    failing: number,
    copier: Copier,
    source: OciDir,
  ): Promise<{ calls: number; place: StorageAdapter; thrown: unknown }> {
    const place = memory()
    await OciDir.ensure(place)
    let calls = Number.NEGATIVE_INFINITY
    const call = async <T>(work: () => Promise<T>): Promise<T> => {
      if (++calls === failing) throw new OciError('STORAGE_FAILED', { storage: 'faulty', operation: 'any' })
      return work()
    }
    const faulty = forwarding(place, {
      open: (path, options) => call(() => place.open(path, options)),
      adopt: (file, options) => call(async () => place.adopt?.(file, options)),
      stage: options => call(async () => faultyStaged(await place.stage(options), call)),
      update: (path, edit, options) => call(() => place.update(path, edit, options)),
    })
    const target = await OciDir.open(faulty)
    calls = 0
    const thrown = await copier(source, target).then(
      () => undefined,
      error => error,
    )
    return { calls, place, thrown }
  }

  function faultyStaged(staged: StagedFile, call: <T>(work: () => Promise<T>) => Promise<T>): StagedFile {
    const sink = staged.writable.getWriter()
    const writable = new WritableStream<Uint8Array>({
      write: chunk => call(() => sink.write(chunk)),
      close: () => call(() => sink.close()),
      abort: reason => sink.abort(reason),
    })
    return { writable, discard: () => staged.discard(), commit: path => call(() => staged.commit(path)) }
  }

  it('for one blob ends the others that are under way, and waits for them', async () => {
    const storage = new RawStorage()
    const images = []
    for (let i = 0; i < 6; i++) images.push(await addImage(storage, amd64, `${i}`.repeat(50_000)))
    rawLayout(storage, images)
    const broken =
      [...storage.files].find(([, bytes]) => bytes.length === 50_000 && bytes[0] === 0x33)?.[0] ?? ''
    storage.change(broken, bytes => bytes.map((byte, i) => (i === 0 ? 0 : byte)))
    const target = await emptyDir()
    await expect(copy(await OciDir.open(storage), target, { concurrency: 6 })).rejects.toEqual(
      failsWith('DIGEST_MISMATCH'),
    )
    const after = await namesIn(target.storage)
    expect(after.filter(name => name.startsWith('.ocidir'))).toEqual([])
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(await namesIn(target.storage)).toEqual(after)
  })
})

describe('copies at once', () => {
  it('of overlapping images into one target lose nothing', async () => {
    const storage = new RawStorage()
    const shared = await addImage(storage, amd64, 'shared')
    const entries = []
    for (let i = 0; i < 32; i++) {
      const own = await addImage(storage, arm64, `own ${i}`)
      entries.push(named(await addIndex(storage, [shared, own]), `tag-${i}`))
    }
    rawLayout(storage, entries)
    const source = await OciDir.open(storage)
    const target = await emptyDir()
    const results = await Promise.all(
      entries.map((_, i) => copy(source, target, { refs: [`tag-${i}`], concurrency: 2 })),
    )
    const tags = await tagsIn(target)
    console.log(`copies at once: ${results.length} copies, ${tags.length} tags`)
    expect(tags.sort()).toEqual(entries.map((_, i) => `tag-${i}`).sort())
    expect(await fsck(target.storage)).toMatchObject({ ok: true, counts: { unreferenced: 0 } })
  })

  it('beside a gc bring again what it took, a few times', async () => {
    const source = await OciDir.open(await library())
    const taken: string[] = []
    /** Removes one blob right before each of the first updates, as a gc without grace may. */
    const besideGc = (times: number): StorageAdapter => {
      const place = memory()
      return forwarding(place, {
        async update(path, edit, options) {
          const [blob] = (await namesIn(place)).filter(name => name.startsWith('blobs/'))
          if (options?.requires && blob !== undefined && times-- > 0) {
            taken.push(blob)
            await place.remove(() => [blob as 'blobs/a/b'])
          }
          return place.update(path, edit, options)
        },
      })
    }
    const target = await OciDir.ensure(besideGc(4))
    const reports: number[] = []
    const result: CopyResult = await copy(source, target, { onProgress: ({ bytes }) => reports.push(bytes) })
    expect(taken).toHaveLength(4)
    expect(result).toMatchObject({ copied: 13, present: 0 })
    expect(reports).toEqual([...reports].sort((a, b) => a - b))
    expect(await fsck(target.storage)).toMatchObject({ ok: true, validated: 13 })
    const hopeless = await OciDir.ensure(besideGc(99))
    await expect(copy(source, hopeless)).rejects.toEqual(failsWith('BLOB_MISSING'))
    expect((await hopeless.readIndex()).value.manifests).toEqual([])
  })
})
