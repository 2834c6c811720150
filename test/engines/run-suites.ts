/** Every suite on every medium in one engine, each case a test. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import type { StorageTraits } from '../../src/storage.ts'
import { buildAll } from '../interop/same-digest/build.ts'
import { content, modes, mtime } from '../interop/same-digest/folder.ts'
import { describeWith } from '../setup/tools.ts'
import { brokenStorages } from '../suites/broken/broken.ts'
import { digestsByWorkers } from '../unit/work/digests.ts'
import { type Engine, type EnginePage, openEngine } from './engine.ts'
import { type EngineCase, media, suites } from './suites.ts'

/** Registers the tests. */
export function runSuites(engine: Engine): void {
  describeWith(engine.tools, engine.name, () => {
    let page: EnginePage
    beforeAll(async () => {
      page = await openEngine(engine)
      console.log(await page.call('engine'))
    })
    afterAll(() => page?.close())

    for (const [suite, { leavesOut }] of Object.entries(suites)) {
      for (const medium of Object.keys(media).filter(name => name !== leavesOut))
        runSuite(() => page, { engine: engine.name, suite, medium })
    }
    it.concurrent.each(brokenStorages)('rejects a storage that $fault', async ({ fault }) => {
      expect(await page.call('runBroken', fault)).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(/^AssertionError/),
      })
    })
    it('gives the same digests as Node on each medium', { timeout: 90_000 }, async () => {
      const expected = await digestsInNode()
      for (const medium of Object.keys(media)) {
        expect(await page.call('digests', medium), medium).toEqual(expected)
      }
    })
    it('gives the same digests by 1, 2 and 4 workers as Node by none', { timeout: 90_000 }, async () => {
      const { digests } = await digestsByWorkers(0)
      for (const workers of [1, 2, 4])
        expect(await page.call('digestsByWorkers', workers)).toEqual({ digests, started: workers })
    })
  })
}

async function digestsInNode(): Promise<Record<string, string>> {
  const files = Object.entries(content).map(([path, bytes]) => new File([bytes], path))
  return buildAll(async () => memory(), files, { mtime, mode: path => modes[path] })
}

// By heart, and not asked of the media: one that took back a promise would be let off its cases.
const kept: StorageTraits = {
  writable: true,
  lists: true,
  persistent: true,
  durable: true,
  exclusion: 'origin',
  optimistic: false,
  atomicPublish: true,
  modifiedTimes: true,
}
const inThePage: StorageTraits = { ...kept, persistent: false, durable: false, exclusion: 'instance' }

/** The cases that a medium may leave out, the same in every engine: none of those that keep what is written. */
function mayLeaveOut(cases: readonly EngineCase[], medium: string): readonly string[] {
  const traits = medium === 'memory' ? inThePage : kept
  return cases.filter(({ needs }) => needs && !needs.has(traits)).map(({ name }) => name)
}

interface Place {
  readonly engine: string
  readonly suite: string
  readonly medium: string
}

function runSuite(page: () => EnginePage, place: Place): void {
  const cases: readonly EngineCase[] = suites[place.suite]?.cases ?? []
  describe(`${place.suite} suite: ${place.medium}`, () => {
    const counts = { passed: 0, failed: 0, 'left out': 0 }
    const leftOut: string[] = []
    let began = 0
    beforeAll(() => {
      began = performance.now()
    })
    for (const { name } of cases) {
      it.concurrent(name, { timeout: 90_000 }, async ({ expect, skip }) => {
        const outcome = await page().call('runCase', { ...place, name })
        counts[outcome.kind]++
        if (outcome.kind === 'left out') {
          leftOut.push(name)
          skip(`left out: trait ${outcome.trait}`)
        }
        expect(outcome.kind === 'failed' ? outcome.reason : outcome.kind).toBe('passed')
      })
    }
    it('has run', () => {
      const seconds = Math.round((performance.now() - began) / 1000)
      console.log(`${Object.values(place).join(', ')}: ${JSON.stringify(counts)} in ${seconds} s`)
      const expected = mayLeaveOut(cases, place.medium)
      expect(leftOut.sort()).toEqual([...expected].sort())
      if (place.medium !== 'memory') expect(expected).toEqual([])
      expect(counts.passed).toBe(cases.length - expected.length)
    })
  })
}
