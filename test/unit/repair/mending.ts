/** Each kind of damage, mended on any medium: with a second storage, without, and a second time. */

import { describe, expect, it } from 'vitest'
import { fsck } from '../../../src/fsck.ts'
import { type RepairOptions, type RepairResult, repair } from '../../../src/repair/repair.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { allNames, type Damage, filesOf, holdingsOf, lossesBetween, namesIn, pour, sample } from './damage.ts'

/** Tests of a medium, of which `empty` gives a new place each time. */
export function mendingTests(
  medium: string,
  list: readonly Damage[],
  empty: () => Promise<StorageAdapter>,
): void {
  describe(`repair on ${medium}`, () => {
    it.each(list)('mends from a second storage: $name', async damage => {
      const { raw, parts } = await sample()
      const whole = new RawStorage(raw.files)
      damage.hurt(raw, parts)
      const storage = await pour(raw, await empty())
      const result = await mended(storage, { from: whole })
      expect(result.after.findings.filter(({ severity }) => severity !== 'info')).toEqual([])
      expect(namesIn(await (await storage.open('index.json'))?.bytes()).sort()).toEqual(allNames)
      // Nothing is left out: what was verified before the damage is so again.
      expect(result.after.validated).toBe((await fsck(whole)).validated)
      await storage.close()
    })

    it.each(list)('mends what it can without one: $name', async ({ hurt, alone = [], names = allNames }) => {
      const { raw, parts } = await sample()
      hurt(raw, parts)
      const storage = await pour(raw, await empty())
      const { after } = await mended(storage, {})
      const errors = after.findings.filter(({ severity }) => severity === 'error')
      expect(errors.map(({ code }) => code)).toEqual(alone)
      expect(namesIn(await (await storage.open('index.json'))?.bytes()).sort()).toEqual(names)
      await storage.close()
    })

    it.each(list)('with quarantine gives a sound layout, whatever was wrong: $name', async ({ hurt }) => {
      const { raw, parts } = await sample()
      hurt(raw, parts)
      const storage = await pour(raw, await empty())
      const before = await holdingsOf(storage)
      const { after } = await repair(storage, { quarantine: true })
      expect(after.ok).toBe(true)
      const { contents } = await holdingsOf(storage)
      expect([...before.contents].filter(digest => !contents.has(digest))).toEqual([])
      expect((await repair(storage, { quarantine: true })).actions).toEqual([])
      await storage.close()
    })
  })
}

/** A repair that must tell beforehand what it does, lose nothing, and find nothing to do afterwards. */
async function mended(storage: StorageAdapter, options: RepairOptions): Promise<RepairResult> {
  const files = await filesOf(storage)
  const before = await holdingsOf(storage)
  const rehearsed = await repair(storage, { ...options, dryRun: true })
  expect(await filesOf(storage)).toEqual(files)
  const result = await repair(storage, options)
  expect(result.actions).toEqual(rehearsed.actions)
  expect(linesOf(result)).toEqual(linesOf(rehearsed))
  expect(lossesBetween(before, await holdingsOf(storage))).toEqual([])
  const names = Object.keys(await filesOf(storage))
  expect(names.filter(name => name.startsWith('.ocidir'))).toEqual([])
  expect((await repair(storage, options)).actions).toEqual([])
  return result
}

/** In no order: that of a listing is a medium's own. */
function linesOf({ after }: RepairResult): string[] {
  return after.findings.map(({ code, path }) => `${code} ${path}`).sort()
}
