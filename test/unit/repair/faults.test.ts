/** A repair that is stopped at each of its calls, and one beside writers. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { blobPath, digestOf } from '../../../src/digest.ts'
import { isOciError } from '../../../src/errors.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { repair } from '../../../src/repair/repair.ts'
import { emptyDescriptor } from '../../../src/spec.ts'
import type { BlobPath, ReadableStorage, StorageAdapter } from '../../../src/storage.ts'
import { type FaultKind, type FaultOrder, namedCalls } from '../../promises/faults.ts'
import { contractFaults, faultyStorage } from '../../promises/faulty-storage.ts'
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
type Mender = (storage: StorageAdapter, from: ReadableStorage, whole: RawStorage) => Promise<unknown>

const right: Mender = (storage, from) => repair(storage, { from })

/** Takes the wrong bytes away before the good ones are there; `keeps` them under their digest, or nowhere. */
const removing =
  ({ keeps }: { readonly keeps: boolean }): Mender =>
  async (storage, _from, whole) => {
    const commit = async (path: BlobPath, bytes: Uint8Array): Promise<void> => {
      const staged = await storage.stage()
      const sink = staged.writable.getWriter()
      await sink.write(bytes)
      await sink.close()
      await staged.commit(path)
    }
    for (const [path, good] of whole.files) {
      if (!path.startsWith('blobs/')) continue
      const bytes = await (await storage.open(path as BlobPath))?.bytes()
      if (bytes === undefined || String(bytes) === String(good)) continue
      if (keeps) await commit(blobPath(await digestOf(bytes)), bytes)
      await storage.remove(() => [path as BlobPath])
      await commit(path as BlobPath, good)
    }
  }

/** What fails: this call alone, or all from this one on, as for a process that was killed. */
interface Sweep {
  readonly damages: readonly Damage[]
  readonly isLasting: boolean
  /** STORAGE_FAILED unless given. */
  readonly kind?: FaultKind
  /** The storage that good bytes come from fails, not the one that is mended. */
  readonly isSource?: boolean
  /** In the short form, only each so manieth call. */
  readonly stride: number
}

interface Run {
  readonly calls: readonly string[]
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
  { order, isSource = false }: { readonly order?: FaultOrder; readonly isSource?: boolean | undefined },
): Promise<Run> {
  const place = await pour(raw, memory())
  const faults = contractFaults()
  const from = isSource ? faultyStorage(await pour(whole, memory()), faults) : whole
  faults.begin(order)
  const thrown = await mender(isSource ? place : faultyStorage(place, faults), from, whole).then(
    () => undefined,
    error => error,
  )
  const { calls } = faults
  faults.end()
  const losses = lossesBetween(before, await holdingsOf(place))
  const { after } = await repair(place, { from: whole })
  return { calls, fired: faults.fired > 0, thrown, losses, errors: after.counts.errors }
}

/** In the long form, each call. */
async function atEachCall(tally: Tally, mender: Mender, sweep: Sweep): Promise<Tally> {
  const { damages, isSource, kind = 'error', isLasting } = sweep
  const stride = rounds({ short: sweep.stride, long: 1 })
  let first = 0
  for (const damage of damages) {
    const hurt = await hurtBy(damage)
    const { calls } = await run(hurt, mender, { isSource })
    const named = namedCalls(calls).filter(({ call }) => contractFaults().mayHit(kind, call))
    for (let i = first++ % stride; i < named.length; i += stride) {
      const order = { kind, isLasting, call: '', at: 0, ...named[i] }
      const { fired, thrown, losses, errors } = await run(hurt, mender, { isSource, order })
      tally.attempts += 1
      if (fired) tally.fired += 1
      const isUntyped = thrown !== undefined && !isOciError(thrown)
      if (losses.length === 0 && !isUntyped && errors === 0) continue
      tally.losses += 1
      if (mender === right) console.log(`${damage.name}, ${order.call} ${order.at}:`, losses, errors, thrown)
    }
  }
  return tally.report()
}

describe('a repair that is stopped', () => {
  const all = isLong ? [...combined, ...damages] : combined

  it('P3: at each call, once or for good, leaves nothing worse, and a second one mends all', {
    timeout: 600_000,
  }, async () => {
    for (const isLasting of [false, true]) {
      const tally = new Tally(`P3: repair, calls that fail ${isLasting ? 'from then on' : 'once'}`)
      await atEachCall(tally, right, { isLasting, damages: all, stride: 6 })
      expect(tally).toMatchObject({ losses: 0, fired: tally.attempts })
    }
    const sweep: Sweep = { isLasting: true, damages: combined.slice(0, 1), stride: 1 }
    const hasty = new Tally('P3: repair that removes before it keeps (broken on purpose)')
    expect((await atEachCall(hasty, removing({ keeps: false }), sweep)).losses).toBeGreaterThan(0)
    // Nothing is lost at once, but gc takes the layers of a manifest that is gone for an instant.
    const gap = new Tally('P3: repair that leaves a name empty on the way (broken on purpose)')
    expect((await atEachCall(gap, removing({ keeps: true }), sweep)).losses).toBeGreaterThan(0)
  })

  it('P3: by a medium that is full, leaves nothing worse, and a second one mends all', {
    timeout: 600_000,
  }, async () => {
    const tally = new Tally('P3: repair, no room from then on')
    await atEachCall(tally, right, { kind: 'quota', isLasting: true, damages: all, stride: 3 })
    expect(tally).toMatchObject({ losses: 0, fired: tally.attempts })
  })

  const ways: readonly Pick<Sweep, 'kind' | 'isLasting'>[] = [
    { kind: 'error', isLasting: false },
    { kind: 'error', isLasting: true },
    { kind: 'short read', isLasting: false },
  ]
  it.each(ways)(
    'P3: by its source ($kind), leaves nothing worse, and a second one mends all',
    {
      timeout: 600_000,
    },
    async way => {
      const tally = new Tally(
        `P3: repair, a source with ${way.kind} ${way.isLasting ? 'from then on' : 'once'}`,
      )
      await atEachCall(tally, right, { ...way, isSource: true, damages: all, stride: 1 })
      expect(tally).toMatchObject({ losses: 0, fired: tally.attempts })
    },
  )

  it('P3: the sweep sees a repair that believes its source', async () => {
    const believing: Mender = async (storage, from) => {
      for await (const { path } of from.list?.() ?? []) {
        const bytes = await (await from.open(path as BlobPath))?.bytes()
        if (!path.startsWith('blobs/') || bytes === undefined) continue
        await storage.remove(() => [path as BlobPath])
        const staged = await storage.stage()
        const sink = staged.writable.getWriter()
        await sink.write(bytes)
        await sink.close()
        await staged.commit(path as BlobPath)
      }
    }
    const tally = new Tally('P3: repair that believes its source (broken on purpose)')
    const sweep = { kind: 'short read', isLasting: false, isSource: true, stride: 1 } as const
    await atEachCall(tally, believing, { ...sweep, damages: combined.slice(0, 1) })
    expect(tally.losses).toBeGreaterThan(0)
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
      await mender(storage, whole, whole)
      const names = namesIn(await (await place.open('index.json'))?.bytes())
      tally.attempts += 1
      tally.fired += given.length
      tally.losses += given.filter(name => !names.includes(name)).length
    }
    return tally.report()
  }

  it('P5: loses no tag that is given meanwhile', async () => {
    expect((await beside(new Tally('P5: tags given beside repair'), right)).losses).toBe(0)
    const blind: Mender = async (storage, _from, whole) => {
      const index = whole.files.get('index.json')
      await storage.update('index.json', () => index)
    }
    const broken = new Tally('P5: repair that writes the index it has read before (broken on purpose)')
    expect((await beside(broken, blind)).losses).toBeGreaterThan(0)
  })
})
