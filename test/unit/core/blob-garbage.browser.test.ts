/** Blobs that are read while Chromium collects its garbage: what only a pending read leads to must not be taken for it. */

import { describe, expect, it } from 'vitest'
import { cdp } from 'vitest/browser'
import { lentChunksOf } from '../../../src/streams.ts'
import { rounds } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'

const attempts = rounds({ short: 5, long: 100 })
const size = 20_000_000
const blob = new Blob([new Uint8Array(size)])
const patience = 500

describe('garbage', { timeout: 60_000 + attempts * 5_000 }, () => {
  it('P9: is never a blob that is read', async () => {
    const tally = await readBesideCollections('P9: a blob read while garbage is collected', () => read())
    expect(tally.report().losses).toBe(0)
    expect(tally.fired).toBeGreaterThan(0.5 * tally.attempts)
  })

  it('P9: would be one, and the read never end, if nothing else led to it', async () => {
    const what = 'P9: a blob read by nobody else, while garbage is collected (broken on purpose)'
    const tally = await readBesideCollections(what, () => readAlone())
    expect(tally.report().losses).toBeGreaterThan(0)
  })
})

/** Counts reads that had not ended when garbage was collected, and those that never did. */
async function readBesideCollections(what: string, begin: () => Promise<number>): Promise<Tally> {
  const tally = new Tally(what)
  while (tally.attempts < attempts) {
    tally.attempts++
    let found: number | undefined
    // Only the read's end leads here: nothing of this leads to the read.
    begin().then(
      count => {
        found = count
      },
      () => {},
    )
    for (let i = 0; i < 50 && found === undefined; i++) {
      await cdp().send('HeapProfiler.collectGarbage')
      if (i === 0 && found === undefined) tally.fired++
    }
    const began = performance.now()
    while (found === undefined && performance.now() - began < patience)
      await new Promise(resolve => setTimeout(resolve, 10))
    if (found !== size) tally.losses++
  }
  return tally
}

async function read(): Promise<number> {
  let count = 0
  for await (const chunk of lentChunksOf(blob)) count += chunk.length
  return count
}

async function readAlone(): Promise<number> {
  const reader = blob.stream().getReader({ mode: 'byob' })
  let buffer = new ArrayBuffer(1 << 20)
  for (let count = 0; ; ) {
    const { done, value } = await reader.read(new Uint8Array(buffer))
    if (done) return count
    count += value.length
    buffer = value.buffer
  }
}
