/** copy of a large blob that is ended in its midst, in memory: the next one goes on there, and believes nothing. */

import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { cloneTo, copy } from '../../../src/copy/copy.ts'
import { leastResumed } from '../../../src/copy/resume.ts'
import { createHasher } from '../../../src/digest.ts'
import { engine } from '../../../src/engine.ts'
import { isOciError, OciError } from '../../../src/errors.ts'
import { fsck } from '../../../src/fsck.ts'
import { gc } from '../../../src/gc.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { Hasher, ResumableFile, StorageAdapter } from '../../../src/storage.ts'
import { equalBytes } from '../../../src/streams.ts'
import { noise, prng } from '../../golden/inputs.ts'
import { rounds, seed } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'
import { forwarding } from '../../suites/index.ts'
import { namesIn } from './library.ts'
import { LargeSource, largeSize, largeTag } from './resumable.ts'
import { failsWith } from './samples.ts'

let source: LargeSource
let from: OciDir
let place: StorageAdapter
let target: OciDir<StorageAdapter>

beforeAll(async () => {
  source = await LargeSource.make()
  from = await source.dir()
})
beforeEach(async () => {
  source.read = 0
  source.breaksOff = undefined
  source.change = chunk => chunk
  place = memory()
  target = await OciDir.ensure(place)
})

/** Copies until so many bytes of the large blob were read, then aborts. Gives what the copy threw. */
async function endAt(bytes: number, to: OciDir<StorageAdapter> = target, options = {}): Promise<unknown> {
  const controller = new AbortController()
  const reason = new Error(`after ${bytes} bytes`)
  const before = source.read
  source.rest = async () => {
    if (source.read - before >= bytes) controller.abort(reason)
  }
  const thrown = await copy(from, to, { ...options, signal: controller.signal }).catch(error => error)
  source.rest = async () => {}
  return thrown === reason ? 'ended' : thrown
}

async function stagedIn(storage: StorageAdapter = place): Promise<string[]> {
  return (await namesIn(storage)).filter(name => name.startsWith('.ocidir'))
}

async function isWhole(dir: OciDir<StorageAdapter>): Promise<boolean> {
  return expectWhole(dir).then(
    () => true,
    () => false,
  )
}

/** The layout is whole, and the large blob is the source's. */
async function expectWhole(dir: OciDir<StorageAdapter> = target): Promise<void> {
  expect(await fsck(dir.storage)).toMatchObject({ ok: true, validated: 3, findings: [] })
  const bytes = await (await dir.storage.open(source.path))?.bytes()
  expect(bytes !== undefined && equalBytes(bytes, source.bytes)).toBe(true)
  expect(await stagedIn(dir.storage)).toEqual([])
}

describe('a copy that was ended', () => {
  const times = rounds({ short: 25, long: 500 })

  it(`goes on where it was, ended ${times} times at random`, async () => {
    const random = prng(seed)
    const tally = new Tally('P9: a copy aborted at a random byte, and gone on with')
    for (let i = 0; i < times; i++) {
      const at = 1 + (random() % largeSize)
      const dir = await OciDir.ensure(memory())
      source.read = 0
      tally.attempts++
      expect(await endAt(at, dir), `byte ${at}`).toBe('ended')
      const before = source.read
      source.read = 0
      const { resumed } = await copy(from, dir)
      tally.fired += resumed
      // No byte twice: what was read before and not kept was on its way when the abort came.
      if (resumed > 0) expect(before + source.read, `byte ${at}`).toBe(largeSize)
      if (!(await isWhole(dir))) tally.losses++
    }
    expect(tally.report()).toMatchObject({ losses: 0 })
    expect(tally.fired).toBeGreaterThan(0.9 * times)
  })

  it('goes on through many ends of the source, by an error or as if it were at its end', async () => {
    for (const error of [new Error('connection lost'), undefined]) {
      const dir = await OciDir.ensure(memory())
      source.read = 0
      source.breaksOff = { after: 1_000_000, error }
      for (let i = 1; i <= 6; i++) {
        const thrown = await copy(from, dir, { concurrency: 1 }).catch(thrown => thrown)
        if (error !== undefined) expect(thrown).toBe(error)
        else expect(thrown).toEqual(failsWith('STORAGE_CHANGED'))
        expect(source.read).toBe(i * 1_000_000)
      }
      expect(await copy(from, dir)).toMatchObject({ resumed: 1 })
      expect(source.read).toBe(largeSize)
      await expectWhole(dir)
    }
  })

  it('is gone on with by cloneTo, too', async () => {
    const storage = memory()
    source.breaksOff = { after: 5_000_000, error: new Error('connection lost') }
    await expect(cloneTo(from, storage)).rejects.toThrow('connection lost')
    source.breaksOff = undefined
    source.read = 0
    expect(await cloneTo(from, storage)).toMatchObject({ resumed: 1 })
    expect(source.read).toBe(largeSize - 5_000_000)
  })

  it('counts what is kept as passed, and tells its progress never backwards', async () => {
    await endAt(4_000_000)
    const reports: number[] = []
    const { bytes } = await copy(from, target, { onProgress: progress => reports.push(progress.bytes) })
    expect(reports).toEqual([...reports].sort((a, b) => a - b))
    expect(reports[0]).toBeGreaterThanOrEqual(4_000_000)
    expect(bytes).toBeGreaterThan(largeSize)
    expect(reports.at(-1)).toBeGreaterThanOrEqual(bytes)
  })

  it('leaves what came as staged, which gc sweeps', async () => {
    await endAt(4_000_000)
    expect(await stagedIn()).toHaveLength(1)
    expect((await fsck(place)).ok).toBe(true)
    await gc(target)
    expect(await stagedIn()).toHaveLength(1)
    await gc(target, { sweepOlderThan: 0 })
    expect(await stagedIn()).toEqual([])
    source.read = 0
    expect(await copy(from, target)).toMatchObject({ resumed: 0 })
    expect(source.read).toBe(largeSize)
  })

  it('leaves nothing where it is told so', async () => {
    expect(await endAt(4_000_000, target, { resume: false })).toBe('ended')
    expect(await stagedIn()).toEqual([])
    await endAt(4_000_000)
    expect(await copy(from, target, { resume: false })).toMatchObject({ resumed: 0 })
  })

  it('leaves nothing of a blob that is fetched as fast anew', async () => {
    source = await LargeSource.make(2, leastResumed - 1)
    from = await source.dir()
    try {
      expect(await endAt(3_000_000)).toBe('ended')
      expect(await stagedIn()).toEqual([])
    } finally {
      source = await LargeSource.make()
      from = await source.dir()
    }
  })

  it('lets another copy of the same blob, at the same time, go its own way', async () => {
    await endAt(4_000_000)
    source.read = 0
    // Else the first may be done before the others look for the blob.
    source.rest = () => new Promise(resolve => setTimeout(resolve, 5))
    const results = await Promise.all([copy(from, target), copy(from, target), copy(from, target)])
    expect(results.reduce((sum, { resumed }) => sum + resumed, 0)).toBe(1)
    expect(source.read).toBeGreaterThan(largeSize)
    await expectWhole()
  })
})

describe('the state of the hash', () => {
  /** Hashers that count what they take. */
  function counting(saves: boolean): { hasher(algorithm: 'sha256' | 'sha512'): Hasher; taken: number } {
    const counts = {
      taken: 0,
      hasher: (algorithm: 'sha256' | 'sha512'): Hasher => watched(makers[algorithm]?.() ?? spent()),
    }
    const watched = (hasher: Hasher): Hasher => ({
      update(bytes) {
        counts.taken += bytes.length
        hasher.update(bytes)
      },
      hex: () => hasher.hex(),
      ...(saves && {
        save() {
          const state = hasher.save?.()
          return { restore: async () => watched((await state?.restore()) ?? spent()) }
        },
      }),
    })
    return counts
  }

  const makers: Record<string, (() => Hasher) | undefined> = {}
  const spent = (): never => {
    throw new Error('no hasher')
  }
  beforeEach(async () => {
    const ready: Hasher[] = []
    for (let i = 0; i < 30; i++) ready.push(await createHasher('sha256'))
    makers.sha256 = () => ready.pop() ?? spent()
  })

  it('is restored by the storage that has it: no kept byte is hashed again', async () => {
    for (const saves of [true, false]) {
      const native = counting(saves)
      const dir = await OciDir.ensure(memory(), { engine: engine({ native }) })
      expect(await endAt(4_000_000, dir)).toBe('ended')
      source.read = 0
      native.taken = 0
      expect(await copy(from, dir)).toMatchObject({ resumed: 1 })
      // The manifest, too; without a state all of the blob.
      const hashed = native.taken - (saves ? source.read : largeSize)
      expect(hashed).toBeGreaterThan(0)
      expect(hashed).toBeLessThan(10_000)
      await expectWhole(dir)
    }
  })
})

describe('what is kept and wrong', () => {
  /** Leaves bytes as if they were the blob's. */
  async function leave(bytes: Uint8Array): Promise<void> {
    const part = await place.resume?.(source.path, { size: largeSize })
    const sink = part?.writable.getWriter()
    await sink?.write(bytes)
    await part?.leave()
  }

  it('is noticed and dropped, and the blob copied from its beginning', async () => {
    const flipped = source.bytes.slice(0, 5_000_000)
    flipped[2_345_678] = (flipped[2_345_678] ?? 0) ^ 1
    for (const wrong of [flipped, new Uint8Array(5_000_000), noise(1, 1), noise(largeSize, 1)]) {
      place = memory()
      target = await OciDir.ensure(place)
      await leave(wrong)
      source.read = 0
      expect(await copy(from, target)).toMatchObject({ copied: 3, resumed: 0 })
      expect(source.read).toBe(largeSize - wrong.length + largeSize)
      await expectWhole()
    }
  })

  it('is right by chance as well: all bytes, or none of them to be fetched', async () => {
    await leave(source.bytes)
    expect(await copy(from, target)).toMatchObject({ copied: 3, resumed: 1 })
    expect(source.read).toBe(0)
    await expectWhole()
  })

  it('that cannot be read is dropped, and the blob copied from its beginning', async () => {
    await endAt(5_000_000)
    const reads = { failed: 0 }
    const unreadable = forwarding(place, {
      async resume(path, options) {
        const part = await place.resume?.(path, options)
        const stream = (): ReadableStream<Uint8Array> =>
          new ReadableStream({
            pull(controller) {
              reads.failed++
              controller.error(new OciError('STORAGE_FAILED', { storage: 'faulty', operation: 'read' }))
            },
          })
        return part && { ...part, hashed: undefined, kept: { ...part.kept, stream } }
      },
    })
    source.read = 0
    const dir = await OciDir.open(unreadable)
    expect(await copy(from, dir)).toMatchObject({ resumed: 0 })
    expect(reads.failed).toBe(1)
    expect(source.read).toBe(largeSize)
    await expectWhole()
  })

  it('is not kept again: a source that is wrong is told, and leaves nothing', async () => {
    for (const resumes of [true, false]) {
      place = memory()
      target = await OciDir.ensure(place)
      if (resumes) expect(await endAt(4_000_000)).toBe('ended')
      source.change = chunk => chunk.map(byte => byte ^ 1)
      await expect(copy(from, target)).rejects.toEqual(failsWith('DIGEST_MISMATCH'))
      expect(await place.open(source.path)).toBeUndefined()
      expect(await stagedIn()).toEqual([])
      source.change = chunk => chunk
      await copy(from, target, { refs: [largeTag] })
      await expectWhole()
    }
  })
})

describe('a target at fault', () => {
  it('that is full gets its room back', async () => {
    await endAt(3_000_000)
    let writes = 0
    const full = forwarding(place, {
      async resume(path, options) {
        const part = await place.resume?.(path, options)
        const sink = part?.writable.getWriter()
        const writable = new WritableStream<Uint8Array>({
          async write(chunk) {
            if (++writes > 3) throw new OciError('STORAGE_FULL', { storage: 'full' })
            await sink?.write(chunk)
          },
        })
        return part && { ...part, writable }
      },
    })
    await expect(copy(from, await OciDir.open(full))).rejects.toEqual(failsWith('STORAGE_FULL'))
    expect(writes).toBe(4)
    expect(await stagedIn()).toEqual([])
  })

  it('keeps what it has when the listener fails over it, and throws what he threw', async () => {
    expect(await endAt(5_000_000)).toBe('ended')
    // Hashed anew, as by another storage on the place.
    const other = forwarding(place, {
      async resume(path, options) {
        const part = await place.resume?.(path, options)
        return part && { ...part, hashed: undefined }
      },
    })
    const onProgress = (): never => {
      throw new Error('the listener broke')
    }
    await expect(copy(from, await OciDir.open(other), { onProgress })).rejects.toThrow('the listener broke')
    source.read = 0
    expect(await copy(from, target)).toMatchObject({ resumed: 1 })
    expect(source.read).toBeLessThan(largeSize)
    await expectWhole()
  })

  it('P3: failing at each call it publishes nothing wrong, and the next copy succeeds', async () => {
    const tally = new Tally('P3: a resumed copy, calls of the target that fail once')
    const calls = (await failingAt(-1)).calls
    for (let k = 1; k <= calls; k++) {
      const { thrown, storage } = await failingAt(k)
      tally.attempts++
      if (isOciError(thrown, 'STORAGE_FAILED')) tally.fired++
      const found = await (await storage.open(source.path))?.bytes()
      if (found !== undefined && !equalBytes(found, source.bytes)) tally.losses++
      const dir = await OciDir.open(storage)
      if (thrown !== undefined) expect((await dir.readIndex()).value.manifests).toEqual([])
      await copy(from, dir)
      await expectWhole(dir)
    }
    expect(tally.report()).toMatchObject({ losses: 0 })
    expect(tally.fired).toBeGreaterThan(0.8 * tally.attempts)
  })

  interface Failed {
    readonly calls: number
    readonly thrown: unknown
    readonly storage: StorageAdapter
  }

  async function failingAt(failing: number): Promise<Failed> {
    const storage = memory()
    const dir = await OciDir.ensure(storage)
    await endAt(5_000_000, dir)
    let calls = Number.NEGATIVE_INFINITY
    const call = async <T>(work: () => T | Promise<T>): Promise<T> => {
      if (++calls === failing) throw new OciError('STORAGE_FAILED', { storage: 'faulty', operation: 'any' })
      return work()
    }
    const faulty = forwarding(storage, {
      open: (path, options) => call(() => storage.open(path, options)),
      resume: (path, options) =>
        call(async () => {
          const part = await storage.resume?.(path, options)
          return part && faultyPart(part, call)
        }),
    })
    const faultyDir = await OciDir.open(faulty)
    calls = 0
    const thrown = await copy(from, faultyDir).then(
      () => undefined,
      error => error,
    )
    return { calls, thrown, storage }
  }

  function faultyPart(
    part: ResumableFile,
    call: <T>(work: () => T | Promise<T>) => Promise<T>,
  ): ResumableFile {
    const sink = part.writable.getWriter()
    return {
      kept: part.kept,
      hashed: part.hashed && {
        size: part.hashed.size,
        state: {
          restore: () => call(() => part.hashed?.state.restore() ?? Promise.reject(new Error('none'))),
        },
      },
      writable: new WritableStream<Uint8Array>({
        write: chunk => call(() => sink.write(chunk)),
        close: () => call(() => sink.close()),
        abort: reason => sink.abort(reason),
      }),
      commit: options => call(() => part.commit(options)),
      leave: hashed => part.leave(hashed),
      discard: () => part.discard(),
    }
  }
})
