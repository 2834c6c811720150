/** Blobs that are read while Chromium collects its garbage: what only a pending read leads to must not be taken for it. */

import { describe, expect, it } from 'vitest'
import { cdp } from 'vitest/browser'
import { lentChunksOf } from '../../../src/streams.ts'
import { rounds } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'

const attempts = rounds({ short: 5, long: 100 })
const part = new Blob([new Uint8Array(20_000_000)])
/** It is never read to its end: seconds of it, on any machine. */
const blob = new Blob(Array<Blob>(400).fill(part))
const collections = 5
/** Milliseconds for a read that goes on to hear that it is enough. */
const patience = 2_000

describe('garbage', { timeout: 60_000 + attempts * 5_000 }, () => {
  it('P9: is never a blob that is read', async () => {
    const tally = await readBesideCollections('P9: a blob read while garbage is collected', read)
    expect(tally.report().losses).toBe(0)
    expect(tally.fired).toBe(tally.attempts)
  })

  it('P9: would be one, and the read never end, if nothing else led to it', async () => {
    const what = 'P9: a blob read by nobody else, while garbage is collected (broken on purpose)'
    const tally = await readBesideCollections(what, readAlone)
    expect(tally.report().losses).toBeGreaterThan(0)
  })
})

interface Reading {
  isEnough: boolean
}

/** Counts reads beside which garbage was collected, and those that never went on. */
async function readBesideCollections(
  what: string,
  begin: (reading: Reading) => Promise<void>,
): Promise<Tally> {
  const tally = new Tally(what)
  while (tally.attempts < attempts) {
    tally.attempts++
    const reading: Reading = { isEnough: false }
    let hasEnded = false
    const end = (): void => {
      hasEnded = true
    }
    // Only the read's end leads here: nothing of this leads to the read.
    begin(reading).then(end, end)
    for (let i = 0; i < collections; i++) await cdp().send('HeapProfiler.collectGarbage')
    if (!hasEnded) tally.fired++
    reading.isEnough = true
    const began = performance.now()
    while (!hasEnded && performance.now() - began < patience)
      await new Promise(resolve => setTimeout(resolve, 10))
    if (!hasEnded) tally.losses++
  }
  return tally
}

async function read(reading: Reading): Promise<void> {
  for await (const _chunk of lentChunksOf(blob)) if (reading.isEnough) return
}

async function readAlone(reading: Reading): Promise<void> {
  const reader = blob.stream().getReader({ mode: 'byob' })
  for (let buffer = new ArrayBuffer(1 << 20); !reading.isEnough; ) {
    const { done, value } = await reader.read(new Uint8Array(buffer))
    if (done) return
    buffer = value.buffer
  }
}
