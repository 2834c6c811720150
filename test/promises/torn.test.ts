import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { isLong } from '../setup/rounds.ts'
import { indexOf, readBesideWrites, tallyOf } from './torn.ts'

const counts = isLong ? { reads: 100_000, writes: 3_000 } : { reads: 2000, writes: 200 }

it('P6: in a folder no reader sees a torn index.json', { timeout: 1_200_000 }, async () => {
  const path = await mkdtemp(join(tmpdir(), 'ocidir-torn-'))
  const writer = folder(path, { durability: 'relaxed' })
  await OciDir.ensure(writer)
  await writer.update('index.json', () => indexOf(0))
  const torn = await readBesideWrites(
    folder(path),
    version => writer.update('index.json', () => indexOf(version)),
    counts,
  )
  await rm(path, { recursive: true })
  expect(tallyOf('folder', torn).losses).toBe(0)
  expect(torn.seen).toBeGreaterThan(50)
})

it('P6: one that writes index.json of a folder in place is found out', { timeout: 120_000 }, async () => {
  const path = await mkdtemp(join(tmpdir(), 'ocidir-torn-'))
  const storage = folder(path, { durability: 'relaxed' })
  await OciDir.ensure(storage)
  await storage.update('index.json', () => indexOf(0))
  const torn = await readBesideWrites(
    storage,
    async version => {
      const bytes = indexOf(version)
      const handle = await open(join(path, 'index.json'), 'w')
      for (let at = 0; at < bytes.length; at += 512) await handle.write(bytes.subarray(at, at + 512))
      await handle.close()
    },
    { reads: 500, writes: 50 },
  )
  await rm(path, { recursive: true })
  expect(tallyOf('folder, in place (broken on purpose)', torn).losses).toBeGreaterThan(0)
})
