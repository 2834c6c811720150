/** P9: however long a stream, a process takes no more than 64 MiB for it. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildChild } from '../fault/child.ts'
import { isLong } from '../setup/rounds.ts'

const run = promisify(execFile)
const MiB = 2 ** 20
/** Compressing takes ten times as long as hashing. */
const sizes = isLong
  ? { writeBlob: 4096, writeLayer: 4096, readBlob: 4096, collect: 256 }
  : { writeBlob: 256, writeLayer: 48, readBlob: 256, collect: 128 }

let child: Awaited<ReturnType<typeof buildChild>>
beforeAll(async () => {
  child = await buildChild(new URL('./stream-child.ts', import.meta.url))
})
afterAll(() => child.remove())

async function growth(call: keyof typeof sizes): Promise<number> {
  const size = sizes[call]
  const { stdout } = await run(process.execPath, [child.program, call, String(size)])
  const { baseline, peak } = JSON.parse(stdout)
  const grown = (peak - baseline) / MiB
  console.log(`P9 ${call} of ${size} MiB: ${grown.toFixed(0)} MiB over ${(baseline / MiB).toFixed(0)} MiB`)
  return grown
}

for (const call of ['writeBlob', 'writeLayer', 'readBlob'] as const) {
  it(`P9: ${call} of ${sizes[call]} MiB stays within 64 MiB`, { timeout: 3_600_000 }, async () => {
    expect(await growth(call)).toBeLessThan(64)
  })
}

it('P9: a process that keeps what it reads is found out', { timeout: 120_000 }, async () => {
  expect(await growth('collect')).toBeGreaterThan(64)
})
