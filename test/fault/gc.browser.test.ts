/** gc without grace beside writers in OPFS: short, for a browser's file system is slow. */

import { expect, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { collect, collectByList, race } from './gc-race.ts'

it('16 writers of the same blobs beside gc: index.json never names what is not there', async () => {
  const [first, second, gcDir] = await dirsOf(crypto.randomUUID())
  const tally = await race({
    name: 'P8: 16 writers through 2 storages beside gc, 3 rounds in OPFS',
    rounds: 3,
    dirs: [first, second],
    collect: () => collect(gcDir),
  })
  expect(tally.report()).toMatchObject({ attempts: 3, losses: 0 })
})

it('loses when the list is made outside of the section', async () => {
  const [first, second, gcDir] = await dirsOf(crypto.randomUUID())
  const tally = await race({
    name: 'P8: gc by a list, in OPFS (broken on purpose)',
    rounds: 2,
    dirs: [first, second],
    collect: () => collectByList(gcDir, 5),
  })
  expect(tally.report().losses).toBeGreaterThan(0)
})

type Dir = OciDir<StorageAdapter>

async function dirsOf(name: string): Promise<[Dir, Dir, Dir]> {
  const open = async (): Promise<Dir> => OciDir.ensure(await opfs(name))
  return [await open(), await open(), await open()]
}
