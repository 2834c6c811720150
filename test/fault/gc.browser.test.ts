/** gc without grace beside writers in OPFS and in IndexedDB: short in CI, for a browser's media are slow. */

import { afterAll, describe, expect, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb, removeIndexedDb } from '../../adapters/indexeddb/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { rounds } from '../setup/rounds.ts'
import { collect, collectByList, race } from './gc-race.ts'

interface Medium {
  open(name: string): Promise<StorageAdapter>
  remove(name: string): Promise<void>
}

const media: Readonly<Record<string, Medium>> = {
  OPFS: {
    open: name => opfs(name),
    remove: async name => (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true }),
  },
  IndexedDB: { open: name => indexedDb(name), remove: name => removeIndexedDb(name) },
}
const raced = rounds({ short: 3, long: 50 })
const timeout = 60_000 + raced * 20_000

describe.each(Object.entries(media))('in %s', (medium, { open, remove }) => {
  type Dir = OciDir<StorageAdapter>
  const dirs: Dir[] = []
  const names: string[] = []

  afterAll(async () => {
    for (const dir of dirs) await dir.storage.close()
    for (const name of names) await remove(name)
  })

  it('P8: 16 writers of the same blobs beside gc: index.json never names what is not there', {
    timeout,
  }, async () => {
    const [first, second, gcDir] = await newDirs()
    const tally = await race({
      name: `P8: 16 writers through 2 storages beside gc, ${raced} rounds in ${medium}`,
      rounds: raced,
      dirs: [first, second],
      collect: () => collect(gcDir),
    })
    expect(tally.report()).toMatchObject({ attempts: raced, losses: 0 })
  })

  it('P8: loses when the list is made outside of the section', { timeout }, async () => {
    const [first, second, gcDir] = await newDirs()
    const tally = await race({
      name: `P8: gc by a list, in ${medium} (broken on purpose)`,
      rounds: 2,
      dirs: [first, second],
      collect: () => collectByList(gcDir, 5),
    })
    expect(tally.report().losses).toBeGreaterThan(0)
  })

  async function newDirs(): Promise<[Dir, Dir, Dir]> {
    const name = crypto.randomUUID()
    names.push(name)
    const newDir = async (): Promise<Dir> => {
      const dir = await OciDir.ensure(await open(name))
      dirs.push(dir)
      return dir
    }
    return [await newDir(), await newDir(), await newDir()]
  }
})
