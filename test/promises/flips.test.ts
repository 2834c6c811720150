import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { isLong } from '../setup/rounds.ts'
import { workFolder } from '../setup/work-folder.ts'
import { proveFlips } from './flips.ts'

const stride = isLong ? 1 : 64

it('P1: in a folder no reader gives a blob of which a byte was flipped, cut off or added', {
  timeout: 900_000,
}, async () => {
  const path = await workFolder('ocidir-flips-')
  await proveFlips('folder', folder(path), {
    stride,
    store: (_, { digest }, bytes) => writeFile(join(path, 'blobs', digest.replace(':', '/')), bytes),
  })
  await rm(path, { recursive: true })
})
