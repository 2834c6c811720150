import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { storedBytes } from '../../src/stored-bytes.ts'
import { isLong } from '../setup/rounds.ts'
import { forwarding } from '../suites/index.ts'
import { indexOf, readBesideWrites, tallyOf } from './torn.ts'

const counts = isLong ? { reads: 100_000, writes: 3_000 } : { reads: 5000, writes: 500 }

async function sound(): Promise<StorageAdapter> {
  const storage = memory()
  await OciDir.ensure(storage)
  await storage.update('index.json', () => indexOf(0))
  return storage
}

it('P6: in memory no reader sees a torn index.json', { timeout: 300_000 }, async () => {
  const storage = await sound()
  const write = (version: number): Promise<void> => storage.update('index.json', () => indexOf(version))
  const torn = await readBesideWrites(storage, write, counts)
  expect(tallyOf('memory', torn).losses).toBe(0)
  expect(torn.seen).toBeGreaterThan(50)
})

it('P6: a storage that writes in place is found out', async () => {
  let now = indexOf(0)
  const inner = await sound()
  const inPlace = forwarding(inner, {
    open: async (path, options) => (path === 'index.json' ? storedBytes(now) : inner.open(path, options)),
  })
  const torn = await readBesideWrites(
    inPlace,
    async version => {
      const next = indexOf(version)
      now = next.slice(0, next.length / 2)
      await new Promise(resolve => setTimeout(resolve, 0))
      now = next
    },
    { reads: 500, writes: 50 },
  )
  expect(tallyOf('written in place (broken on purpose)', torn).losses).toBeGreaterThan(0)
})
