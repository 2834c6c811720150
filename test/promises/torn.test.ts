import { mkdtemp, rm } from 'node:fs/promises'
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
