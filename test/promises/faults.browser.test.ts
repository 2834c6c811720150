/** P3 and P17 at a browser's media: whichever call of theirs fails, in every public operation. */

import { afterAll, describe, expect, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import {
  Drill,
  type DrillOptions,
  type FaultyMedium,
  fillPlace,
  type Site,
  type SiteFiles,
} from './fault-drill.ts'
import { type Operation, operations } from './fault-operations.ts'
import { countedCalls, testBroken, testOrders } from './fault-tests.ts'
import type { Faults } from './faults.ts'
import {
  databaseFaults,
  fileSystemFaults,
  isCleaningFile,
  patchDatabase,
  patchFileSystem,
} from './faulty-web.ts'

interface Place {
  readonly name: string
  readonly faults: Faults
  readonly isCleaning: (call: string) => boolean
  open(name: string): Promise<StorageAdapter>
  remove(name: string): Promise<void>
}

// The second place is only read, so that one will do.
function mediumOf({ name, faults, isCleaning, open, remove }: Place): FaultyMedium {
  let source: Promise<string> | undefined
  return {
    name,
    faults,
    isCleaning,
    async make({ target, source: files, archive }: SiteFiles): Promise<Site> {
      const place = `faults-${crypto.randomUUID()}`
      const sound = await open(place)
      await fillPlace(sound, target)
      source ??= filled(open, files)
      const [storage, other] = [await open(place), await open(await source)]
      return {
        sound,
        storage,
        source: other,
        archive: { ...storedBytes(archive), name: 'archive' },
        async remove() {
          for (const opened of [storage, other, sound]) await opened.close()
          await remove(place)
        },
      }
    },
  }
}

async function filled(open: Place['open'], files: SiteFiles['source']): Promise<string> {
  const place = `faults-source-${crypto.randomUUID()}`
  const storage = await open(place)
  await fillPlace(storage, files)
  await storage.close()
  return place
}

// Its bytes are in memory: there is no call that could fail.
const { archive: _, ...rest } = operations

interface Plan {
  readonly place: Place
  readonly patch: (faults: Faults) => () => void
  readonly orders: readonly DrillOptions[]
}

const plans: readonly Plan[] = [
  {
    place: {
      name: 'opfs',
      faults: fileSystemFaults(),
      isCleaning: isCleaningFile,
      open: name => opfs(name),
      async remove(name) {
        await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
      },
    },
    patch: patchFileSystem,
    orders: [
      { kind: 'error', isLasting: false, stride: 71 },
      { kind: 'error', isLasting: true, stride: 127 },
      { kind: 'denied', isLasting: false, stride: 109 },
      { kind: 'quota', isLasting: false, stride: 61 },
      { kind: 'quota', isLasting: true, stride: 97 },
      { kind: 'late error', isLasting: false, stride: 13 },
      { kind: 'short read', isLasting: false, stride: 13 },
      { kind: 'hang', isLasting: false, stride: 149 },
      { kind: 'hang', isLasting: true, stride: 193 },
    ],
  },
  {
    place: {
      name: 'indexeddb',
      faults: databaseFaults(),
      isCleaning: () => false,
      open: name => indexedDb(name, { persist: false }),
      remove: name => removeIndexedDb(name),
    },
    patch: patchDatabase,
    orders: [
      { kind: 'error', isLasting: false, stride: 23 },
      { kind: 'error', isLasting: true, stride: 47 },
      { kind: 'quota', isLasting: false, stride: 7 },
      { kind: 'quota', isLasting: true, stride: 11 },
    ],
  },
]

for (const { place, patch, orders } of plans) {
  describe(place.name, () => {
    const undo = patch(place.faults)
    afterAll(undo)
    const drill = new Drill(mediumOf(place), rest)

    it('P3: the calls of each operation to the browser are counted', async () => {
      const calls = Object.values(await countedCalls(place.name, drill))
      expect(calls.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(200)
    })

    it('P3: a sweep, at each of its calls: a typed error, and nothing that nobody hears', async () => {
      const sweep = operations['StorageAdapter.sweep'] as Operation
      const only = new Drill(mediumOf(place), { sweep })
      const tally = await only.run(`${place.name}, error once in a sweep`, {
        kind: 'error',
        isLasting: false,
      })
      tally.report()
      expect(only.losses).toEqual([])
    })

    testOrders(mediumOf(place), drill, orders)
    testBroken(mediumOf(place))
  })
}
