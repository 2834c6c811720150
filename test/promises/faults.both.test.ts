/** P3 at the storage contract: whichever call of whichever operation fails, and however, nothing is lost. */

import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import * as door from '../../src/index.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { isLong } from '../setup/rounds.ts'
import { brokenOperations } from './fault-broken.ts'
import { Drill, type FaultyMedium, fillPlace, type Site, type SiteFiles } from './fault-drill.ts'
import { drivenBy, operations, pure } from './fault-operations.ts'
import type { FaultKind } from './faults.ts'
import { contractFaults, faultyNamed, faultyStorage } from './faulty-storage.ts'

const faults = contractFaults()

const medium: FaultyMedium = {
  name: 'memory',
  faults,
  async make({ target, source, archive }: SiteFiles): Promise<Site> {
    const [sound, other] = [memory(), memory()]
    await fillPlace(sound, target)
    await fillPlace(other, source)
    return {
      sound,
      storage: faultyStorage(sound, faults),
      source: faultyStorage(other, faults),
      archive: faultyNamed({ ...storedBytes(archive), name: 'archive' }, faults),
      async remove() {},
    }
  },
}

it('P3: every public function that reaches a medium is driven, every other one is known to be pure', () => {
  const isMethod = (name: string): boolean => name !== 'constructor'
  const names = [
    ...Object.entries(door).flatMap(([name, value]) => (typeof value === 'function' ? [name] : [])),
    ...Object.getOwnPropertyNames(door.OciDir.prototype)
      .filter(isMethod)
      .map(name => `OciDir.${name}`),
    'OciDir.open',
    'OciDir.ensure',
  ]
  const driven = new Set(Object.keys(operations).map(name => name.replace(/ \(.*$/, '')))
  expect(names.filter(name => !driven.has(name) && !pure.includes(name) && !(name in drivenBy))).toEqual([])
  expect(pure.filter(name => !names.includes(name) || driven.has(name))).toEqual([])
  expect(Object.values(drivenBy).filter(name => !driven.has(name))).toEqual([])
})

const drill = new Drill(medium, operations)

it('P3: the calls of each operation to the storage are counted', async () => {
  const calls = await drill.calls()
  console.log(
    `P3 calls, memory: ${Object.entries(calls)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  expect(Object.entries(calls).filter(([, count]) => count === 0)).toEqual([])
})

// The very same code runs in both; in the page a part of the calls must do, but for the long form.
const inPage = typeof document === 'object'
const stride = inPage && !isLong ? 3 : 1

const kinds: readonly (readonly [FaultKind, boolean])[] = [
  ['error', false],
  ['error', true],
  ['quota', false],
  ['quota', true],
  ['late error', false],
  ['short read', false],
  ['short read', true],
  ['hang', false],
]
for (const [kind, isLasting] of kinds) {
  const name = `memory, ${kind} ${isLasting ? 'from then on' : 'once'}`
  it(`P3: ${name}: a typed error, the old state or the new one, nothing left, and a second try succeeds`, {
    timeout: 600_000,
  }, async () => {
    const tally = await drill.run(name, { kind, isLasting, stride })
    tally.report()
    expect(drill.losses.splice(0)).toEqual([])
  })
}

for (const { fault, run, ...order } of brokenOperations) {
  it(`P3: the drill sees an operation that ${fault}`, async () => {
    const broken = new Drill(medium, { [fault]: { run } })
    const tally = await broken.run(`memory, an operation that ${fault} (broken on purpose)`, {
      ...order,
      patience: 1000,
    })
    expect(tally.report().losses).toBeGreaterThan(0)
  })
}
