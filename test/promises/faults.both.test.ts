/** P3 at the storage contract: whichever call of whichever operation fails, and however, nothing is lost. */

import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import * as door from '../../src/index.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { isLong } from '../setup/rounds.ts'
import { Drill, type FaultyMedium, fillPlace, type Site, type SiteFiles } from './fault-drill.ts'
import { drivenBy, operations, pure } from './fault-operations.ts'
import { countedCalls, testBroken, testOrders } from './fault-tests.ts'
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
  const calls = await countedCalls('memory', drill)
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
testOrders(
  'memory',
  drill,
  kinds.map(([kind, isLasting]) => ({ kind, isLasting, stride })),
)
testBroken(medium, { patience: 1000 })
