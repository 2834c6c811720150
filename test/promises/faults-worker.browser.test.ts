/** P3 in the worker that writes large blobs: whichever call to the sync access handle fails. */

import { describe, expect, it } from 'vitest'
import { largeFiles } from '../../adapters/fsa/large-files.ts'
import { isOciError } from '../../src/errors.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { collect, equalBytes } from '../../src/streams.ts'
import { storageOver } from '../adapters/fsa-places.ts'
import { Tally } from '../setup/tally.ts'
import { bytesOf, entriesIn } from '../suites/material.ts'
import type { FaultKind, FaultOrder } from './faults.ts'

describe('the worker of opfs', () => {
  const content = bytesOf(2_500_000, 60)
  const kinds: readonly FaultKind[] = ['error', 'quota', 'short write']
  for (const kind of kinds) {
    it(`P3: opfs by a worker, ${kind}: a typed error or the whole blob, nothing left, and a second try succeeds`, async () => {
      const tally = new Tally(`P3: opfs by a worker, ${kind} once`)
      const losses: string[] = []
      // Three buffers are written; what else is called has no counts.
      for (let at = 1; at <= (kind === 'short write' ? 3 : 7); at++) {
        tally.attempts++
        const { fired, lost } = await writeByWorker({ kind, at, isLasting: false }, content)
        tally.fired += fired
        losses.push(...lost.map(loss => `${kind} at call ${at}: ${loss}`))
      }
      tally.losses = losses.length
      tally.report()
      expect(losses).toEqual([])
    })
  }
})

/** Writes a blob, in spite of a fault and without one. */
async function writeByWorker(
  order: FaultOrder,
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
  const written = await dir.writeBlob(content)
  const read = await collect(await dir.readBlob(written), { max: content.length })
  if (!equalBytes(read, content)) lost.push('other bytes')
  await storage.close()
  told.close()
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
  return { fired, lost }
}
