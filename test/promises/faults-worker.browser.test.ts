/** P3 in the worker that writes large blobs: whichever call to the sync access handle fails. */

import { describe, expect, it } from 'vitest'
import { largeFiles } from '../../adapters/fsa/large-files.ts'
import { digestOf } from '../../src/digest.ts'
import { isOciError } from '../../src/errors.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { collect, equalBytes } from '../../src/streams.ts'
import { storageOver } from '../adapters/fsa-places.ts'
import { Tally } from '../setup/tally.ts'
import { bytesOf, entriesIn } from '../suites/material.ts'
import type { PlainOrder } from './faults.ts'
import type { WorkerOrder } from './faulty-worker.ts'

describe('the worker of opfs', () => {
  const content = bytesOf(2_500_000, 60)
  const orders: readonly Pick<PlainOrder, 'kind' | 'isLasting'>[] = [
    { kind: 'error', isLasting: false },
    { kind: 'quota', isLasting: false },
    { kind: 'short write', isLasting: false },
    { kind: 'error', isLasting: true },
    { kind: 'short write', isLasting: true },
  ]
  for (const { kind, isLasting } of orders) {
    const title = `opfs by a worker, ${kind} ${isLasting ? 'from then on' : 'once'}`
    it(`P3: ${title}: a typed error or the whole blob, nothing left, and a second try succeeds`, async () => {
      const tally = new Tally(`P3: ${title}`)
      const losses: string[] = []
      // Three buffers are written; what else is called has no counts.
      for (let at = 1; at <= (kind === 'short write' ? 3 : 7); at++) {
        tally.attempts++
        const { fired, lost } = await writeByWorker({ kind, at, isLasting }, content)
        tally.fired += fired
        losses.push(...lost.map(loss => `${kind} at call ${at}: ${loss}`))
      }
      tally.losses = losses.length
      tally.report()
      expect(losses).toEqual([])
      expect(tally.fired).toBe(tally.attempts)
    })
  }

  it('P3: opfs by a worker: one that ignores counts is found out', async () => {
    const tally = new Tally('P3: opfs by a worker that ignores counts (broken on purpose)')
    const order = { kind: 'short write', at: 2, isLasting: false, isCareless: true } as const
    const { fired, lost } = await writeByWorker(order, content)
    Object.assign(tally, { attempts: 1, fired, losses: lost.length })
    expect(tally.report().losses).toBeGreaterThan(0)
  })
})

/** Writes a blob, in spite of a fault and without one. */
async function writeByWorker(
  order: WorkerOrder,
  content: Uint8Array,
): Promise<{ fired: number; lost: readonly string[] }> {
  const name = `faults-worker-${crypto.randomUUID()}`
  const lost: string[] = []
  let fired = 0
  const told = new BroadcastChannel('faulty-worker')
  told.onmessage = () => {
    fired = 1
  }
  const worker = (): Worker =>
    new Worker(new URL('./faulty-worker.ts', import.meta.url), {
      type: 'module',
      name: JSON.stringify(order),
    })
  const storage = await storageOver(name, largeFiles([name], { worker, least: 0 }))
  const dir = await OciDir.ensure(storage)
  const first = await dir.writeBlob(content).catch((error: unknown) => error)
  if (first instanceof Error && !isOciError(first)) lost.push(`not typed: ${first.message}`)
  const expected = { error: 'STORAGE_FAILED', quota: 'STORAGE_FULL', 'short write': 'STORAGE_FULL' }
  if (isOciError(first) && first.code !== Reflect.get(expected, order.kind)) lost.push(`${first.code}`)
  const left = (await entriesIn(storage)).filter(({ kind }) => kind === 'staged')
  if (left.length > 0) lost.push(`left behind: ${left.map(({ path }) => path).join(', ')}`)
  if (!(first instanceof Error) && !(await isThere(dir, content))) lost.push('acknowledged, and not there')
  // A worker that fails for good is left for another.
  const sound = (): Worker =>
    new Worker(new URL('../../adapters/fsa/worker.ts', import.meta.url), { type: 'module' })
  const other = order.isLasting
    ? await storageOver(name, largeFiles([name], { worker: sound, least: 0 }))
    : storage
  const again = await OciDir.open(other)
  await again.writeBlob(content)
  if (!(await isThere(again, content))) lost.push('a second try: other bytes')
  await other.close()
  await storage.close()
  told.close()
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
  return { fired, lost }
}

async function isThere(dir: OciDir, content: Uint8Array): Promise<boolean> {
  const digest = await digestOf(content)
  const blob = { mediaType: 'application/octet-stream', digest, size: content.length }
  try {
    return equalBytes(await collect(await dir.readBlob(blob), { max: content.length }), content)
  } catch {
    return false
  }
}
