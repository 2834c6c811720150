/** A repair that is stopped at each of its calls, and one beside writers. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { blobPath, digestOf } from '../../../src/digest.ts'
import { isOciError, OciError } from '../../../src/errors.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { repair } from '../../../src/repair/repair.ts'
import { emptyDescriptor } from '../../../src/spec.ts'
import type { BlobPath, StagedFile, StorageAdapter } from '../../../src/storage.ts'
import { isLong, rounds } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'
import { forwarding } from '../../suites/index.ts'
import { RawStorage } from '../core/raw-storage.ts'
import {
  combined,
  type Damage,
  damages,
  type Holdings,
  holdingsOf,
  lossesBetween,
  namesIn,
  pour,
  sample,
} from './damage.ts'

/** What mends a layout; the right one, and wrong ones. */
type Mender = (storage: StorageAdapter, from: RawStorage) => Promise<unknown>

const right: Mender = (storage, from) => repair(storage, { from })

/** Takes the wrong bytes away before the good ones are there; `keeps` them under their digest, or nowhere. */
const removing =
  ({ keeps }: { readonly keeps: boolean }): Mender =>
  async (storage, from) => {
    const commit = async (path: BlobPath, bytes: Uint8Array): Promise<void> => {
      const staged = await storage.stage()
      const sink = staged.writable.getWriter()
      await sink.write(bytes)
      await sink.close()
      await staged.commit(path)
    }
    for (const [path, good] of from.files) {
      if (!path.startsWith('blobs/')) continue
      const bytes = await (await storage.open(path as BlobPath))?.bytes()
      if (bytes === undefined || String(bytes) === String(good)) continue
      if (keeps) await commit(blobPath(await digestOf(bytes)), bytes)
      await storage.remove(() => [path as BlobPath])
      await commit(path as BlobPath, good)
    }
  }

/** How a fault goes: this call alone, or all from this one on, as for a process that was killed. */
type Way = 'once' | 'from then on'

interface Run {
  readonly calls: number
  readonly fired: boolean
  readonly thrown: unknown
  readonly losses: readonly string[]
  /** What a second repair, undisturbed, leaves to be mended. */
  readonly errors: number
}

/** A layout that was hurt, as it was before and what it holds now. */
async function hurtBy(damage: Damage): Promise<{ raw: RawStorage; whole: RawStorage; before: Holdings }> {
  const { raw, parts } = await sample()
  const whole = new RawStorage(raw.files)
  damage.hurt(raw, parts)
  return { raw, whole, before: await holdingsOf(await pour(raw, memory())) }
}

async function run(
  { raw, whole, before }: Awaited<ReturnType<typeof hurtBy>>,
  mender: Mender,
  fault: { at: number; way: Way },
): Promise<Run> {
  const place = await pour(raw, memory())
  let calls = 0
  let fired = false
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    calls += 1
    if (calls === fault.at || (calls > fault.at && fault.at > 0 && fault.way === 'from then on')) {
      fired = true
      throw new OciError('STORAGE_FAILED', { storage: 'faulty', operation: 'any' })
    }
    return work()
  }
  const thrown = await mender(faulty(place, call), whole).then(
    () => undefined,
    error => error,
  )
  const losses = lossesBetween(before, await holdingsOf(place))
  const { after } = await repair(place, { from: whole })
  return { calls, fired, thrown, losses, errors: after.counts.errors }
}

type Call = <T>(work: () => Promise<T>) => Promise<T>

function faulty(place: StorageAdapter, call: Call): StorageAdapter {
  return forwarding(place, {
    open: (path, options) => call(() => place.open(path, options)),
    async *list(options) {
      await call(async () => {})
      yield* place.list(options)
    },
    adopt: (file, options) => call(async () => place.adopt?.(file, options)),
    stage: options => call(async () => faultyStaged(await place.stage(options), call)),
    update: (path, edit, options) => call(() => place.update(path, edit, options)),
    remove: (choose, options) => call(() => place.remove(choose, options)),
  })
}

function faultyStaged(staged: StagedFile, call: Call): StagedFile {
  const sink = staged.writable.getWriter()
  const writable = new WritableStream<Uint8Array>({
    write: chunk => call(() => sink.write(chunk)),
    close: () => call(() => sink.close()),
    abort: reason => sink.abort(reason),
  })
  return { writable, discard: () => staged.discard(), commit: path => call(() => staged.commit(path)) }
}

/** Which calls fail: in the long form each, in the short one each in one of the two ways. */
interface Sweep {
  readonly way: Way
  readonly damages: readonly Damage[]
}

async function atEachCall(tally: Tally, mender: Mender, { way, damages }: Sweep): Promise<Tally> {
  for (const damage of damages) {
    const hurt = await hurtBy(damage)
    const { calls } = await run(hurt, mender, { at: -1, way })
    const step = rounds({ short: 2, long: 1 })
    for (let at = way === 'once' ? step : 1; at <= calls; at += step) {
      const { fired, thrown, losses, errors } = await run(hurt, mender, { at, way })
      tally.attempts += 1
      if (fired) tally.fired += 1
      const isUntyped = thrown !== undefined && !isOciError(thrown)
      if (losses.length === 0 && !isUntyped && errors === 0) continue
      tally.losses += 1
      if (mender === right) console.log(`${damage.name}, call ${at}:`, losses, errors, thrown)
    }
  }
  return tally.report()
}

describe('a repair that is stopped', () => {
  it('P3: at each call, once or for good, leaves nothing worse, and a second one mends all', {
    timeout: 600_000,
  }, async () => {
    const all = isLong ? [...combined, ...damages] : combined
    for (const way of ['once', 'from then on'] as const) {
      const tally = new Tally(`P3: repair, calls that fail ${way}`)
      await atEachCall(tally, right, { way, damages: all })
      expect(tally).toMatchObject({ losses: 0, fired: tally.attempts })
    }
    const sweep: Sweep = { way: 'from then on', damages: combined.slice(0, 1) }
    const hasty = new Tally('P3: repair that removes before it keeps (broken on purpose)')
    expect((await atEachCall(hasty, removing({ keeps: false }), sweep)).losses).toBeGreaterThan(0)
    // Nothing is lost at once, but gc takes the layers of a manifest that is gone for an instant.
    const gap = new Tally('P3: repair that leaves a name empty on the way (broken on purpose)')
    expect((await atEachCall(gap, removing({ keeps: true }), sweep)).losses).toBeGreaterThan(0)
  })

  it('P9: by an abort rejects with its reason, and leaves nothing worse', async () => {
    const tally = new Tally('P9: repair, aborted at each report of progress')
    for (const damage of combined) {
      for (let at = 1, isOver = false; !isOver; at += rounds({ short: 5, long: 1 })) {
        const { raw, parts } = await sample()
        const from = new RawStorage(raw.files)
        damage.hurt(raw, parts)
        const place = await pour(raw, memory())
        const before = await holdingsOf(place)
        const controller = new AbortController()
        const reason = new Error(`report ${at}`)
        let reports = 0
        const onProgress = (): void => {
          if (++reports === at) controller.abort(reason)
        }
        const thrown = await repair(place, { from, signal: controller.signal, onProgress }).then(
          () => undefined,
          error => error,
        )
        isOver = reports < at
        if (isOver) break
        tally.attempts += 1
        if (thrown === reason) tally.fired += 1
        const { staged } = await holdingsOf(place)
        if (lossesBetween(before, await holdingsOf(place)).length + staged > 0) tally.losses += 1
      }
    }
    // The last report may come when all is done.
    expect(tally.report().fired).toBeGreaterThanOrEqual(tally.attempts - combined.length)
    expect(tally.losses).toBe(0)
  })
})

describe('a repair beside writers', () => {
  /** Tags at the worst moments: right before each edit of index.json, and meanwhile. */
  async function beside(tally: Tally, mender: Mender): Promise<Tally> {
    for (const damage of [...combined, ...damages]) {
      const { raw, parts } = await sample()
      const whole = new RawStorage(raw.files)
      damage.hurt(raw, parts)
      const place = await pour(raw, memory())
      const given: string[] = []
      const tagger = async (): Promise<void> => {
        const dir = await OciDir.open(place).catch(() => undefined)
        const tag = `tag-${given.length}`
        const manifest = {
          schemaVersion: 2,
          config: emptyDescriptor,
          layers: [],
          annotations: { tag },
        } as const
        // Where index.json can't be read, a writer can't write it.
        const done = await dir?.insertManifest(manifest, { tag }).catch(() => undefined)
        if (done) given.push(tag)
      }
      const storage = forwarding(place, {
        async update(path, edit, options) {
          await tagger()
          return place.update(path, edit, options)
        },
        async remove(choose, options) {
          await tagger()
          return place.remove(choose, options)
        },
      })
      await mender(storage, whole)
      const names = namesIn(await (await place.open('index.json'))?.bytes())
      tally.attempts += 1
      tally.fired += given.length
      tally.losses += given.filter(name => !names.includes(name)).length
    }
    return tally.report()
  }

  it('P5: loses no tag that is given meanwhile', async () => {
    expect((await beside(new Tally('P5: tags given beside repair'), right)).losses).toBe(0)
    const blind: Mender = async (storage, from) => {
      const index = from.files.get('index.json')
      await storage.update('index.json', () => index)
    }
    const broken = new Tally('P5: repair that writes the index it has read before (broken on purpose)')
    expect((await beside(broken, blind)).losses).toBeGreaterThan(0)
  })
})
