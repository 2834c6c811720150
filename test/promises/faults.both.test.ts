/** P3 at the storage contract: whichever call of whichever operation fails, and however, nothing is lost. */

import { expect, it } from 'vitest'
import * as memoryDoor from '../../adapters/memory.ts'
import * as archiveDoor from '../../src/archive/index.ts'
import * as gzipDoor from '../../src/codec/gzip.ts'
import * as zstdDoor from '../../src/codec/zstd.ts'
import * as deepDoor from '../../src/deep/index.ts'
import * as filesDoor from '../../src/files/index.ts'
import { FileTree } from '../../src/files/tree.ts'
import * as door from '../../src/index.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import * as tarDoor from '../../src/tar/index.ts'
import { isLong } from '../setup/rounds.ts'
import { Drill, type FaultyMedium, fillPlace, type Site, type SiteFiles } from './fault-drill.ts'
import { drivenBy, operations, undriven } from './fault-operations.ts'
import { countedCalls, testBroken, testOrders } from './fault-tests.ts'
import type { FaultKind } from './faults.ts'
import { contractFaults, faultyNamed, faultyStorage } from './faulty-storage.ts'

const { memory } = memoryDoor
const faults = contractFaults()

const medium: FaultyMedium = {
  name: 'memory',
  faults,
  isSteady: true,
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

// Those of one platform: `faults.test.ts`, `faults.browser.test.ts`.
const doors = [door, memoryDoor, archiveDoor, deepDoor, filesDoor, gzipDoor, tarDoor, zstdDoor]

it('P3: every public function that reaches a medium is driven, of every other one it is known why not', () => {
  const methodsOf = (name: string, { prototype }: { readonly prototype: object }): string[] =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([method, { value }]) => method !== 'constructor' && typeof value === 'function')
      .map(([method]) => `${name}.${method}`)
  const names = [
    ...doors.flatMap(each => Object.entries(each)).flatMap(functionName),
    ...methodsOf('OciDir', door.OciDir),
    ...methodsOf('FileTree', FileTree),
    'OciDir.open',
    'OciDir.ensure',
  ]
  const others = Object.values(undriven).flat()
  const driven = new Set(Object.keys(operations).map(name => name.replace(/ \(.*$/, '')))
  expect(names.filter(name => !driven.has(name) && !others.includes(name) && !(name in drivenBy))).toEqual([])
  expect(others.filter(name => !names.includes(name) || driven.has(name))).toEqual([])
  expect(Object.values(drivenBy).filter(name => !driven.has(name))).toEqual([])
})

function functionName([name, value]: readonly [string, unknown]): readonly string[] {
  return typeof value === 'function' ? [name] : []
}

const drill = new Drill(medium, operations)

it('P3: the calls of each operation to the storage are counted', async () => {
  const calls = await countedCalls('memory', drill)
  expect(Object.entries(calls).filter(([, count]) => count === 0)).toEqual([])
})

// The very same code runs in both; in the page a part of the calls must do, but for the long form.
const inPage = typeof document === 'object'
const share = inPage && !isLong ? 3 : 1

const kinds: readonly (readonly [FaultKind, boolean, stride?: number])[] = [
  ['error', false],
  ['error', true],
  ['quota', false],
  ['quota', true],
  ['late error', false],
  ['short read', false],
  ['short read', true],
  ['hang', false, 3],
  ['hang', true, 4],
]
testOrders(
  medium,
  drill,
  kinds.map(([kind, isLasting, stride = 1]) => ({ kind, isLasting, stride: stride * share })),
)
testBroken(medium, { patience: 1000 })
