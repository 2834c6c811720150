import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { isLong } from '../setup/rounds.ts'
import { figuresOf, flipAll } from './flips.ts'

const stride = isLong ? 1 : 64

it('P1: in a folder no reader gives a blob of which a byte was flipped, cut off or added', {
  timeout: 600_000,
}, async () => {
  const path = await mkdtemp(join(tmpdir(), 'ocidir-flips-'))
  const flips = await flipAll(folder(path), {
    stride,
    store: (_, { digest }, bytes) => writeFile(join(path, 'blobs', digest.replace(':', '/')), bytes),
  })
  await rm(path, { recursive: true })
  console.log(figuresOf('folder', flips))
  expect([...flips.wrongErrors]).toEqual([])
  expect(flips.attempts).toBeGreaterThan((4 * 2 * 4096) / stride)
  expect(flips.undetected).toBe(0)
  expect(flips.blindUndetected).toBe(flips.blind)
})
