/** Progress: steady, whatever the chunks are, with what is known of totals and rate. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { fsck, OciDir } from '../../../src/index.ts'
import { atSteadyPace, type Progress } from '../../../src/progress.ts'

const sleep = (milliseconds: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, milliseconds))

/** What is told while so many events come, one every so many milliseconds. */
async function toldOf(events: number, every: number, total?: number): Promise<(Progress & { at: number })[]> {
  const told: (Progress & { at: number })[] = []
  const began = performance.now()
  await atSteadyPace(
    { onProgress: (progress: Progress) => told.push({ ...progress, at: performance.now() - began }) },
    async ({ onProgress }) => {
      for (let i = 1; i <= events; i++) {
        onProgress?.({ bytes: i * 1000, total })
        if (every > 0) await sleep(every)
      }
    },
  )
  return told
}

describe('progress', () => {
  it('is told a few times a second of thousands of chunks, and the last is what came to be', async () => {
    const told = await toldOf(200, 2, 200_000)
    expect(told[0]).toMatchObject({ bytes: 1000, total: 200_000 })
    expect(told.at(-1)).toMatchObject({ bytes: 200_000, total: 200_000 })
    const { at = 0 } = told.at(-1) ?? {}
    expect(told.length).toBeGreaterThan(2)
    // By the clock, whatever came; on a busy machine it is late, and then on time again.
    expect(told.length).toBeLessThan(5 + at / 80)
  })

  it('tells a rate once there is one, and its fall when nothing comes any more', async () => {
    const told: Progress[] = []
    await atSteadyPace(
      { onProgress: (progress: Progress) => told.push(progress) },
      async ({ onProgress }) => {
        for (let i = 1; i <= 40; i++) {
          onProgress?.({ bytes: i * 10_000 })
          await sleep(10)
        }
        await sleep(600)
      },
    )
    const rates = told.flatMap(({ rate }) => rate ?? [])
    expect(told[0]?.rate).toBeUndefined()
    // A million bytes a second, if the clock were exact.
    expect(Math.max(...rates)).toBeGreaterThan(200_000)
    expect(Math.max(...rates)).toBeLessThan(2_000_000)
    expect(rates.at(-1)).toBeLessThan(Math.max(...rates) * 0.8)
  })

  it('counts nothing for the rate that was there before', async () => {
    const told: Progress[] = []
    await atSteadyPace(
      { onProgress: (progress: Progress) => told.push(progress) },
      async ({ onProgress }) => {
        for (let i = 0; i <= 40; i++) {
          onProgress?.({ bytes: 3_000_000_000 + i * 10_000 })
          await sleep(10)
        }
      },
    )
    const rates = told.flatMap(({ rate }) => rate ?? [])
    expect(rates.length).toBeGreaterThan(0)
    expect(Math.max(...rates)).toBeLessThan(2_000_000)
  })

  it('of a check of nothing is none', async () => {
    const told: Progress[] = []
    const dir = await OciDir.ensure(memory())
    await fsck(dir.storage, { onProgress: progress => told.push(progress) })
    expect(told).toEqual([])
  })

  it('is not told of nothing, and ends with what fails', async () => {
    expect(await toldOf(0, 0)).toEqual([])
    const told: Progress[] = []
    const failing = atSteadyPace(
      { onProgress: (progress: Progress) => told.push(progress) },
      async ({ onProgress }) => {
        onProgress?.({ bytes: 1 })
        onProgress?.({ bytes: 2 })
        throw new Error('it broke')
      },
    )
    await expect(failing).rejects.toThrow('it broke')
    await sleep(250)
    expect(told).toEqual([{ bytes: 1 }])
  })

  it('fails the call when its listener does, also when the clock called it', async () => {
    for (const times of [1, 2]) {
      let calls = 0
      const onProgress = (_: Progress): void => {
        if (++calls === times) throw new Error('the listener broke')
      }
      const working = atSteadyPace({ onProgress }, async options => {
        for (let i = 1; i <= 6; i++) {
          options.onProgress?.({ bytes: i })
          await sleep(60)
        }
      })
      await expect(working).rejects.toThrow('the listener broke')
    }
  })

  it('says nothing of what comes too late, and leaves no clock running', async () => {
    const told: Progress[] = []
    let late: ((progress: Progress) => void) | undefined
    await atSteadyPace(
      { onProgress: (progress: Progress) => told.push(progress) },
      async ({ onProgress }) => {
        late = onProgress
      },
    )
    late?.({ bytes: 1 })
    await sleep(250)
    expect(told).toEqual([])
  })

  it('of a layer has the total of bytes that are all there, or that are told, and of fsck that of the blobs', async () => {
    const dir = await OciDir.ensure(memory())
    const totals: (number | undefined)[] = []
    const onProgress = ({ total }: Progress): unknown => totals.push(total)
    await dir.writeLayer(new Uint8Array(5000), { onProgress })
    await dir.writeLayer(new Blob(['x'.repeat(6000)]), { onProgress })
    const stream = new Blob(['y'.repeat(7000)]).stream()
    await dir.writeLayer(stream, { onProgress, size: 7000 })
    await fsck(dir.storage, { onProgress })
    expect([...new Set(totals)]).toEqual([5000, 6000, 7000, 18_000])
  })
})
