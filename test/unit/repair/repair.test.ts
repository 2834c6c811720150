import { rm } from 'node:fs/promises'
import { afterAll } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { folder } from '../../../adapters/node/index.ts'
import { isLong } from '../../setup/rounds.ts'
import { workFolder } from '../../setup/work-folder.ts'
import { combined, damages } from './damage.ts'
import { mendingTests } from './mending.ts'

mendingTests('memory, every damage', damages, async () => memory())

const made: string[] = []
afterAll(() => Promise.all(made.map(path => rm(path, { recursive: true, force: true }))))

mendingTests('a folder of Node', isLong ? damages : combined, async () => {
  const path = await workFolder('ocidir-repair-')
  made.push(path)
  return folder(path)
})
