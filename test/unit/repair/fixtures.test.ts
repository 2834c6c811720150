import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { file } from '../../../adapters/node/index.ts'
import { archive } from '../../../src/archive/index.ts'
import type { FsckResult } from '../../../src/fsck.ts'
import { repair } from '../../../src/repair/repair.ts'
import { Tally } from '../../setup/tally.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { holdingsOf, pour } from './damage.ts'

const fixtures = fileURLToPath(new URL('../../fixtures/corrupt/', import.meta.url))
const names = readdirSync(fixtures)
  .filter(name => name.endsWith('.tar'))
  .map(name => name.slice(0, -'.tar'.length))

/** The others are wrong inside of a manifest, which is never changed, or lack a blob that nobody has (40). */
const mendable = /^(01|03|06|07|10|12|16|21|36)-/

describe('the broken layouts', () => {
  it('P16: are mended from the clean one, but for faults inside of a manifest, and sound ones left alone', async () => {
    const clean = await rawOf('00-clean')
    const tally = new Tally('P16: broken layouts mended from the clean one')
    const table: Record<string, object> = {}
    let mended = 0
    for (const name of names) {
      const raw = await rawOf(name)
      const place = await pour(raw, memory())
      const before = await holdingsOf(place)
      const alone = await repair(await pour(raw, memory()))
      const both = await repair(place, { from: clean })
      const contents = (await holdingsOf(place)).contents
      const again = await repair(place, { from: clean })
      const apart = await repair(place, { from: clean, quarantine: true })
      table[name] = {
        found: codesOf(both.before),
        'with a second': verdict(both.before, both.after),
        alone: verdict(alone.before, alone.after),
        quarantine: verdict(both.before, apart.after),
        actions: both.actions.map(({ kind }) => kind).join(' '),
      }
      tally.attempts += 1
      if (!both.before.ok) tally.fired += 1
      if (!both.before.ok && both.after.ok) mended += 1
      const isAsMeant = both.before.ok ? both.actions.length === 0 : mendable.test(name) === both.after.ok
      const isLost = [...before.contents].some(digest => !contents.has(digest))
      if (!isAsMeant || isLost || again.actions.length > 0 || !apart.after.ok) {
        tally.losses += 1
        console.log(name, both.actions, both.after.findings)
      }
    }
    console.table(table)
    console.log(`${mended} of ${tally.fired} broken layouts mended`)
    expect(tally.report().losses).toBe(0)
    expect(mended).toBe(9)
  })
})

async function rawOf(name: string): Promise<RawStorage> {
  return RawStorage.copyOf(await archive(await file(join(fixtures, `${name}.tar`))))
}

function codesOf({ findings }: FsckResult): string {
  const codes = findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)
  return [...new Set(codes)].join(' ')
}

function verdict(before: FsckResult, after: FsckResult): string {
  if (before.ok) return 'nothing to mend'
  return after.ok ? 'mended' : 'no'
}
