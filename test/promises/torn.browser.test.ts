import { afterEach, describe, expect, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { rounds } from '../setup/rounds.ts'
import { indexOf, inHalves, readBesideWrites, tallyOf } from './torn.ts'

const counts = {
  reads: rounds({ short: 500, long: 100_000 }),
  writes: rounds({ short: 60, long: 2000 }),
}
const timeout = rounds({ short: 60_000, long: 1_800_000 })
const name = `torn-${crypto.randomUUID()}`

const media: Readonly<Record<string, { open(): Promise<StorageAdapter>; remove(): Promise<void> }>> = {
  OPFS: {
    open: () => opfs(name),
    remove: async () => (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true }),
  },
  IndexedDB: { open: () => indexedDb(name), remove: () => removeIndexedDb(name) },
}

describe.each(Object.entries(media))('in %s', (medium, { open, remove }) => {
  afterEach(remove)

  it('P6: no reader sees a torn index.json', { timeout }, async () => {
    const [writer, reader] = [await open(), await open()]
    await OciDir.ensure(writer)
    await writer.update('index.json', () => indexOf(0))
    const write = (version: number): Promise<void> => writer.update('index.json', () => indexOf(version))
    const torn = await readBesideWrites(reader, write, counts)
    expect(tallyOf(medium, torn).losses).toBe(0)
    expect(torn.seen).toBeGreaterThan(20)
    await Promise.all([writer.close(), reader.close()])
  })

  it('P6: a writer that writes index.json in two steps is found out', { timeout }, async () => {
    const [writer, reader] = [await open(), await open()]
    await OciDir.ensure(writer)
    await writer.update('index.json', () => indexOf(0))
    const write = inHalves(bytes => writer.update('index.json', () => bytes))
    const torn = await readBesideWrites(reader, write, { reads: 200, writes: 20 })
    expect(tallyOf(`${medium}, in two steps (broken on purpose)`, torn).losses).toBeGreaterThan(0)
    await Promise.all([writer.close(), reader.close()])
  })
})
