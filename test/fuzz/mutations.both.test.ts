/** P15: whatever bytes come, there is a result or a typed error, the same however they come, and soon. */

import { expect, it } from 'vitest'
import { isLong } from '../setup/rounds.ts'
import { gzipTarget, uncheckedGzip, uncheckedZstd, zstdTarget } from './codecs.ts'
import { attempts, fuzz, type Target } from './fuzz.ts'
import { archiveTarget, firstEntryArchive, tarTarget, uncheckedTar } from './tars.ts'
import { jsonTarget, referencesTarget, trustingJson, trustingReferences } from './texts.ts'

const timeout = isLong ? 6 * 3_600_000 : 1_200_000
// A page is slower, and in it is the same code: of each target a tenth.
const count = typeof process === 'undefined' ? attempts / 10 : attempts

const targets: readonly (readonly [target: Target, broken: Target, what: string])[] = [
  [jsonTarget, trustingJson, 'JSON.parse in place of our reader'],
  [referencesTarget, trustingReferences, 'a path of any text'],
  [tarTarget, uncheckedTar, 'no sum of headers'],
  [archiveTarget, firstEntryArchive, 'the first of two entries of a name'],
  [gzipTarget, uncheckedGzip, 'no CRC-32, no size'],
  [zstdTarget, uncheckedZstd, 'no checksum'],
]

for (const [target, broken, what] of targets) {
  it(`P15: ${target.name}: ${count} mutants`, { timeout }, async () => {
    const { fired, losses } = await fuzz(target, { attempts: count })
    expect(losses).toBe(0)
    expect(fired).toBeGreaterThan(count / 2)
    const { losses: lost } = await fuzz(broken, {
      title: `${target.name}, ${what} (broken on purpose)`,
      attempts: 2_000,
    })
    expect(lost).toBeGreaterThan(0)
  })
}
